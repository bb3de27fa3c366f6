"""The generator network: fresh branches change nothing, views are a set, switches do what they say."""

import dataclasses
import math

import pytest
import torch

from diffproxy.generator import (
    AttentionConfig,
    GeneratorConfig,
    build_generator,
    nano_config,
    sd21_config,
)
from diffproxy.generator.network import backends
from diffproxy.generator.network.camera_conditioning import CameraBatch
from diffproxy.generator.network.network import is_trained_in_unet
from diffproxy.generator.network.schedule import add_noise
from diffproxy.utils.errors import InputError


def tiny_config(**attention) -> GeneratorConfig:
    """nano, shrunk: 32² images, 16² proxies, 8² latents."""
    config = nano_config()
    return config.replace(
        name="tiny",
        encoder="efficientnet_lite0",  # cheaper than MoveNet at this size
        image_size=32,
        proxy_size=16,
        adapter_args={"widths": [8, 16, 16, 16], "context_layers": 1, "draft": True, "view_layers": 1},
        unet={
            **config.unet,
            "sample_size": 8,
            "in_channels": 12,
            "block_out_channels": [16, 16, 16],
            "cross_attention_dim": 8,
            "attention_head_dim": [1, 2, 2],
            "norm_num_groups": 8,
        },
        attention=AttentionConfig(epipolar_grids=(4, 2), dense_below=1, **attention),
    )


def ring(n: int, size: float = 32.0) -> CameraBatch:
    """One group of n cameras on a circle of radius 3 m looking at (0, 1, 0), at slightly different heights."""
    K, R, t = [], [], []
    for i in range(n):
        angle, height = 2 * math.pi * i / n + 0.1, 1.0 + 0.2 * i
        center = torch.tensor([3 * math.sin(angle), height, 3 * math.cos(angle)], dtype=torch.float64)
        z = torch.nn.functional.normalize(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64) - center, dim=0)
        x = torch.nn.functional.normalize(torch.linalg.cross(-torch.tensor([0.0, 1, 0]).double(), z), dim=0)
        rotation = torch.stack([x, torch.linalg.cross(z, x), z])
        K.append(torch.tensor([[1.3 * size, 0, size / 2], [0, 1.3 * size, size / 2], [0, 0, 1.0]]))
        R.append(rotation)
        t.append(-rotation @ center)
    return CameraBatch.from_arrays(torch.stack(K)[None], torch.stack(R)[None], torch.stack(t)[None], size)


def awake(generator):
    """Give every zero-initialised branch a random output, so that it takes part."""
    torch.manual_seed(1)
    for name, p in generator.named_parameters():
        if name.endswith("to_out.weight") or name.endswith("rays.weight"):
            torch.nn.init.normal_(p, std=0.3)
    return generator.eval()


def run(generator, images, cameras, kinds, latents, t=500, valid=None):
    with torch.no_grad():
        c = generator.condition(images, cameras, kinds, valid)
        return generator.denoise(latents, torch.tensor(t), c)


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    kinds = torch.tensor([[0, 0, 1, 2]])
    return torch.rand(1, 4, 3, 32, 32), ring(4), kinds, torch.randn(1, 4, 2, 12, 8, 8)


def test_fresh_network_equals_the_plain_unet_bit_for_bit(inputs):
    from diffusers import UNet2DConditionModel

    images, cameras, kinds, latents = inputs
    config = tiny_config()
    # diffusers adds a plain down block's map after its downsampler: compare where both agree, i.e. attention blocks.
    config = config.replace(
        unet={**config.unet, "down_block_types": ["CrossAttnDownBlock2D"] * 3,
              "up_block_types": ["CrossAttnUpBlock2D"] * 3}
    )  # fmt: skip
    generator = build_generator(config).eval()
    plain = UNet2DConditionModel(**config.unet).eval()
    state = {k.replace(".block.", "."): v for k, v in generator.unet.state_dict().items()}
    plain.load_state_dict({k: v for k, v in state.items() if k in plain.state_dict()}, strict=True)
    with torch.no_grad():
        c = generator.condition(images, cameras, kinds)
        out = generator.denoise(latents, torch.tensor(500), c)
        for view in range(4):
            for m in range(2):
                prompt = c.prompt_ids[view, m][None]
                expected = plain(
                    latents[:, view, m],
                    500,
                    generator.prompts(prompt),
                    class_labels=prompt,
                    down_intrablock_additional_residuals=[f[view : view + 1] for f in c.adapter.features],
                ).sample
                alone = generator.denoise(latents, torch.tensor(500), c)[:, view, m]
                assert torch.equal(out[:, view, m], alone)
                torch.testing.assert_close(out[:, view, m], expected, rtol=0, atol=2e-6)
        rows = c.prompt_ids.flatten()
        features = [f.repeat_interleave(2, 0) for f in c.adapter.features]
        expected = plain(
            latents.flatten(0, 2), 500, generator.prompts(rows), class_labels=rows,
            down_intrablock_additional_residuals=features,
        ).sample  # fmt: skip
    assert torch.equal(out.flatten(0, 2), expected)


def test_permuting_views_permutes_outputs(inputs):
    images, cameras, kinds, latents = inputs
    generator = awake(build_generator(tiny_config()))
    out = run(generator, images, cameras, kinds, latents)
    p = torch.tensor([2, 0, 3, 1])
    moved = CameraBatch(cameras.K[:, p], cameras.R_cam_world[:, p], cameras.t_cam_world[:, p])
    again = run(generator, images[:, p], moved, kinds[:, p], latents[:, p])
    torch.testing.assert_close(again, out[:, p], rtol=1e-4, atol=1e-5)


def test_views_do_exchange_information(inputs):
    images, cameras, kinds, latents = inputs
    generator = awake(build_generator(tiny_config()))
    out = run(generator, images, cameras, kinds, latents)
    changed = latents.clone()
    changed[:, 0] += 1
    assert (run(generator, images, cameras, kinds, changed)[:, 1] - out[:, 1]).abs().max() > 1e-4


def test_adding_an_invalid_view_changes_nothing(inputs):
    images, cameras, kinds, latents = inputs
    generator = awake(build_generator(tiny_config()))
    c3 = CameraBatch(cameras.K[:, :3], cameras.R_cam_world[:, :3], cameras.t_cam_world[:, :3])
    # The padding repeats a camera, as a loader would: it must not move the scene frame either.
    pad = CameraBatch(*(torch.cat([x, x[:, :1]], 1) for x in (c3.K, c3.R_cam_world, c3.t_cam_world)))
    valid = torch.tensor([[True, True, True, False]])
    three = run(generator, images[:, :3], c3, kinds[:, :3], latents[:, :3])
    four = run(generator, images, pad, kinds, latents, valid=valid)
    torch.testing.assert_close(four[:, :3], three, rtol=1e-4, atol=1e-5)


def test_world_frame_and_units_do_not_matter(inputs):
    images, cameras, kinds, latents = inputs
    generator = awake(build_generator(tiny_config()))
    out = run(generator, images, cameras, kinds, latents)
    q, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.manual_seed(3)))
    q = q * torch.det(q)
    shift, scale = torch.tensor([5.0, -2.0, 9.0]).double(), 1000.0
    R = cameras.R_cam_world @ q.T  # x_new = scale q x + shift
    t = scale * cameras.t_cam_world - (R @ shift[:, None])[..., 0]
    again = run(generator, images, CameraBatch(cameras.K, R, t), kinds, latents)
    torch.testing.assert_close(again, out, rtol=1e-3, atol=1e-4)


def test_cross_modality_is_symmetric_under_a_swap():
    """With the same prompt for both streams, swapping the two latents swaps the two outputs."""
    torch.manual_seed(0)
    generator = awake(build_generator(tiny_config()))
    c = generator.condition(torch.rand(1, 2, 3, 32, 32), ring(2), torch.zeros(1, 2, dtype=torch.long))
    c = dataclasses.replace(c, prompt_ids=torch.zeros_like(c.prompt_ids))
    latents = torch.randn(1, 2, 2, 12, 8, 8)
    with torch.no_grad():
        out = generator.denoise(latents, torch.tensor(3), c)
        swapped = generator.denoise(latents.flip(2), torch.tensor(3), c)
        other = latents.clone()
        other[:, :, 1] += 1
        leak = generator.denoise(other, torch.tensor(3), c)
    torch.testing.assert_close(swapped, out.flip(2), rtol=1e-4, atol=1e-5)
    assert (leak[:, :, 0] - out[:, :, 0]).abs().max() > 1e-4


def test_samples_of_one_group_equal_separate_runs():
    torch.manual_seed(0)
    generator = awake(build_generator(tiny_config()))
    images, kinds = torch.rand(2, 3, 3, 32, 32), torch.zeros(2, 3, dtype=torch.long)
    a, b = ring(3), ring(3)
    cameras = CameraBatch(*(torch.cat([getattr(a, f), getattr(b, f) * s]) for f, s in
                            (("K", 1.0), ("R_cam_world", 1.0), ("t_cam_world", 2.0))))  # fmt: skip
    latents = torch.randn(4, 3, 2, 12, 8, 8)  # rows: group 0 sample 0, 1; group 1 sample 0, 1
    with torch.no_grad():
        both = generator.denoise(latents, torch.tensor(9), generator.condition(images, cameras, kinds))
        for g in range(2):
            one = CameraBatch(
                cameras.K[g : g + 1], cameras.R_cam_world[g : g + 1], cameras.t_cam_world[g : g + 1]
            )
            c = generator.condition(images[g : g + 1], one, kinds[g : g + 1])
            for k in range(2):
                row = 2 * g + k
                alone = generator.denoise(latents[row : row + 1], torch.tensor(9), c)
                torch.testing.assert_close(both[row : row + 1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("switch", ["text", "image", "cross_modality", "epipolar"])
def test_each_branch_can_be_switched_off(inputs, switch):
    images, cameras, kinds, latents = inputs
    generator = awake(build_generator(tiny_config(**{switch: False})))
    assert not any(f".{switch}." in n for n, _ in generator.unet.named_parameters())
    full = awake(build_generator(tiny_config()))
    full.load_state_dict(generator.state_dict(), strict=False)
    out = run(generator, images, cameras, kinds, latents)
    assert out.isfinite().all() and (out - run(full, images, cameras, kinds, latents)).abs().max() > 1e-5


@pytest.mark.parametrize("kind", ["pyramid", "none"])
def test_without_adapter_images_reach_the_unet_by_attention_alone(inputs, kind):
    images, cameras, kinds, latents = inputs

    def sees_images(**attention):
        config = tiny_config(**attention)
        left_out = config.adapter_args | {"residuals": False, "draft": False}
        config = config.replace(adapter_args=left_out) if kind == "pyramid" else config.replace(adapter=kind)
        generator = awake(build_generator(config))
        assert not any(
            n.startswith(("adapter.outputs", "adapter.fine", "adapter.draft")) for n in generator.state_dict()
        )
        outputs = (run(generator, x, cameras, kinds, latents) for x in (images, images.flip(-1)))
        return not torch.equal(*outputs)

    assert sees_images() and not sees_images(image=False)


def test_no_cameras_work(inputs):
    images, _, kinds, latents = inputs
    generator = awake(build_generator(tiny_config()))
    assert run(generator, images, None, kinds, latents).isfinite().all()


@pytest.mark.parametrize("views", [1, 2, 3, 5, 8, 16])
def test_any_number_of_views_up_to_sixteen(views):
    """The same weights; the last view has its say in the first."""
    torch.manual_seed(0)
    generator = awake(build_generator(tiny_config()))
    images, kinds = torch.rand(1, views, 3, 32, 32), torch.arange(views)[None] % 3
    latents = torch.randn(1, views, 2, 12, 8, 8)
    out = run(generator, images, ring(views), kinds, latents)
    assert out.shape == latents.shape and out.isfinite().all()
    if views > 1:
        changed = latents.clone()
        changed[:, -1] += 1
        assert (run(generator, images, ring(views), kinds, changed)[:, 0] - out[:, 0]).abs().max() > 1e-5


def test_flex_attention_gives_the_same_network(inputs, monkeypatch):
    from torch.nn.attention.flex_attention import flex_attention

    # its compiler takes half a minute
    monkeypatch.setattr(backends, "_compiled_flex", lambda: flex_attention)
    generator = awake(build_generator(tiny_config()))
    expected = run(generator, *inputs)
    generator.use_backend("flex")
    torch.testing.assert_close(run(generator, *inputs), expected, rtol=1e-4, atol=1e-5)
    images, _, kinds, latents = inputs
    assert run(generator, images, None, kinds, latents).isfinite().all()  # no cameras, no mask


def test_gradients_reach_every_trainable_parameter_and_no_frozen_one(inputs):
    images, cameras, kinds, latents = inputs
    generator = awake(build_generator(tiny_config())).train()
    c = generator.condition(images, cameras, kinds)
    a = c.adapter
    (
        generator.denoise(latents, torch.tensor(9), c).square().mean()
        + a.dense_logits.mean()
        + a.dense_uv.mean()
    ).backward()
    missing = [n for n, p in generator.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing
    assert all(p.grad is None for p in generator.encoder.parameters())


def test_dense_head_has_proxy_resolution(inputs):
    images, cameras, kinds, _ = inputs
    a = build_generator(tiny_config()).condition(images, cameras, kinds).adapter
    assert a.dense_logits.shape == (4, 43, 16, 16) and a.dense_uv.shape == (4, 2, 16, 16)
    assert [tuple(f.shape) for f in a.features] == [(4, 16, 8, 8), (4, 16, 4, 4), (4, 16, 2, 2)]


def dense(generator, images, cameras, kinds, valid=None):
    with torch.no_grad():
        a = generator.condition(images, cameras, kinds, valid).adapter
    return torch.cat([a.dense_logits, a.dense_uv], 1).unflatten(0, images.shape[:2])


def test_the_dense_head_knows_the_other_views_and_where_they_stand(inputs):
    images, cameras, kinds, _ = inputs
    images = images.double()
    fresh = build_generator(tiny_config()).double().eval()
    blind = fresh.encoder.forward

    def sees(flat):
        """An untrained encoder passes on next to nothing of so small an image."""
        out = blind(flat)
        return dataclasses.replace(
            out, pyramid=[p + flat.mean((1, 2, 3))[:, None, None, None] for p in out.pyramid]
        )

    fresh.encoder.forward = sees
    alone = torch.cat([dense(fresh, images[:, [v]], None, kinds[:, [v]]) for v in range(4)], 1)
    torch.testing.assert_close(dense(fresh, images, cameras, kinds), alone, rtol=1e-6, atol=1e-8)
    generator = awake(fresh)
    out = dense(generator, images, cameras, kinds)
    assert (out - alone).abs().max() > 1e-7
    other = images.clone()
    other[:, 0] = 0
    assert (dense(generator, other, cameras, kinds)[:, 1] - out[:, 1]).abs().max() > 1e-7
    moved = CameraBatch(cameras.K, cameras.R_cam_world, cameras.t_cam_world + torch.tensor([0.3, 0, 0]))
    assert (dense(generator, images, moved, kinds) - out).abs().max() > 1e-7
    p = torch.tensor([2, 0, 3, 1])
    shuffled = CameraBatch(cameras.K[:, p], cameras.R_cam_world[:, p], cameras.t_cam_world[:, p])
    torch.testing.assert_close(
        dense(generator, images[:, p], shuffled, kinds[:, p]), out[:, p], rtol=1e-6, atol=1e-8
    )
    valid = torch.tensor([[True, True, True, False]])
    c3 = CameraBatch(cameras.K[:, :3], cameras.R_cam_world[:, :3], cameras.t_cam_world[:, :3])
    pad = CameraBatch(*(torch.cat([x, x[:, :1]], 1) for x in (c3.K, c3.R_cam_world, c3.t_cam_world)))
    three = dense(generator, images[:, :3], c3, kinds[:, :3])
    torch.testing.assert_close(
        dense(generator, images, pad, kinds, valid)[:, :3], three, rtol=1e-6, atol=1e-8
    )


def test_the_dense_head_does_not_need_the_unets_view_attention(inputs):
    images, cameras, kinds, _ = inputs
    full = awake(build_generator(tiny_config()))
    bare = build_generator(tiny_config().changed({"attention": {"epipolar_grids": []}})).eval()
    assert not any(".epipolar." in name for name in bare.state_dict())
    bare.load_state_dict({k: v for k, v in full.state_dict().items() if k in bare.state_dict()})
    assert torch.equal(dense(bare, images, cameras, kinds), dense(full, images, cameras, kinds))


def drafting_generator():
    """A tiny generator that starts from its direct head, with random colours; a fresh UNet answers nothing."""
    from diffproxy.generator.stored_palette import StoredPalette

    config = tiny_config()
    config = config.replace(
        adapter_args={**config.adapter_args, "draft": "posterior"}, unet={**config.unet, "in_channels": 24}
    )
    generator = build_generator(config).eval()
    colors = torch.rand(43, 3, dtype=torch.float64).clamp(0.2).numpy()
    colors[0] = 0
    names = {i: f"part{i}" for i in range(43)}
    palette = StoredPalette(names, colors, tuple(range(1, 31)), tuple(range(31, 43)))
    generator.adapter.set_palette(palette)
    return generator, palette


def test_a_fresh_drafting_denoiser_says_what_its_head_says(inputs):
    """In pure noise: the mean over the labels of the view's kind, each by its probability."""
    images, cameras, kinds, latents = inputs
    generator, palette = drafting_generator()
    with torch.no_grad():
        c = generator.condition(images, cameras, kinds)
        rgb = generator.codec.decode(generator.denoise(latents, torch.tensor(999), c).flatten(0, 2))
    seg, uv = rgb.unflatten(0, (4, 2)).unbind(1)
    scores = c.adapter.dense_logits.clone()
    scores[:2, 31:], scores[2:, 1:31] = -torch.inf, -torch.inf
    likely = scores.softmax(1)
    expected = torch.einsum("nlhw,lc->nchw", likely, torch.as_tensor(palette.colors, dtype=torch.float32))
    torch.testing.assert_close(seg, expected, rtol=0, atol=1e-5)
    body = 1 - likely[:, :1]
    torch.testing.assert_close(uv[:, :2], c.adapter.dense_uv.clamp(0, 1) * body, rtol=0, atol=1e-5)
    torch.testing.assert_close(uv[:, 2:], body, rtol=0, atol=1e-5)


def test_a_fresh_drafting_denoiser_ends_on_what_it_is_shown(inputs):
    """Hardly any noise: whatever image of known colours is shown, it comes back; also as two samples at once."""
    images, cameras, kinds, _ = inputs
    generator, palette = drafting_generator()
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 31, (4, 16, 16), generator=rng)
    labels[2:] = torch.where(labels[2:] > 0, 31 + labels[2:] % 12, 0)
    seg = torch.as_tensor(palette.colors, dtype=torch.float32)[labels].permute(0, 3, 1, 2)
    uv = torch.rand(4, 3, 16, 16, generator=rng)
    uv[:, 2] = 1
    shown = torch.stack([seg, uv * (labels > 0)[:, None]], 1)
    x0 = generator.codec.encode(shown.flatten(0, 1)).unflatten(0, (1, 4, 2))
    t = torch.tensor([1])
    xt = add_noise(generator.scheduler, x0, torch.randn(x0.shape, generator=rng), t)
    with torch.no_grad():
        c = generator.condition(images, cameras, kinds)
        found = generator.denoise(xt, t, c)
        twice = generator.denoise(torch.cat([torch.randn_like(xt), xt]), t.repeat(2), c)
    left, noise = ((x - x0).square().mean((0, 1, 3, 4, 5)) for x in (found, xt))
    assert left[0] < 0.3 * noise[0] and left[1] < noise[1]
    torch.testing.assert_close(twice[1], found[0], rtol=1e-4, atol=1e-5)


def test_a_noise_predictor_cannot_correct_a_draft():
    config = tiny_config()
    with pytest.raises(InputError, match='prediction_type="sample"'):
        config.replace(
            adapter_args={**config.adapter_args, "draft": "posterior"},
            scheduler={**config.scheduler, "prediction_type": "epsilon"},
        )
    with pytest.raises(InputError, match="draft=residual anew"):
        config.replace(adapter_args={**config.adapter_args, "draft": "residual"})
    with pytest.raises(InputError, match="in_channels 24"):
        config.replace(adapter_args={**config.adapter_args, "draft": "posterior"})


def test_nano_stays_small():
    generator = build_generator(nano_config())
    total = sum(p.numel() for p in generator.parameters())
    assert 2 * total < 40e6  # bytes in half precision


@pytest.fixture(scope="module")
def sd21():
    """On the meta device: names and counts of the real configuration, no memory."""
    with torch.device("meta"):
        return build_generator(sd21_config())


def count(parameters) -> int:
    return sum(p.numel() for p in parameters)


def test_sd21_trains_the_papers_parts_only(sd21):
    trained = {n for n, p in sd21.named_parameters() if p.requires_grad}
    assert {n.split(".")[0] for n in trained} == {"adapter", "unet"}
    unet = dict(sd21.unet.named_parameters())
    assert {n for n in unet if "unet." + n in trained} == {n for n in unet if is_trained_in_unet(n)}
    branches = ("epipolar", "cross_modality", "image")
    for name in trained - {n for n in trained if n.startswith("adapter.")}:
        assert any(f".{b}." in name for b in (*branches, "attn2", "norm2")), name


def test_sd21_has_the_published_numbers_of_parameters(sd21):
    """Counted from the public checkpoints; in millions: UNet 865.91, T2I-Adapter 77.37, VAE 83.65, DINOv2-L 304.37."""
    own = [p for n, p in sd21.unet.named_parameters() if ".block." in n or "transformer_blocks" not in n]
    assert count(own) == 865_910_724
    millions = {
        "adapter": count(sd21.adapter.parameters()),
        "codec": count(sd21.codec.parameters()),
        "encoder": count(sd21.encoder.parameters()),
        "decoder": count(
            [*sd21.codec.vae.decoder.parameters(), *sd21.codec.vae.post_quant_conv.parameters()]
        ),
        "text": count(p for n, p in sd21.unet.named_parameters() if ".block.attn2." in n),
        "image keys and values": count(
            p for n, p in sd21.unet.named_parameters() if ".image.to_k." in n or ".image.to_v." in n
        ),
    }
    assert {k: round(v / 1e6, 2) for k, v in millions.items()} == {
        "adapter": 77.37, "codec": 83.65, "encoder": 304.37, "decoder": 49.49, "text": 50.35,
        "image keys and values": 25.56,
    }  # fmt: skip
    assert round(count(p for p in sd21.parameters() if p.requires_grad) / 1e6, 1) == 277.4
