"""Pipeline plumbing with tiny random weights: inputs, sampling, folders."""

import dataclasses
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.cameras import Camera
from diffproxy.generator import DiffProxyPipeline, build_generator, nano_config
from diffproxy.generator.checkpoint import INDEX
from diffproxy.generator.config import AttentionConfig
from diffproxy.generator.stored_palette import StoredPalette, read_palette, write_palette
from diffproxy.pipeline.inputs import open_generator
from diffproxy.pipeline.model_options import GeneratorOption
from diffproxy.proxies.aggregate import maps_from_samples, vote_samples
from diffproxy.proxies.codec import decode_rgb
from diffproxy.proxies.flip import FLIPPED_KIND, FlipTable, flip_camera
from diffproxy.utils.errors import InputError


def tiny_generator(**changes):
    config = nano_config()
    config = config.replace(
        name="tiny",
        encoder="efficientnet_lite0",
        image_size=32,
        proxy_size=16,
        adapter_args={"widths": [8, 16, 16, 16], "context_layers": 1, "draft": True},
        unet={**config.unet, "in_channels": 12, "sample_size": 8, "block_out_channels": [16, 16, 16],
              "cross_attention_dim": 8, "attention_head_dim": [1, 2, 2], "norm_num_groups": 8},
        attention=AttentionConfig(epipolar_grids=(4, 2), dense_below=1),
        **changes,
    )  # fmt: skip
    torch.manual_seed(0)
    return build_generator(config)


def palette() -> StoredPalette:
    rng = np.random.default_rng(0)
    colors = np.concatenate([np.zeros((1, 3)), rng.uniform(0.2, 1, (42, 3))]).round(6)
    return StoredPalette(
        {i: f"part{i}" for i in range(43)}, colors, tuple(range(1, 31)), tuple(range(31, 43))
    )


def camera(name: str, angle: float, size: int = 32) -> Camera:
    center = 3 * np.array([np.sin(angle), 0.2, np.cos(angle)])
    z = -center / np.linalg.norm(center)
    x = np.cross([0.0, -1.0, 0.0], z)
    x /= np.linalg.norm(x)
    R = np.stack([x, np.cross(z, x), z])
    K = np.array([[1.5 * size, 0, size / 2], [0, 1.5 * size, size / 2], [0, 0, 1.0]])
    return Camera(name, size, size, K, R, -R @ center)


@pytest.fixture
def pipe():
    return DiffProxyPipeline(tiny_generator(), palette(), precision="fp32")


@pytest.fixture
def view_inputs():
    kinds = ["body", "body", "left_hand"]
    return torch.rand(3, 3, 32, 32), [camera(f"c{i}", i) for i in range(3)], kinds


def drawn(pipe, view_inputs, samples, steps, seed):
    """Segmentation and UV images of the samples."""
    latents = pipe.initial_latents(samples, len(view_inputs[1]), torch.Generator().manual_seed(seed))
    return pipe.denoise(pipe.condition(*view_inputs), latents, steps)


def test_pipeline_returns_maps_of_each_views_own_palette(pipe, view_inputs):
    images, cameras, kinds = view_inputs
    maps = pipe(images, cameras, kinds).proxies
    assert maps.labels.shape == (3, 16, 16) and maps.uv.shape == (3, 16, 16, 2)
    assert maps.labels[:2].max() <= 30 and set(np.unique(maps.labels[2])) <= {0, *range(31, 43)}
    assert maps.kind == ("body", "body", "left_hand")
    assert set(np.unique(maps.weight)) <= {0.0, 1.0}
    assert [c.width for c in maps.cameras] == [16] * 3
    point = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(maps.cameras[0].project(point), cameras[0].project(point) / 2)


def test_seed_decides_and_samples_differ(pipe, view_inputs):
    a, b = drawn(pipe, view_inputs, 2, 2, 7), drawn(pipe, view_inputs, 2, 2, 7)
    assert torch.equal(a[1], b[1])
    assert not torch.equal(a[1][0], a[1][1])
    assert not torch.equal(a[1], drawn(pipe, view_inputs, 2, 2, 8)[1])
    assert pipe(*view_inputs, num_samples=3, num_inference_steps=1).proxies.weight.max() <= 1.0


def test_without_a_generator_calls_are_reproducible(pipe, view_inputs):
    seeded = pipe(*view_inputs, num_inference_steps=1, generator=torch.Generator().manual_seed(0)).proxies
    for _ in range(2):
        np.testing.assert_array_equal(pipe(*view_inputs, num_inference_steps=1).proxies.uv, seeded.uv)


def test_kinds_default_to_body_and_the_encoder_without_joint_heads_has_no_keypoints(pipe, view_inputs):
    images, cameras, _ = view_inputs
    output = pipe(images, cameras, num_inference_steps=0)
    assert output.proxies.kind == ("body",) * 3 and output.proxies.labels.max() <= 30
    assert output.keypoints is None and output.quarter_turns == (0, 0, 0)


@pytest.mark.parametrize("how", ["paper", "votes"])
def test_the_config_says_how_samples_are_weighed(pipe, view_inputs, how):
    generator = pipe.network
    generator.config = generator.config.replace(sample_weights=how)
    _, cameras, kinds = view_inputs
    maps = pipe(*view_inputs, num_samples=4, num_inference_steps=1).proxies
    samples = drawn(pipe, view_inputs, 4, 1, 0)
    if how == "votes":
        _, _, weight = vote_samples(*decode_rgb(*samples, pipe.palette, tuple(kinds)))
        expected = weight.numpy()
        assert set(np.unique(expected)) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    else:
        expected = maps_from_samples(*samples, pipe.palette, kinds, cameras).weight
    np.testing.assert_array_equal(maps.weight, expected)
    with pytest.raises(InputError, match="sample_weights"):
        generator.config.replace(sample_weights="mean")


def test_zero_steps_is_the_prediction_of_the_dense_head(pipe, view_inputs):
    maps = pipe(*view_inputs, num_inference_steps=0).proxies
    assert set(np.unique(maps.labels[2])) <= {0, *range(31, 43)}
    assert (maps.uv[maps.labels == 0] == 0).all()


def test_dense_weight_is_the_probability_of_the_label_within_its_palette(pipe, view_inputs):
    images, cameras, kinds = view_inputs
    bias = pipe.network.adapter.head.bias
    torch.nn.init.normal_(bias[:43], std=2.0)
    maps = pipe(*view_inputs, num_inference_steps=0).proxies
    with torch.inference_mode():
        logits = pipe.condition(images, cameras, kinds).adapter.dense_logits
    hand = logits[2, [0, *range(31, 43)]].softmax(0).max(0).values.numpy()
    shown = maps.labels[2] > 0
    assert shown.any()
    np.testing.assert_allclose(maps.weight[2][shown], hand[shown], rtol=1e-5)
    assert (maps.weight[maps.labels == 0] == 0).all() and len(np.unique(maps.weight)) > 100
    with torch.no_grad():
        bias[1:31] += 50.0  # labels that a hand view cannot have take nothing away
        bias[30] += 50.0  # and a clear winner has all the weight
    again = pipe(*view_inputs, num_inference_steps=0).proxies
    np.testing.assert_allclose(again.weight[2], maps.weight[2], rtol=1e-5)
    assert (again.labels[:2] == 30).all() and (again.weight[:2] > 0.999).all()


def test_larger_crops_are_resized(pipe, view_inputs):
    _, _, kinds = view_inputs
    cameras = [camera(f"c{i}", i, 64) for i in range(3)]
    assert pipe(torch.rand(3, 3, 64, 64), cameras, kinds).proxies.labels.shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, c, k: (i[:2], c, k), "as many cameras"),
        (lambda i, c, k: (i[..., :16], c, k), "square"),
        (lambda i, c, k: (i * 255, c, k), "divide 8-bit"),
        (lambda i, c, k: (i, [dataclasses.replace(x, distortion=np.ones(5)) for x in c], k), "undistort"),
        (lambda i, c, k: (i, [dataclasses.replace(x, width=99) for x in c], k), "crop itself"),
    ],
)
def test_bad_inputs_are_explained(pipe, view_inputs, change, message):
    with pytest.raises(InputError, match=message):
        pipe(*change(*view_inputs))


def test_palette_round_trip(tmp_path):
    write_palette(palette(), tmp_path / "p.json")
    again = read_palette(tmp_path / "p.json")
    np.testing.assert_array_equal(again.colors, palette().colors)
    assert again.names == palette().names and again.hand_ids == palette().hand_ids


def test_folder_round_trip(pipe, view_inputs, tmp_path):
    again = DiffProxyPipeline.from_pretrained(pipe.save_pretrained(tmp_path / "g"), precision="fp32")
    np.testing.assert_array_equal(drawn(again, view_inputs, 1, 2, 0)[1], drawn(pipe, view_inputs, 1, 2, 0)[1])
    pipe.save_pretrained(tmp_path / "half", half=True)
    half = DiffProxyPipeline.from_pretrained(tmp_path / "half", precision="fp32")
    np.testing.assert_allclose(
        drawn(half, view_inputs, 1, 1, 0)[1], drawn(pipe, view_inputs, 1, 1, 0)[1], atol=0.02
    )
    size = lambda name: sum(p.stat().st_size for p in (tmp_path / name).rglob("*.safetensors"))  # noqa: E731
    assert size("half") < 0.55 * size("g")


def test_without_its_unet_a_generator_predicts_the_same_and_draws_nothing(pipe, view_inputs, tmp_path):
    folder = pipe.save_pretrained(tmp_path / "g")
    dense = DiffProxyPipeline.from_pretrained(folder, precision="fp32", denoiser=False)
    expected, found = (p(*view_inputs, num_inference_steps=0).proxies for p in (pipe, dense))
    for name in ("labels", "uv", "weight"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    with pytest.raises(InputError, match="denoiser=True"):
        dense(*view_inputs, num_inference_steps=1)
    with pytest.raises(InputError, match="denoiser=True"):
        dense.save_pretrained(tmp_path / "h")
    assert not (tmp_path / "h").exists()


def test_the_packaged_generator_opens_without_diffusers():
    code = """if True:
        import sys, torch
        from diffproxy.pipeline.model_options import GeneratorOption
        from diffproxy.pipeline.inputs import open_generator
        pipe = open_generator(GeneratorOption(), torch.device("cpu"))
        assert pipe.network.config.steps == 0 and pipe.network.unet is None
        sys.exit("diffusers" in sys.modules or "transformers" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_steps_open_a_generator_with_its_unet(pipe, tmp_path):
    folder = str(pipe.save_pretrained(tmp_path / "g"))  # its own number of steps is 1
    opened = [
        open_generator(GeneratorOption(weights=folder, steps=n), torch.device("cpu")) for n in (-1, 0, 2)
    ]
    assert [p.network.unet is not None for p in opened] == [True, False, True]


def test_a_saved_generator_forgets_the_backend_of_its_machine(pipe, tmp_path):
    before = pipe.network.config
    pipe.network.use_backend("flex")
    assert pipe.network.config.attention.backend == "flex"
    assert DiffProxyPipeline.from_pretrained(pipe.save_pretrained(tmp_path / "g")).network.config == before


def test_damage_is_detected(pipe, tmp_path):
    folder = pipe.save_pretrained(tmp_path / "g")
    weights = folder / "unet" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(InputError, match="a different file"):
        DiffProxyPipeline.from_pretrained(folder)
    weights.unlink()
    with pytest.raises(InputError, match="no such file"):
        DiffProxyPipeline.from_pretrained(folder)
    (folder / INDEX).unlink()
    with pytest.raises(InputError, match="did not finish"):
        DiffProxyPipeline.from_pretrained(folder)
    with pytest.raises(InputError, match="no such folder"):
        DiffProxyPipeline.from_pretrained(tmp_path / "absent")


def test_weights_of_another_network_are_refused(pipe, tmp_path):
    folder = pipe.save_pretrained(tmp_path / "g")
    other = DiffProxyPipeline(tiny_generator(num_labels=9), palette()).save_pretrained(tmp_path / "h")
    shutil.copy(other / "adapter" / "model.safetensors", folder / "adapter")
    index = (folder / INDEX).read_text()
    import json

    from diffproxy.utils.io import file_sha256

    value = json.loads(index)
    value["sha256"]["adapter/model.safetensors"] = file_sha256(folder / "adapter" / "model.safetensors")
    (folder / INDEX).write_text(json.dumps(value))
    with pytest.raises(InputError, match="of another shape"):
        DiffProxyPipeline.from_pretrained(folder)


def test_hub_ids_never_touch_the_network_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="allow_download"):
        DiffProxyPipeline.from_pretrained("someone/no-such-generator")


def test_packaged_nano_if_present(view_inputs):
    import diffproxy.generator.pipeline as module

    if not (Path(module.__file__).parent / "weights" / "nano" / INDEX).is_file():
        pytest.skip("nano weights are not trained yet")
    images, cameras, kinds = view_inputs
    packaged = DiffProxyPipeline.from_pretrained("nano")
    size = packaged.network.config.proxy_size
    output = packaged(images, cameras, kinds)
    assert output.proxies.labels.shape == (3, size, size)
    alone, body = packaged.keypoints(images, flip=False), [k == "body" for k in kinds]
    alone[..., [0, 1, 3]] *= size / images.shape[-1]  # from pixels of the images to those of the maps
    np.testing.assert_allclose(alone[body], output.keypoints[body], atol=1e-3)


def test_no_heavy_import_at_module_import():
    assert importlib.util.find_spec("diffproxy.generator") is not None
    source = Path(importlib.util.find_spec("diffproxy.generator").origin).parent
    for file in source.rglob("*.py"):
        for line in file.read_text().splitlines():
            assert not line.startswith(
                ("import diffusers", "from diffusers", "import transformers", "from transformers")
            )


def test_the_dense_prediction_cannot_be_sampled_several_times(pipe, view_inputs):
    with pytest.raises(InputError, match="steps >= 1"):
        pipe(*view_inputs, num_samples=2, num_inference_steps=0)


def _some_table() -> FlipTable:
    """Labels swap in pairs (1-2, 3-4 …), hands likewise, and two of the pairs flip u."""
    swap = np.arange(256, dtype=np.uint8)
    for a in range(1, 43, 2):
        swap[[a, a + 1]] = swap[[a + 1, a]]
    flip = np.zeros(256, bool)
    flip[[1, 2, 5, 6]] = True
    return FlipTable(swap, flip)


@pytest.mark.parametrize(("steps", "how", "tied"), [(0, "votes", 0), (2, "paper", 0), (2, "votes", 0.5)])
def test_with_mirror_the_mirrored_scene_gives_the_mirrored_proxies(
    pipe, view_inputs, steps, how, tied, monkeypatch
):
    images, cameras, kinds = view_inputs
    table = _some_table()
    pipe.network.config = pipe.network.config.replace(sample_weights=how)
    if steps:  # the same noise for a view and its mirror image is not mirrored noise: start both from none
        monkeypatch.setattr(torch, "randn", lambda shape, **_: torch.zeros(shape))
    plain = pipe(images, cameras, kinds, steps, flip=table).proxies
    twin = [FLIPPED_KIND[k] for k in kinds]
    seen = pipe(images.flip(-1), [flip_camera(c) for c in cameras], twin, steps, flip=table).proxies
    assert (plain.labels > 0).any() and plain.kind == tuple(kinds)
    pairs = [table.apply(a, b) for a, b in zip(seen.labels, seen.uv, strict=True)]
    back, back_uv = (np.stack([p[i] for p in pairs]) for i in (0, 1))
    same = back == plain.labels  # ties may fall either way
    assert same.mean() > 0.999 if steps == 0 else (same | (plain.weight == 0) | (plain.weight == tied)).all()
    np.testing.assert_allclose(back_uv[same], plain.uv[same], atol=2e-4)
    np.testing.assert_allclose(seen.weight[:, :, ::-1][same], plain.weight[same], atol=2e-4)


def test_mirroring_twice_is_nothing():
    table, seen = _some_table(), camera("a", 0.4)
    twice = flip_camera(flip_camera(seen))
    np.testing.assert_allclose(twice.R_cam_world, seen.R_cam_world, atol=1e-12)
    np.testing.assert_allclose(twice.t_cam_world, seen.t_cam_world, atol=1e-12)
    labels = torch.randint(0, 43, (2, 8, 8), dtype=torch.uint8)
    uv = torch.rand(2, 8, 8, 2) * (labels > 0)[..., None]
    again, again_uv = table.apply_batch(*table.apply_batch(labels, uv))
    assert torch.equal(again, labels)
    torch.testing.assert_close(again_uv, uv)
