"""Masks, depth, normals and visibility of a small world whose answers are known."""

import numpy as np
import pytest

from diffproxy.cameras import Camera
from render_synth.cameras import look_at
from render_synth.rendering.visibility import Layers, camera_normals, coverage, shares_seen

CORNERS, FACES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]])


def square(x=0.0, y=0.0, z=0.0, scale=1.0):
    return CORNERS * scale + [x, y, z], FACES


@pytest.fixture(scope="module")
def camera():
    K = np.array([[40, 0, 20], [0, 40, 20], [0, 0, 1.0]])
    return look_at("c", np.array([0.5, 0.5, 3.0]), np.array([0.5, 0.5, 0.0]), 0.0, K, 40, 40)


@pytest.fixture(scope="module")
def layers():
    """A square body; a hat above it; two people behind and before it; a thing at its left bottom; a wall at z = -4."""
    others = [[square(0.5, 0, -1)], [square(0.6, 0.6, 1, 0.2), square(5, 5, 1)]]
    things = [square(-0.5, -0.5, 0.5), square(-20, -20, -4, 40.0)]
    return Layers(square(), [square(0.2, 1.0, 0.0, 0.4), square(0.4, 0.4, 0.1, 0.2)], others, things)


@pytest.fixture(scope="module")
def seen(layers, camera):
    return layers.see(camera)


@pytest.mark.parametrize(
    ("point", "mask", "label", "cover", "depth"),
    [
        ((0.9, 0.3, 0), 1, True, 1, 3.0),  # the body, in front of the first other
        ((1.3, 0.6, -1), 2, False, 0, 4.0),  # the first other beside it
        ((0.7, 0.7, 1), 3, False, 2, 2.0),  # the second other hides the body
        ((0.2, 0.2, 0.5), 0, False, 2, 2.5),  # a thing hides the body
        ((0.4, 1.2, 0), 1, False, 0, 3.0),  # the hat: no body under it
        ((0.5, 0.5, 0.1), 1, True, 1, 2.9),  # a patch of clothes: the body is labelled under it
        ((-0.5, 1.8, -4), 0, False, 0, 7.0),  # the wall
    ],
)
def test_the_first_thing_seen_decides(seen, camera, point, mask, label, cover, depth):
    column, row = camera.project(np.array([point]))[0].astype(int)
    assert seen.mask[row, column] == mask
    assert seen.surface.visible[row, column] == label
    assert coverage(seen.surface)[row, column] == cover
    assert seen.depth[row, column] == pytest.approx(depth, abs=1e-5)


def test_nothing_at_all_is_infinitely_far(camera):
    seen = Layers(square(50.0), [], [], []).see(camera)
    assert np.isinf(seen.depth).all() and not seen.mask.any() and not coverage(seen.surface).any()


def test_everything_the_body_shows_is_in_the_mask(seen):
    assert seen.surface.visible.any() and (seen.mask[seen.surface.visible] == 1).all()


def test_normals_are_turned_into_the_cameras_frame(camera):
    surface = Layers(square(), [], [], []).see(camera).surface
    normals = camera_normals(surface, FACES, np.tile([[0.6, 0.0, 0.8]], (4, 1)), camera)
    on = surface.outline
    # World x is right, world z towards the camera: its z axis looks away.
    np.testing.assert_allclose(normals[on], np.tile([[0.6, 0, -0.8]], (on.sum(), 1)), atol=1e-6)
    assert not normals[~on].any()


def test_the_share_of_a_silhouette_that_nothing_hides(camera):
    """A subject 40 by 40 px at z = 1 of which somebody hides a quarter; somebody half outside; somebody behind."""
    K = np.array([[40, 0, 40], [0, 40, 20], [0, 0, 1.0]])
    view = Camera("c", 80, 40, K, np.eye(3), np.zeros(3))
    # Seen from the origin along z, a square at depth z from (x, y) has 40 / z pixels a metre, around (40, 20).
    subject, hat = square(-1.0, -0.5, 1.0), square(-1.0, -1.5, 1.0)  # the hat is above the frame
    before = square(-0.5, -0.25, 0.5, 0.25)  # 20 by 20 px in the subject's upper left corner
    outside, behind = square(0.5, -0.5, 1.0), square(0.0, 0.0, -1.0)
    layers = Layers(subject, [hat], [[before], [outside], [behind]], [square(0.3, 0.0, 0.6, 5.0)])
    at = np.tile([0.0, 0.0, 1.0], (22, 1))
    half = at.copy()
    half[::2, 0] = 1.5
    joints = [np.concatenate([at, at * 0]), half, at * [0, 0, 1] - [1.5, 0, 0], -at]
    visible, in_frame = shares_seen(layers, layers.see(view).mask, view, joints)
    # The thing covers columns 60 and up, rows 20 and down: the lower half of what is inside the frame of `outside`.
    assert visible == [0.75, 1.0, 0.5, 0.0]
    assert in_frame == [1.0, 0.5, 0.0, 0.0]
