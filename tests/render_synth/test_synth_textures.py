"""Textured meshes: what the renderer shows where, and holes cut along alpha."""

from dataclasses import replace

import numpy as np
import pytest

from render_synth.cameras import look_at
from render_synth.rendering import mitsuba_backend as backend
from render_synth.rendering.alpha_cutout import cut_holes, sample_texture
from render_synth.rendering.mesh import Mesh
from render_synth.rendering.texture_atlas import merge_for_rendering
from render_synth.rendering.visibility import Layers
from render_synth.scenes.scene import SceneData

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]])
K = np.array([[40, 0, 20], [0, 40, 20], [0, 0, 1.0]])


def square(texture, tint=1.0):
    return Mesh(CORNERS, FACES, np.full((4, 3), tint, np.float32), uv=CORNERS[:, :2], texture=texture)


def camera():
    return look_at("c", np.array([0.5, 0.5, 1.6]), np.array([0.5, 0.5, 0.0]), 0.0, K, 40, 40)


def test_textures_stand_upright_and_are_tinted(tools):
    """Red bottom left, green top right, blue top left of the image file."""
    texture = np.full((8, 8, 3), 0.05, np.float32)
    texture[4:, :4], texture[:4, 4:], texture[:4, :4] = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    sky = np.ones((8, 16, 3), np.float32)
    things = Mesh(CORNERS - [0, 90, 0], FACES, CORNERS * 0, CORNERS * 0 + np.float32([0, 0, 1]))
    world = SceneData([], things, [], sky, "", 0.0, 1.0)
    scene = backend.build_scene(world, {"a": square(texture, 0.5)}, 2)
    image = backend.render(scene, camera(), 16, 1)
    for row, column, channel in ((28, 12, 0), (12, 28, 1), (12, 12, 2)):
        seen = image[row - 2 : row + 3, column - 2 : column + 3].mean((0, 1))
        assert seen.argmax() == channel
        assert seen[channel] == pytest.approx(0.5, abs=0.08)


def test_bilinear_sampling_is_exact_at_centres_and_between():
    texture = np.arange(12, dtype=float).reshape(2, 2, 3)
    np.testing.assert_allclose(sample_texture(texture, np.array([[0.25, 0.75]])), texture[:1, 0])
    np.testing.assert_allclose(sample_texture(texture, np.array([[0.5, 0.25]])), texture[1:].mean(1))


def test_holes_are_cut_along_the_level_line_and_masks_see_through_them():
    alpha = np.tile(np.linspace(-0.5, 1.5, 64)[None, :, None], (64, 1, 1)).clip(0, 1)
    texture = np.concatenate([np.ones((64, 64, 3)), alpha], 2).astype(np.float32)
    plain, cut = merge_for_rendering([square(texture)])
    assert len(plain.faces) == 1
    a, b, c = (cut.vertices[cut.faces[:, i]].astype(float) for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert area == pytest.approx(0.5, abs=0.01) and cut.vertices[:, 0].min() == pytest.approx(0.5, abs=0.01)
    far = CORNERS - [0, 50.0, 0]
    layers = Layers((far, FACES), [(cut.vertices, cut.faces)], [[(CORNERS - [0, 0, 1], FACES)]], [])
    mask = layers.see(camera()).mask
    assert mask[20, 26] == 1 and mask[20, 16] == 2


@pytest.mark.parametrize(("level", "faces"), [(1.0, 2), (0.0, 0)])
def test_alpha_without_a_border_keeps_or_drops_everything(level, faces):
    texture = np.full((4, 4, 4), level, np.float32)
    assert len(cut_holes(square(texture)).faces) == faces


def test_an_atlas_shows_each_mesh_its_own_texture_and_tint():
    rng = np.random.default_rng(0)
    meshes = [
        square(rng.random((h, w, 3)).astype(np.float32), t)
        for h, w, t in ((8, 4, 1.0), (600, 700, 0.5), (512, 512, 1.0))
    ]
    plain, packed = merge_for_rendering([replace(m, normals=CORNERS) for m in meshes])
    assert len(plain.faces) == 1 and len(packed.faces) == 6
    for i, m in enumerate(meshes):
        h, w = m.texture.shape[:2]
        places = rng.random((50, 2))
        # affine in the corners 0, 1, 3
        weights = np.stack([1 - places.sum(1), places[:, 0], places[:, 1]], 1)
        uv = weights @ packed.uv[4 * i + np.array([0, 1, 3])]
        inner = (0.5 + places * [w - 1, h - 1]) / [w, h]
        want = sample_texture(m.texture, inner) * m.colors[0]
        np.testing.assert_allclose(sample_texture(packed.texture, uv), want, atol=2e-3)


def test_the_renderer_always_gets_two_meshes():
    assert [len(m.faces) for m in merge_for_rendering([])] == [1, 1]
