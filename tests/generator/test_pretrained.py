"""`sd21` with tiny public parts made here: what is read, what is refused, what is stored, and no network."""

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from diffproxy.cameras import Camera
from diffproxy.generator import (
    AttentionConfig,
    CameraBatch,
    DiffProxyPipeline,
    GeneratorConfig,
    initial_generator,
    load_saved_generator,
    save_generator,
    sd21_config,
)
from diffproxy.generator.network.network import is_trained_in_unet
from diffproxy.generator.presets import preset
from diffproxy.generator.pretrained import is_branch
from diffproxy.generator.stored_palette import StoredPalette
from diffproxy.generator.weight_sources import source_file
from diffproxy.utils.errors import InputError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "someone/tiny-diffusion"
VAE_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def tiny_sd21() -> GeneratorConfig:
    """sd21, shrunk: 64² images and proxies, 8² latents, 4 to 16 channels."""
    config = sd21_config()
    sd = {"repo": REPO, "revision": COMMIT}
    return config.replace(
        name="tiny-sd21",
        image_size=64,
        proxy_size=64,
        codec_args={**config.codec_args, "block_out_channels": [4, 4, 4, 4], "layers_per_block": 1,
                    "norm_num_groups": 2, "sample_size": 64},
        encoder_args={"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 14,
                      "image_size": 42, "resize": 28},
        adapter_args={"channels": [8, 8, 16, 16], "num_res_blocks": 1, "downscale_factor": 8},
        unet={**config.unet, "sample_size": 8, "block_out_channels": [8, 8, 16, 16], "layers_per_block": 1,
              "cross_attention_dim": 16, "attention_head_dim": [1, 1, 2, 2], "norm_num_groups": 4},
        attention=AttentionConfig(epipolar_grids=(8, 4, 2, 1), dense_below=1),
        prompt_tokens=8,
        sources={
            "unet": {**sd, "subfolder": "unet"},
            "codec": {**sd, "subfolder": "vae"},
            "text_encoder": {**sd, "subfolder": "text_encoder"},
            "tokenizer": {**sd, "subfolder": "tokenizer"},
            "encoder": {"repo": "someone/tiny-dino", "revision": COMMIT, "subfolder": ""},
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def originals(load_benchmark, tmp_path_factory) -> Path:
    """`sd` and `dino` as their own libraries write them, of a few channels, with random weights."""
    root = tmp_path_factory.mktemp("public")
    torch.manual_seed(0)
    text = {"vocab_size": 54, "num_hidden_layers": 2, "num_attention_heads": 2}
    load_benchmark("sd21_full_size").write_public(tiny_sd21(), root, text)
    return root


def places(root: Path) -> dict[str, Path]:
    return {p: root / "sd" for p in ("unet", "codec", "text_encoder", "tokenizer")} | {
        "encoder": root / "dino"
    }


@pytest.fixture
def public(originals, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(originals, tmp_path / "public"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Any attempt to reach another machine fails the test."""
    from huggingface_hub import constants

    def refuse(*args, **kwargs):
        pytest.fail("tried to use the network")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def generator(originals):
    torch.manual_seed(1)
    return initial_generator(tiny_sd21(), places(originals)).eval()


def palette() -> StoredPalette:
    colors = np.concatenate([np.zeros((1, 3)), np.random.default_rng(0).uniform(0.2, 1, (42, 3))])
    return StoredPalette(
        {i: f"part{i}" for i in range(43)}, colors, tuple(range(1, 31)), tuple(range(31, 43))
    )


def cameras(n: int) -> list[Camera]:
    K = np.array([[80.0, 0, 32], [0, 80.0, 32], [0, 0, 1]])
    turns = [
        np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) for c, s in [(np.cos(a), np.sin(a)) for a in range(n)]
    ]
    return [Camera(f"c{i}", 64, 64, K, R, np.array([0, 0, 3.0])) for i, R in enumerate(turns)]


def test_every_public_tensor_is_loaded(generator, originals):
    from transformers import CLIPTextModel, CLIPTokenizer, Dinov2Model

    unet = load_file(originals / "sd" / "unet" / "diffusion_pytorch_model.safetensors")
    own = {k.replace(".block.", "."): v for k, v in generator.unet.state_dict().items()}
    assert all(torch.equal(own[k], v) for k, v in unet.items())
    vae = load_file(originals / "sd" / "vae" / "diffusion_pytorch_model.safetensors")
    own = generator.codec.vae.state_dict()
    assert own.keys() == vae.keys() and all(torch.equal(own[k], v) for k, v in vae.items())
    dino, x = Dinov2Model.from_pretrained(originals / "dino").eval(), torch.rand(1, 3, 28, 28)
    with torch.no_grad():
        expected, found = dino(x).last_hidden_state, generator.encoder.model(x).last_hidden_state
        assert torch.equal(found, expected)
        text = CLIPTextModel.from_pretrained(originals / "sd" / "text_encoder").eval()
        tokenizer = CLIPTokenizer.from_pretrained(originals / "sd" / "tokenizer")
        one = tokenizer("hand surface UV map", padding="max_length", max_length=8, truncation=True)
        one = text(torch.tensor([one.input_ids])).last_hidden_state[0]
    torch.testing.assert_close(generator.prompts.table[3], one, rtol=1e-5, atol=1e-5)
    assert len(set(generator.prompts.table[:, 1, 0].tolist())) == 2  # "body ..." and "hand ..."


def test_a_fresh_generator_computes_what_the_public_unet_computes(generator, originals):
    from diffusers import UNet2DConditionModel

    plain = UNet2DConditionModel.from_pretrained(originals / "sd" / "unet").eval()
    latents = torch.randn(1, 2, 2, 4, 8, 8)
    with torch.no_grad():
        c = generator.condition(
            torch.rand(1, 2, 3, 64, 64), CameraBatch.from_cameras([cameras(2)]), torch.tensor([[0, 1]])
        )
        expected = plain(
            latents.flatten(0, 2), 500, generator.prompts(c.prompt_ids.flatten()),
            down_intrablock_additional_residuals=[f.repeat_interleave(2, 0) for f in c.adapter.features],
        ).sample  # fmt: skip
        found = generator.denoise(latents, torch.tensor(500), c)
    # Not bit for bit: of the few channels here, two calls of one matrix product may differ in the last bit.
    torch.testing.assert_close(found.flatten(0, 2), expected, rtol=0, atol=2e-6)


def test_only_the_papers_parts_get_gradients(originals):
    generator = initial_generator(tiny_sd21(), places(originals)).train()
    for name, p in generator.named_parameters():
        if name.endswith("to_out.weight"):
            torch.nn.init.normal_(p, std=0.1)
    images, kinds = torch.rand(1, 2, 3, 64, 64), torch.tensor([[0, 1]])
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            generator.unet.enable_gradient_checkpointing()
        generator.zero_grad(set_to_none=True)
        torch.manual_seed(2)
        c = generator.condition(images, CameraBatch.from_cameras([cameras(2)]), kinds)
        generator.denoise(torch.randn(1, 2, 2, 4, 8, 8), torch.tensor([9]), c).square().mean().backward()
        gradients.append({n: p.grad for n, p in generator.named_parameters() if p.grad is not None})
    trained = {n for n, p in generator.named_parameters() if p.requires_grad}
    assert gradients[0].keys() == gradients[1].keys() == trained
    assert {n.split(".")[0] for n in trained} == {"adapter", "unet"}
    for name, g in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], g, rtol=1e-4, atol=1e-6)


def test_vae_files_with_the_old_attention_names_load_the_same(generator, public):
    path = public / "sd" / "vae" / "diffusion_pytorch_model.safetensors"
    old = {}
    for key, value in load_file(path).items():
        for new_name, old_name in VAE_NAMES.items():
            key = key.replace(f".attentions.0.{new_name}.", f".attentions.0.{old_name}.")
        old[key] = value
    assert "decoder.mid_block.attentions.0.proj_attn.weight" in old
    save_file(old, path)
    again = initial_generator(tiny_sd21(), places(public))
    latents = torch.randn(1, 4, 2, 2)
    with torch.no_grad():
        assert torch.equal(again.codec.decode(latents), generator.codec.decode(latents))


def test_dino_files_have_the_names_of_the_published_ones(originals):
    names = load_file(originals / "dino" / "model.safetensors").keys()
    assert "encoder.layer.0.attention.attention.query.weight" in names


def test_half_precision_files_load_in_full_precision(public):
    path = public / "sd" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({k: v.half() for k, v in load_file(path).items()}, path)
    generator = initial_generator(tiny_sd21(), places(public))
    assert {p.dtype for p in generator.parameters()} == {torch.float32}


def test_copies_named_fp16_are_read_and_pinned(public, tmp_path):
    """Also where the preset pins the published file, and again when the saved generator is loaded."""
    for path in (*public.glob("sd/*/*.safetensors"), public / "dino/model.safetensors"):
        save_file(
            {k: v.half() for k, v in load_file(path).items()},
            path.with_suffix(".fp16.safetensors"),
            {"format": "pt"},
        )
        path.unlink()
    config = tiny_sd21()
    pins = {p: {**s, **({"sha256": "0" * 64} if p != "tokenizer" else {})} for p, s in config.sources.items()}
    generator = initial_generator(config.replace(sources=pins), places(public))
    assert {p.dtype for p in generator.parameters()} == {torch.float32}
    folder = save_generator(generator, palette(), tmp_path / "saved")
    again = load_saved_generator(folder, places(public))[0].state_dict()
    assert all(torch.equal(again[k], v) for k, v in generator.state_dict().items())
    path = public / "sd/unet/diffusion_pytorch_model.fp16.safetensors"
    edit_tensors(path, lambda state: state["conv_in.bias"].add_(1))
    with pytest.raises(InputError, match="different or damaged"):
        load_saved_generator(folder, places(public))


def ldm_names(layers: int) -> list[tuple[str, str]]:
    """Prefixes of a UNet of four levels in diffusers and in the original code."""
    inner = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("norm2", "out_layers.0")]
    inner += [
        ("conv2", "out_layers.3"),
        ("time_emb_proj", "emb_layers.1"),
        ("conv_shortcut", "skip_connection"),
    ]
    blocks = [("mid_block.resnets.0", "middle_block.0"), ("mid_block.resnets.1", "middle_block.2")]
    attentions, others = [("mid_block.attentions.0.", "middle_block.1.")], []
    for i in range(4):
        for j in range(layers):
            blocks.append((f"down_blocks.{i}.resnets.{j}", f"input_blocks.{(layers + 1) * i + j + 1}.0"))
            attentions.append(
                (f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{(layers + 1) * i + j + 1}.1.")
            )
        for j in range(layers + 1):
            blocks.append((f"up_blocks.{i}.resnets.{j}", f"output_blocks.{(layers + 1) * i + j}.0"))
            attentions.append((f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{(layers + 1) * i + j}.1."))
        down, up = (layers + 1) * (i + 1), (layers + 1) * i + layers
        others.append((f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{down}.0.op."))
        others.append((f"up_blocks.{i}.upsamplers.0.conv.", f"output_blocks.{up}.{1 if i == 0 else 2}.conv."))
    others += [("time_embedding.linear_1.", "time_embed.0."), ("time_embedding.linear_2.", "time_embed.2.")]
    others += [("conv_in.", "input_blocks.0.0."), ("conv_norm_out.", "out.0."), ("conv_out.", "out.2.")]
    return others + attentions + [(f"{a}.{x}.", f"{b}.{y}.") for a, b in blocks for x, y in inner]


@pytest.mark.parametrize("names", ["diffusers", "original", "original, without prefix"])
def test_a_single_file_of_the_unet_gives_the_same_network(generator, originals, tmp_path, names):
    state = load_file(originals / "sd/unet/diffusion_pytorch_model.safetensors")
    if names != "diffusers":
        prefix, renamed = "model.diffusion_model." if names == "original" else "", {}
        for key, value in state.items():
            ours, theirs = next(pair for pair in ldm_names(1) if key.startswith(pair[0]))
            renamed[prefix + theirs + key.removeprefix(ours)] = value
        state = renamed
    path = tmp_path / "unet.safetensors"
    save_file(state, path)
    again = initial_generator(tiny_sd21(), places(originals) | {"unet": path}).unet.state_dict()
    public = {k: v for k, v in generator.unet.state_dict().items() if not is_branch(k)}
    assert public and all(torch.equal(again[k], v) for k, v in public.items())


def test_single_files_of_other_parts_and_networks_are_explained(originals, tmp_path):
    path = originals / "sd/vae/diffusion_pytorch_model.safetensors"
    with pytest.raises(InputError, match="only of the unet"):
        initial_generator(tiny_sd21(), places(originals) | {"codec": path})
    with pytest.raises(InputError, match="that fit the tiny-sd21 unet"):
        initial_generator(tiny_sd21(), places(originals) | {"unet": path})


def test_the_pinned_hub_revision_is_found_in_the_cache(public, empty_cache):
    for name, repo in (("sd", "someone--tiny-diffusion"), ("dino", "someone--tiny-dino")):
        shutil.copytree(public / name, empty_cache / f"models--{repo}" / "snapshots" / COMMIT)
    assert initial_generator(tiny_sd21()).config.name == "tiny-sd21"
    shutil.rmtree(empty_cache / "models--someone--tiny-diffusion" / "snapshots" / COMMIT / "vae")
    with pytest.raises(InputError, match="not there"):
        initial_generator(tiny_sd21())


def test_nothing_is_downloaded_unasked(empty_cache):
    with pytest.raises(InputError, match="not in the local hub cache"):
        initial_generator(tiny_sd21())


def test_a_file_with_another_checksum_than_the_pinned_one_is_refused(originals):
    config = tiny_sd21()
    for part in ("unet", "codec", "encoder", "text_encoder"):
        sources = {**config.sources, part: {**config.sources[part], "sha256": "0" * 64}}
        with pytest.raises(InputError, match="with SHA-256 000000000000"):
            source_file(part, config.replace(sources=sources), places(originals))


def edit_tensors(path: Path, change) -> None:
    state = load_file(path)
    change(state)
    save_file(state, path)


def edit_json(path: Path, **values) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


UNET, VAE = "sd/unet/diffusion_pytorch_model.safetensors", "sd/vae/diffusion_pytorch_model.safetensors"
TEXT, DINO = "sd/text_encoder/model.safetensors", "dino/model.safetensors"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda r: (r / UNET).unlink(), "diffusion_pytorch_model.safetensors in the unet folder"),
        (lambda r: (r / UNET).rename(r / "sd/unet/diffusion_pytorch_model.bin"), "convert the weights"),
        (lambda r: (r / "sd/vae/config.json").unlink(), "config.json in the codec folder"),
        (lambda r: (r / "sd/vae/config.json").write_text("{"), "as JSON"),
        (lambda r: (r / UNET).write_bytes((r / UNET).read_bytes()[:-7]), "whole safetensors file"),
        (lambda r: (r / DINO).write_bytes((r / DINO).read_bytes()[:-7]), "Dinov2Model weights in"),
        (lambda r: (r / TEXT).write_bytes(b""), "CLIPTextModel weights in"),
        (
            lambda r: edit_tensors(r / UNET, lambda s: s.pop("conv_in.bias")),
            "1 tensors missing, e.g. conv_in",
        ),
        (
            lambda r: edit_tensors(r / UNET, lambda s: s.update(new=torch.ones(1))),
            "1 tensors unknown, e.g. new",
        ),
        (
            lambda r: edit_tensors(r / VAE, lambda s: s.update({"quant_conv.bias": torch.ones(1)})),
            "another shape",
        ),
        (lambda r: edit_tensors(r / DINO, lambda s: s.pop("layernorm.bias")), "missing, e.g. layernorm.bias"),
        (lambda r: edit_tensors(r / TEXT, lambda s: s.pop(min(s))), "all weights of CLIPTextModel"),
        (lambda r: edit_json(r / "sd/unet/config.json", attention_head_dim=8), "attention_head_dim=8"),
        (lambda r: edit_json(r / "dino/config.json", num_attention_heads=4), "num_attention_heads=4"),
        (lambda r: edit_json(r / "sd/text_encoder/config.json", hidden_size=12), "hidden_size=12"),
        (
            lambda r: edit_json(r / "sd/scheduler/scheduler_config.json", prediction_type="v_prediction"),
            "prediction_type=v_prediction",
        ),
        (lambda r: (r / "sd/tokenizer/merges.txt").unlink(), "merges.txt in the tokenizer folder"),
        (
            lambda r: edit_json(r / "sd/tokenizer/vocab.json", **{"y</w>": 999}),
            "tokenizer of at most 54 words",
        ),
        (lambda r: shutil.rmtree(r / "dino"), "no such folder"),
    ],
)
def test_incomplete_and_mismatching_folders_are_explained(public, damage, message):
    damage(public)
    with pytest.raises(InputError, match=message):
        initial_generator(tiny_sd21(), places(public))


def test_misspelt_parts_are_refused(originals):
    with pytest.raises(InputError, match="vae"):
        initial_generator(tiny_sd21(), {**places(originals), "vae": originals})


def test_a_saved_generator_holds_the_trained_parts_and_references(originals, tmp_path):
    generator = initial_generator(tiny_sd21(), places(originals))
    for name, p in generator.unet.named_parameters():
        if is_trained_in_unet(name):
            torch.nn.init.normal_(p)
    generator.unet.requires_grad_(False)  # as a later stage may: what was trained is stored all the same
    folder = save_generator(generator, palette(), tmp_path / "g")
    files = {str(p.relative_to(folder)) for p in folder.rglob("*.safetensors")}
    assert files == {f"{p}/model.safetensors" for p in ("adapter", "prompts", "unet")}
    assert all(is_trained_in_unet(k) for k in load_file(folder / "unet" / "model.safetensors"))
    sources = json.loads((folder / "model_index.json").read_text())["sources"]
    assert sources["unet"]["repo"] == REPO and len(sources["unet"]["sha256"]) == 64

    again, _ = load_saved_generator(folder, places(originals))
    own = generator.state_dict()
    assert all(torch.equal(v, own[k]) for k, v in again.state_dict().items())


def test_loading_makes_no_random_weights_and_leaves_no_file_mapped(generator, public, tmp_path):
    folder, before = save_generator(generator, palette(), tmp_path / "g"), torch.get_rng_state()
    again, _ = load_saved_generator(folder, places(public))
    assert torch.equal(torch.get_rng_state(), before)
    for path in (*folder.rglob("*.safetensors"), *public.rglob("*.safetensors")):
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
    own, found = (dict([*g.named_parameters(), *g.named_buffers()]) for g in (generator, again))
    assert own.keys() == found.keys() and all(torch.equal(v, own[k]) for k, v in found.items())
    assert {k for k, p in again.named_parameters() if p.requires_grad} == {
        k for k, p in generator.named_parameters() if p.requires_grad
    }


def test_trained_parts_never_meet_other_public_weights(generator, public, empty_cache, tmp_path):
    folder = save_generator(generator, palette(), tmp_path / "g")
    with pytest.raises(InputError, match="not in the local hub cache"):
        load_saved_generator(folder)
    edit_tensors(public / UNET, lambda s: s.update({"conv_in.bias": s["conv_in.bias"] + 1}))
    with pytest.raises(InputError, match="a different or damaged file"):
        load_saved_generator(folder, places(public))


def test_a_thawed_part_is_stored_whole_and_needs_no_source(originals, empty_cache, tmp_path):
    """The decoder refinement of the paper: the codec is trained, so its public file no longer matters."""
    generator = initial_generator(
        tiny_sd21().replace(frozen=("encoder", "unet", "prompts")), places(originals)
    )
    with torch.no_grad():
        generator.codec.vae.decoder.conv_out.bias += 1
    folder = save_generator(generator, palette(), tmp_path / "g")
    assert (folder / "codec" / "model.safetensors").is_file()
    some = {k: v for k, v in places(originals).items() if k in ("unet", "encoder")}
    again, _ = load_saved_generator(folder, some)
    assert torch.equal(again.codec.vae.decoder.conv_out.bias, generator.codec.vae.decoder.conv_out.bias)


def test_the_pipeline_samples_with_public_parts(generator, originals, tmp_path):
    folder = save_generator(generator, palette(), tmp_path / "g")
    pipe = DiffProxyPipeline.from_pretrained(folder, sources=places(originals), precision="fp32")
    assert isinstance(pipe, DiffProxyPipeline)
    images, kinds = torch.rand(2, 3, 64, 64), ["body", "left_hand"]
    maps = pipe(images, cameras(2), kinds, num_samples=2, num_inference_steps=2).proxies
    assert maps.labels.shape == (2, 64, 64) and np.isfinite(maps.uv).all() and maps.weight.max() <= 1
    with pytest.raises(InputError, match="no dense regression head"):
        pipe(images, cameras(2), kinds, num_inference_steps=0)


def test_training_starts_from_no_part_that_is_not_there(originals):
    with pytest.raises(InputError, match="sources only of parts"):
        initial_generator(tiny_sd21(), places(originals) | {"foo": "/nowhere"})
    with pytest.raises(InputError, match="foo"):
        initial_generator(preset("nano"), {"foo": "/nowhere"})
