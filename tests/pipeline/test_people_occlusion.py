"""How much of a person an image shows, for people whose places are known."""

import numpy as np
import pytest

from diffproxy.pipeline.people_occlusion import REACH_M, STEPS, free_share, is_same
from diffproxy.pipeline.pixel_claims import LIMBS


@pytest.fixture
def standing():
    """17 joints of somebody as wide as a trunk, 1.6 m tall, in no particular order but with joints in both halves."""
    rng = np.random.default_rng(0)
    return np.stack(
        [rng.uniform(-0.02, 0.02, 17), rng.uniform(-0.8, 0.8, 17), rng.uniform(-0.02, 0.02, 17)], 1
    )


def towards(camera, metres):
    """A vector in the world from the middle to the camera."""
    return -metres * camera.R_cam_world[2]


def test_who_stands_in_front_hides_and_who_stands_behind_does_not(make_ring, standing):
    camera = make_ring(1)[0]
    assert free_share(standing, camera, [], []) == 1.0
    front, behind = (standing + towards(camera, metres) for metres in (0.5, -0.5))
    assert free_share(standing, camera, [front], []) < 0.1
    assert free_share(standing, camera, [behind], []) == 1.0
    side = np.cross(camera.R_cam_world[2], [0.0, 1.0, 0.0])
    assert free_share(standing, camera, [front + (0.04 + 3 * REACH_M) * side], []) == 1.0


def test_who_hides_the_upper_part_leaves_the_lower_one_free(make_ring, standing):
    camera = make_ring(1)[0]
    upper = standing.copy()
    upper[:, 1] = np.linspace(0.0, 0.8, 17)
    ends = standing[LIMBS, 1]
    heights = ends[:, :1] + STEPS * (ends[:, 1:] - ends[:, :1])
    # So near to each other that perspective does not matter.
    found = free_share(standing, camera, [upper + towards(camera, 0.1)], [])
    assert found == pytest.approx((heights < upper[np.unique(LIMBS), 1].min() - REACH_M).mean(), abs=0.05)
    assert 0.2 < found < 0.8


def test_a_stranger_is_in_front_unless_it_is_the_person(make_ring, standing):
    camera = make_ring(1)[0]
    pixels = camera.project(standing)
    own = np.concatenate([pixels, np.ones((17, 1))], 1)
    # The same place with the joints exchanged: somebody else's skeleton there.
    stranger = np.concatenate([pixels[np.argsort(-pixels[:, 1])], np.ones((17, 1))], 1)
    if is_same(stranger, pixels):
        stranger = np.concatenate([pixels[::-1], np.ones((17, 1))], 1)
    assert is_same(own, pixels) and not is_same(stranger, pixels)
    assert free_share(standing, camera, [], [own]) == 1.0
    assert free_share(standing, camera, [], [stranger]) < 0.5
    unsure = stranger * [1, 1, 0.1]
    assert free_share(standing, camera, [], [unsure]) == 1.0


def test_limbs_outside_of_the_image_are_not_shown(make_ring, standing):
    camera = make_ring(1)[0]
    side = np.cross(camera.R_cam_world[2], [0.0, 1.0, 0.0])
    assert free_share(standing + 50 * side, camera, [], []) == 0.0
