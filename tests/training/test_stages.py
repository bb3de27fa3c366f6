"""What a run trains, stores, drops and refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardView
from diffproxy.generator import (
    AttentionConfig,
    DiffProxyPipeline,
    build_generator,
    load_saved_generator,
    nano_config,
    save_generator,
)
from diffproxy.generator.pipeline import PACKAGED
from diffproxy.training.config import TrainConfig
from diffproxy.training.dataset import ProxySamples, SampleConfig
from diffproxy.training.sanity_check import sanity_check
from diffproxy.training.setup import fixed_options, set_up
from diffproxy.training.start_generator import start_generator
from diffproxy.training.step import drop_conditioning
from diffproxy.training.trainer import held_out_scores, train, train_step
from diffproxy.utils.digests import path_digest
from diffproxy.utils.errors import InputError

VAE = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 4, "block_out_channels": [8, 8], "norm_num_groups": 4,
    "layers_per_block": 1, "sample_size": 16, "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
}  # fmt: skip


def generators(seed):
    """One for each of the two samples of a batch."""
    return [torch.Generator().manual_seed(seed + i) for i in range(2)]


@pytest.fixture
def config(tiny_shards, tiny_generator, tmp_path):
    return TrainConfig(
        out=str(tmp_path / "run"), shards=str(tiny_shards), generator=str(tiny_generator), steps=2, batch=2,
        warmup_steps=1, lr=1e-3, precision="no", workers=0, log_every=1, save_every=2, tensorboard=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def vae_generator(body, tmp_path_factory):
    """A tiny generator with a VAE instead of patches."""
    torch.manual_seed(0)
    nano = nano_config()
    config = nano.replace(
        name="tiny-vae", encoder="efficientnet_lite0", image_size=32, proxy_size=16,
        codec="vae", codec_factor=2, latent_channels=4, codec_args=VAE,
        adapter_args={"widths": [8, 16, 16, 16], "context_layers": 1, "draft": True},
        unet={**nano.unet, "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 16, 16],
              "cross_attention_dim": 8, "attention_head_dim": [1, 2, 2], "norm_num_groups": 8},
        attention=AttentionConfig(epipolar_grids=(4, 2), dense_below=1),
    )  # fmt: skip
    return save_generator(build_generator(config), body.atlas.palette, tmp_path_factory.mktemp("vae"))


def test_checkpoints_hold_what_is_trained_and_no_more(config, tmp_path):
    train(replace(config, freeze_conditioning=True))
    state = torch.load(tmp_path / "run/checkpoints/step_0000002.pt", weights_only=True)
    rooms = ("unet.", "prompts.", "adapter.outputs.", "adapter.fine_output.", "adapter.draft.")
    assert all(any(k.startswith(room) for k in state["model"]) for room in rooms)
    assert all(k.startswith(rooms) for k in state["model"])
    assert state["ema"]["shadow"].keys() == state["model"].keys()


def test_a_frozen_conditioning_keeps_the_direct_prediction(config, tmp_path):
    """Bit for bit, while the maps that the UNet reads change."""
    run = set_up(replace(config, freeze_conditioning=True))
    batch, generator = next(iter(run.loader)), run.bare.generator

    def seen() -> tuple[torch.Tensor, ...]:
        with torch.no_grad():
            adapter = run.bare.condition(batch).adapter
        return adapter.dense_logits, adapter.dense_uv, adapter.features[0]

    before = seen()
    for step in (1, 2):
        train_step(run, step, [batch])
    logits, uv, features = seen()
    assert torch.equal(logits, before[0]) and torch.equal(uv, before[1])
    assert not torch.equal(features, before[2])
    assert not any(p.requires_grad for p in generator.encoder.parameters())


@pytest.mark.parametrize("option", ["freeze_conditioning", "fresh_unet"])
def test_a_configuration_without_weights_has_no_head_to_keep(config, option):
    """`generator=nano` starts untrained: a UNet trained on its head would learn nothing of use."""
    with pytest.raises(InputError, match=f"(?s){option}=true.*untrained.*generator=packaged"):
        set_up(replace(config, generator="nano", **{option: True}))


def test_a_training_goes_on_from_the_weights_in_the_package(config):
    started = start_generator(replace(config, generator="packaged"))
    packaged = DiffProxyPipeline.from_pretrained("nano").network.state_dict()
    assert all(torch.equal(v, packaged[k]) for k, v in started.state_dict().items())
    options = fixed_options(replace(config, generator="packaged"))
    assert options["files of generator"] == path_digest(PACKAGED / "nano")


@pytest.mark.parametrize("options", [{"dense_weight": 0.0}, {"freeze_conditioning": True}])
def test_a_training_without_a_loss_is_refused(config, options):
    with pytest.raises(InputError, match="a loss to train by"):
        set_up(replace(config, diffusion_weight=0.0, **options))


def test_a_run_goes_on_with_its_own_options_and_shards(config, shards_of):
    train(replace(config, freeze_conditioning=True))
    with pytest.raises(InputError, match="freeze_conditioning: True before, False now"):
        train(replace(config, steps=3))
    own = replace(config, freeze_conditioning=True)
    with pytest.raises(InputError, match=r"augment.cut: 0.0 before, 0.5 now; seed: 0 before, 7 now"):
        train(replace(own, seed=7, augment=replace(own.augment, cut=0.5)))
    with pytest.raises(InputError, match="steps=1, with 2 that are trained"):
        train(replace(own, steps=1))
    shard = Path(config.shards) / "b.tar"
    shard.write_bytes((shards_of(0.3) / "a.tar").read_bytes())
    try:
        with pytest.raises(InputError, match="files of shards: "):
            train(own)
    finally:
        shard.unlink()
    train(replace(own, steps=3, workers=0, log_every=1))


def test_gradient_checkpointing_changes_memory_not_gradients(config):
    grads = []
    for on in (False, True):
        run = set_up(replace(config, gradient_checkpointing=on, seed=3))
        batch = next(iter(run.loader))
        loss = run.objective(batch, generators(0))["total"]
        loss.backward()
        unet = run.bare.generator.unet
        assert unet.is_gradient_checkpointing == on
        grads.append({k: p.grad.clone() for k, p in unet.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    for k, g in grads[0].items():
        torch.testing.assert_close(g, grads[1][k], rtol=1e-4, atol=1e-6)


def test_dropped_samples_lose_image_and_adapter_but_nothing_else(config):
    run = set_up(config)
    batch = next(iter(run.loader))
    cond = run.bare.condition(batch)
    dropped = drop_conditioning(cond, torch.tensor([True, False]))
    V = cond.views
    for a, b in zip(cond.adapter.features, dropped.adapter.features, strict=True):
        assert torch.equal(a[:V], b[:V]) and not b[V:].any() and a[V:].any()
    assert torch.equal(cond.image_tokens[:V], dropped.image_tokens[:V]) and not dropped.image_tokens[V:].any()
    assert torch.equal(cond.prompt_ids, dropped.prompt_ids) and dropped.rays is cond.rays


def test_always_dropped_conditioning_teaches_the_adapter_nothing(config):
    run = set_up(replace(config, condition_dropout=1.0, dense_weight=0.0))
    losses = run.objective(next(iter(run.loader)), generators(0))
    losses["total"].backward()
    assert all(p.grad is None or not p.grad.any() for p in run.bare.generator.adapter.parameters())
    assert any(p.grad is not None and p.grad.any() for p in run.bare.generator.unet.parameters())


def test_the_decoder_stage_trains_the_decoder_alone(config, vae_generator):
    run_config = replace(config, stage="decoder", generator=str(vae_generator), steps=6, lr=3e-3)
    run = set_up(run_config)
    first = float(run.objective(next(iter(run.loader)), generators(0))["total"].detach())
    exported = train(run_config)
    before, after = load_saved_generator(vae_generator)[0], load_saved_generator(exported)[0]
    changed = {
        k for k, v in before.state_dict().items() if not torch.equal(v.half(), after.state_dict()[k].half())
    }
    assert changed and all(
        k.startswith(("codec.vae.decoder.", "codec.vae.post_quant_conv.")) for k in changed
    )
    assert "codec" not in after.config.frozen
    run.bare.generator.load_state_dict(after.state_dict())
    assert float(run.objective(next(iter(run.loader)), generators(0))["total"].detach()) < first


def test_a_codec_without_parameters_has_no_decoder_stage(config):
    with pytest.raises(InputError, match="no parameters"):
        train(replace(config, stage="decoder"))
    with pytest.raises(InputError, match="stage as one of"):
        train(replace(config, stage="vae"))


def test_held_out_bodies_are_fitted(config, tiny_shards, held_out_shards):
    run = set_up(
        replace(config, val_shards=str(held_out_shards), val_samples=2, val_fit=1, diffusion_weight=0.0)
    )
    train_step(run, 1, [next(iter(run.loader))])
    scores, image = held_out_scores(run, 1)
    assert {
        "dense_part_accuracy",
        "dense_part_iou",
        "dense_surface_median_mm",
        "dense_unfitted",
    } <= scores.keys()
    assert "sample_part_accuracy" not in scores  # the UNet is not trained in this stage
    assert ("dense_mpjpe" in scores) == (scores["dense_unfitted"] == 0)
    assert image.shape[2] == 3 and image.any() and run.bare.training
    assert (run.out / "samples" / "0000001.png").is_file()


def test_the_held_out_loss_depends_on_the_weights_alone(config, tiny_shards, held_out_shards):
    """Not on the step, on the random state, nor on what training drops."""
    settings = replace(config, val_shards=str(held_out_shards), val_samples=2)
    run = set_up(settings)
    first = held_out_scores(run, 1)[0]["sample_loss"]
    torch.manual_seed(7)
    assert held_out_scores(run, 9)[0]["sample_loss"] == first > 0
    dropping = set_up(replace(settings, out=config.out + "2", condition_dropout=0.9))
    assert held_out_scores(dropping, 1)[0]["sample_loss"] == first
    train_step(run, 1, [next(iter(run.loader))])
    run.ema.update(run.bare.generator)
    assert held_out_scores(run, 1)[0]["sample_loss"] != first


def test_tensorboard_gets_scalars(config, tmp_path):
    pytest.importorskip("tensorboard")
    train(replace(config, tensorboard=True))
    assert list((tmp_path / "run/tensorboard").glob("events.*"))


def shards_of(folder, body, make_ring, labels=None, topology=None, betas=0.0):
    cameras = make_ring(2, size=32)
    maps = np.zeros((32, 32), np.uint8) if labels is None else labels
    view = lambda c: ShardView(np.zeros((32, 32, 3), np.uint8), maps, np.zeros((32, 32, 2), np.float32),  # noqa: E731
                               (maps > 0).astype(np.uint8), c, "body")  # fmt: skip
    params = BodyParams.rest().replace(betas=torch.full((1, 10), betas))
    with ShardWriter(folder / "a.tar") as writer:
        writer.add(
            "s0-0000000", [view(c) for c in cameras], params, {"topology": topology or body.topology_id}
        )
    return ProxySamples(folder, body, SampleConfig(32, 16), None)


def test_wrong_data_is_named_before_the_first_step(body, make_ring, tmp_path):
    good = np.full((32, 32), 3, np.uint8)
    make = lambda name, **kw: shards_of(tmp_path / name, body, make_ring, **kw)  # noqa: E731
    for name in ("ok", "twin", "other", "empty", "hand", "alien"):
        (tmp_path / name).mkdir()
    ok, twin = make("ok", labels=good), make("twin", labels=good)
    sanity_check(ok, make("other", labels=good, betas=1.0), body)
    with pytest.raises(InputError, match="not trained on"):
        sanity_check(ok, ok, body)
    with pytest.raises(InputError, match="not trained on"):
        sanity_check(ok, twin, body)
    with pytest.raises(InputError, match="somebody is seen"):
        sanity_check(make("empty"), None, body)
    with pytest.raises(InputError, match="labels of the palette"):
        sanity_check(make("hand", labels=good + 30), None, body)
    with pytest.raises(InputError, match="topology"):
        sanity_check(make("alien", labels=good, topology="0" * 16), None, body)


def test_a_network_is_changed_by_name_and_keeps_what_fits(config, tiny_generator):
    run = set_up(
        replace(config, network={"attention": {"epipolar": False}, "adapter_args": {"view_layers": 1}})
    )
    generator, saved = run.bare.generator, load_saved_generator(tiny_generator)[0]
    assert not any(".epipolar." in k for k in generator.state_dict())
    assert torch.equal(generator.adapter.head.weight, saved.adapter.head.weight)
    assert generator.config.adapter_args["widths"] == saved.config.adapter_args["widths"]
    for wrong in ({"atention": {}}, {"attention": {"epipola": False}}):
        with pytest.raises(InputError, match=r"fields of a generator|switches"):
            set_up(replace(config, network=wrong))


def test_a_fresh_unet_keeps_all_else(config, tiny_generator):
    seed = config.seed + 1  # `tiny_generator` is drawn with the other one, as a fresh UNet would be
    fresh = set_up(replace(config, fresh_unet=True, seed=seed)).bare.generator.state_dict()
    saved = load_saved_generator(tiny_generator)[0].state_dict()
    changed = {k.split(".")[0] for k in saved if not torch.equal(saved[k].to(fresh[k]), fresh[k])}
    assert changed == {"unet"}


def test_a_warm_up_that_outlasts_the_run_is_named(config, caplog):
    set_up(replace(config, steps=3, warmup_steps=3))
    assert "stays below" in caplog.text
