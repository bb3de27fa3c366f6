"""The renderer sees what our cameras see; lights, variants and small parts of the scene."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.proxies import render_surface
from diffproxy.utils.errors import InputError
from render_synth.cameras import inside_frame, look_at, visible_box
from render_synth.humans.body.fine_mesh import build_fine_mesh
from render_synth.rendering import mitsuba_backend as backend
from render_synth.rendering import mitsuba_variant
from render_synth.rendering.denoise import denoise
from render_synth.rendering.light_paths import trace
from render_synth.rendering.mesh import Mesh
from render_synth.scenes.mesh_parts import Panel
from render_synth.scenes.primitives import Solids
from render_synth.scenes.scene import SceneData
from render_synth.work_plan import environment_files

SKY = np.ones((8, 16, 3), np.float32)
FLOOR = np.array([[0, 2, 1], [0, 3, 2]])
SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]])


@pytest.fixture
def odd_solid():
    """Boxes without any symmetry, black."""
    s = Solids()
    s.box((0, 0.9, 0), (0.5, 1.8, 0.3), 0.4, np.zeros(3))
    s.box((0.6, 1.4, 0.2), (0.9, 0.2, 0.2), 0.0, np.zeros(3))
    s.box((-0.3, 0.2, 0.5), (0.3, 0.3, 0.9), 0.2, np.zeros(3))
    return Mesh(*s.merged())


@pytest.mark.parametrize("roll", [0.0, 0.5])
def test_the_renderer_sees_what_the_camera_projects(tools, odd_solid, roll):
    """Silhouettes against a bright sky agree with cast rays, in a crop with its centre far off the axis."""
    K = np.array([[900, 0, 500], [0, 900, 370], [0, 0, 1.0]])
    whole = look_at("c", np.array([1.5, 1.9, 3.5]), np.array([0.2, 0.9, 0.1]), roll, K, 960, 720)
    x0, y0, _, y1 = visible_box(whole, odd_solid.vertices.astype(float))
    camera = whole.crop((x0 - 30, y0 - 10, x0 - 30 + 1.15 * (y1 - y0), y0 - 10 + 1.15 * (y1 - y0)), (56, 56))
    world = SceneData([], odd_solid, [], SKY, "", 0.0, 1.0)
    image = backend.render(backend.build_scene(world, {}, 2), camera, 16, seed=1).mean(-1)
    dark = image < 0.5 * np.quantile(image, 0.95)
    outline = render_surface(odd_solid.vertices, odd_solid.faces, [camera])[0].outline
    wrong = {
        (dy, dx): (np.roll(dark, (dy, dx), (0, 1)) != outline).sum() for dy in (-1, 0, 1) for dx in (-1, 0, 1)
    }
    assert min(wrong, key=wrong.__getitem__) == (0, 0)
    assert 0.15 < outline.mean() < 0.85 and wrong[0, 0] <= 0.03 * outline.size


@pytest.fixture
def llvm():
    """Mitsuba's LLVM variant, for one test; skips where there is no LLVM."""
    import drjit
    import mitsuba

    before = mitsuba.variant()
    if mitsuba_variant.best_variant() != "llvm_ad_rgb":
        pytest.skip("needs LLVM")
    mitsuba.set_variant("llvm_ad_rgb")
    drjit.set_thread_count(1)
    yield mitsuba
    mitsuba.set_variant(before)


def test_fewer_rays_bring_the_same_light(tools, odd_solid, llvm):
    """Against Mitsuba's own path tracer: lamp, sun in the sky, rough and matte surfaces, a bounce between colours."""
    floor = Mesh(
        np.array([[-4, 0, -4], [4, 0, -4], [4, 0, 4], [-4, 0, 4.0]]) - [0, 0.01, 0],
        FLOOR,
        np.full((4, 3), 0.6),
    )
    grey = replace(odd_solid, colors=odd_solid.colors * 0 + np.array([0.7, 0.3, 0.2]))
    shiny = replace(grey, vertices=grey.vertices + np.array([1.2, 0, 0]), rough=0.4)
    lamp = Panel(
        np.array([[-1, 3, -1], [1, 3, -1], [1, 3, 1], [-1, 3, 1.0]], np.float32), np.array([5, 4, 3.0])
    )
    sky = np.full((8, 16, 3), 0.3, np.float32)
    sky[2, 5] = 20
    scene = backend.build_scene(
        SceneData([], grey, [lamp], sky, "", 0.0, 1.0), {"floor": floor, "shiny": shiny}, 3
    )
    K = np.array([[40, 0, 20], [0, 40, 14], [0, 0, 1.0]])
    camera = look_at("c", np.array([1.0, 1.8, 4]), np.array([0.5, 0.6, 0]), 0.1, K, 40, 28)
    seen = trace(scene.inner, camera, 256, 1)
    sensor = backend.sensor(camera, 256)
    path = np.array(llvm.render(scene.inner, sensor=sensor, spp=256, seed=2))[..., :3]
    np.testing.assert_allclose(seen.rgb.mean((0, 1)), path.mean((0, 1)), rtol=0.01)
    assert np.median(np.abs(seen.rgb - path) / path) < 0.05
    assert (
        np.abs(
            backend.guides(scene, sensor, 256)[..., :6] - np.concatenate([seen.albedo, seen.normal], -1)
        ).mean()
        < 0.005
    )
    np.testing.assert_array_equal(trace(scene.inner, camera, 4, 7).rgb, trace(scene.inner, camera, 4, 7).rgb)


def test_the_renderer_refuses_what_is_no_pinhole(tools, odd_solid):
    K = np.array([[90, 0, 24], [0, 91, 24], [0, 0, 1.0]])
    camera = look_at("c", np.array([0, 1, 3.0]), np.zeros(3), 0.0, K, 48, 48)
    scene = backend.build_scene(SceneData([], odd_solid, [], SKY, "", 0.0, 1.0), {}, 2)
    with pytest.raises(InputError, match="square pixels"):
        backend.render(scene, camera, 1, 0)


def test_pixels_outside_the_frame_are_known():
    shown = inside_frame((-10.0, 5.0, 10.0, 25.0), (4, 4), (100, 20))
    np.testing.assert_array_equal(shown, [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])


def test_the_fine_mesh_is_the_same_surface():
    vertices, faces = SQUARE
    fine = build_fine_mesh(vertices, faces, 0.2)
    points = fine.refine(vertices.astype(np.float32))
    a, b, c = (points[fine.faces[:, i]].astype(float) for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    assert areas.sum() == pytest.approx(1.0, abs=1e-5) and (areas > 0).all()
    assert max(np.linalg.norm(p - q, axis=1).max() for p, q in ((a, b), (b, c), (c, a))) <= 0.2 + 1e-6
    np.testing.assert_allclose(np.asarray(fine.blend.sum(1)), 1.0, atol=1e-6)


def test_denoising_smooths_noise_and_keeps_edges():
    rng = np.random.default_rng(0)
    albedo = np.zeros((32, 32, 3), np.float32)
    albedo[:, 16:] = 0.8
    clean = albedo + 0.1
    noisy = (clean * rng.uniform(0.5, 1.5, (32, 32, 1))).astype(np.float32)
    normal, depth = np.zeros_like(albedo) + np.array([0, 0, 1]), np.full((32, 32), 2.0)
    out = denoise(noisy, albedo, normal.astype(np.float32), depth)
    assert np.abs(out - clean).mean() < 0.3 * np.abs(noisy - clean).mean()
    assert (out[:, 16] - out[:, 15]).mean() == pytest.approx(0.8, abs=0.1)


def test_denoising_keeps_fine_textures():
    """A weave too faint to stop the filter, under even light: only what falls on the surface is smoothed."""
    albedo = (0.5 + 0.05 * (np.indices((32, 32)).sum(0) % 2))[..., None].repeat(3, -1).astype(np.float32)
    normal, depth = np.zeros_like(albedo) + np.float32([0, 0, 1]), np.full((32, 32), 2.0)
    out = denoise(2 * albedo, albedo, normal, depth)
    weave = np.std(out) / np.std(2 * albedo)
    assert 0.85 < weave < 1.001


def test_environments_are_read_as_linear_light(tools, tiny, tmp_path):
    light = np.random.default_rng(0).uniform(0.1, 4, (8, 16, 3)).astype(np.float32)
    cv2.imwrite(str(tmp_path / "b.hdr"), light[..., ::-1])
    (tmp_path / "a.HDR").write_bytes(b"no image")
    files = environment_files(tiny(tmp_path / "out", env=str(tmp_path)))
    assert [f.rsplit("/", 1)[1] for f in files] == ["a.HDR", "b.hdr"]
    got = backend._environment(files[1])
    np.testing.assert_allclose(got, np.clip(light, 0, np.quantile(light, 0.9995)), rtol=0.05, atol=0.02)
    with pytest.raises(InputError, match=r"a\.HDR"):
        backend._environment(files[0])


@pytest.mark.parametrize(("probe", "variant"), [("raise SystemExit(1)", "scalar_rgb"), ("", "llvm_ad_rgb")])
def test_auto_takes_llvm_only_where_it_works(monkeypatch, probe, variant):
    monkeypatch.setattr(mitsuba_variant, "PROBE", probe)
    mitsuba_variant.best_variant.cache_clear()
    try:
        assert mitsuba_variant.best_variant() == variant
    finally:
        mitsuba_variant.best_variant.cache_clear()


def test_an_unknown_variant_is_refused():
    with pytest.raises(InputError, match="scalar_rgb always works"):
        mitsuba_variant.start("vulkan_rgb")
