"""Overlays and shading on a cube whose image is known."""

import numpy as np
import pytest

from diffproxy.cameras import Camera
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.proxies import render_surface
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import rgb_of
from diffproxy.visualization import BodyPainter, PeoplePainter, overlay_body, shade
from diffproxy.visualization.overlay import hatching, silhouette


@pytest.fixture
def cube():
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


@pytest.fixture
def camera():
    """On +z, 3 m away: the front side covers pixels 12 to 51 of 64."""
    return Camera(
        "front",
        64,
        64,
        np.array([[100, 0, 32], [0, 100, 32], [0, 0, 1.0]]),
        np.diag([1.0, -1, -1]),
        np.array([0, 0, 3.0]),
    )


def test_normals_point_outwards(cube):
    normals = vertex_normals(*cube)
    assert (np.einsum("nd,nd->n", normals, cube[0]) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1)
    loose = np.concatenate([cube[0], [[9.0, 9, 9]]])
    assert (vertex_normals(loose, cube[1])[8] == 0).all()


def test_nothing_outside_of_the_body_changes(cube, camera):
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    out = overlay_body(image, camera, *cube, alpha=1.0)
    inside = np.zeros((64, 64), dtype=bool)
    inside[12:52, 12:52] = True
    assert (out[~inside] == image[~inside]).all() and (out[inside] != image[inside]).any(
        axis=-1
    ).mean() > 0.99
    assert out is not image and image.dtype == np.uint8


def test_alpha_blends_linearly(cube, camera):
    image = np.full((64, 64, 3), 100, dtype=np.uint8)
    full = overlay_body(image, camera, *cube, alpha=1.0, outline=False).astype(float)
    half = overlay_body(image, camera, *cube, alpha=0.5, outline=False)
    np.testing.assert_allclose(half, (full + 100) / 2, atol=1)
    assert (overlay_body(image, camera, *cube, alpha=0.0, outline=False) == 100).all()


def test_the_outline_is_one_pixel_wide(cube, camera):
    (view,) = render_surface(*cube, [camera])
    line = silhouette(view)
    assert line.sum() == 4 * 39 and line[12, 30] and line[30, 12] and not line[13, 30]
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    assert (overlay_body(image, camera, *cube)[line] == 255).all()


def test_a_body_that_fills_the_image_has_no_outline(cube, camera):
    close = camera.crop((25.0, 25.0, 39.0, 39.0), (16, 16))
    (view,) = render_surface(*cube, [close])
    assert view.visible.all() and not silhouette(view).any()


def test_occluders_keep_the_photograph(cube, camera):
    wall = np.array([[0, -2, 1], [2, -2, 1], [2, 2, 1], [0, 2, 1.0]])
    image = np.full((64, 64, 3), 100, dtype=np.uint8)
    out = overlay_body(image, camera, *cube, occluders=[(wall, np.array([[0, 1, 2], [0, 2, 3]]))])
    assert (out[:, 32:] == 100).all() and (out[20:40, 15:31] != 100).any()


def test_a_side_that_faces_the_camera_is_brighter_than_a_slanted_one(camera):
    flat = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    turned = flat * [1, 1, 0] + flat[:, :1] * [0, 0, -2.0]  # away from the key light
    bright, dark = (
        shade(render_surface(v, faces, [camera])[0], v, faces, camera, (1.0, 1.0, 1.0))[32, 32]
        for v in (flat, turned)
    )
    assert bright.min() > dark.max() + 0.1
    back = shade(
        render_surface(flat, faces[:, ::-1], [camera])[0],
        flat,
        faces[:, ::-1].copy(),
        camera,
        (1.0, 1.0, 1.0),
    )
    np.testing.assert_allclose(back[32, 32], bright)  # two-sided


def test_faces_may_have_colours_of_their_own(cube, camera):
    colors = np.zeros((12, 3))
    colors[10:] = [1, 0, 0]  # the front side
    out = overlay_body(
        np.zeros((64, 64, 3), dtype=np.uint8), camera, *cube, alpha=1.0, color=colors, outline=False
    )
    assert (out[20:44, 20:44, 0] > 120).all() and (out[..., 1:] == 0).all()


def test_another_image_size_is_told(cube, camera):
    with pytest.raises(InputError, match="for_image"):
        overlay_body(np.zeros((32, 64, 3), dtype=np.uint8), camera, *cube)


def test_unobserved_skin_is_grey_and_hatched(camera):
    """The right one of two squares; the left one, and a body that is seen everywhere, are drawn as ever."""
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    square = np.array([[-0.5, -0.5, 0.5], [0, -0.5, 0.5], [0, 0.5, 0.5], [-0.5, 0.5, 0.5]])
    vertices = np.concatenate([square, square + np.array([0.5, 0, 0])])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    missing = np.arange(8) >= 4
    for outline in (True, False):
        plain = BodyPainter(vertices, faces).draw(image, camera, outline=outline)
        seen = BodyPainter(vertices, faces, unobserved=np.zeros(8, bool)).draw(image, camera, outline=outline)
        drawn = BodyPainter(vertices, faces, unobserved=missing).draw(image, camera, outline=outline)
        assert (seen == plain).all() and (drawn[:, :32] == plain[:, :32]).all()
    rows, cols = (a.ravel() for a in np.mgrid[14:50, 33:50])
    lines = hatching(rows, cols, (64, 64))
    off = np.abs(drawn[rows, cols].astype(float) - image[rows, cols]).mean(axis=1)
    assert 0.2 < lines.mean() < 0.5 and off[lines].mean() > 2 * off[~lines].mean() > 0
    black = BodyPainter(vertices, faces, unobserved=missing).draw(image * 0, camera, outline=False)
    assert np.ptp(black[rows, cols], axis=-1).max() == 0 < black[rows, cols].min()  # grey


def test_people_in_front_cover_those_behind_in_their_own_colours(cube, camera):
    vertices, faces = cube
    ahead = -camera.R_cam_world[2]  # towards the camera
    near, far = vertices + 0.4 * ahead, vertices - 0.4 * ahead
    image = np.full((64, 64, 3), 100, dtype=np.uint8)
    for bodies in ({0: near, 5: far}, {0: far, 5: near}):
        behind, front = sorted(bodies, key=lambda k: bodies[k] is near)
        expected = overlay_body(image, camera, far, faces, color=rgb_of(behind))
        expected = overlay_body(expected, camera, near, faces, color=rgb_of(front))
        assert (PeoplePainter(bodies, faces).draw(image, camera) == expected).all()
    assert (PeoplePainter({}, faces).draw(image, camera) == image).all()
