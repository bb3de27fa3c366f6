"""Which joints pixels support: all of a whole body, none of the legs where every map ends at the pelvis."""

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.observed import UNOBSERVED, camera_of_view, joint_support, supporting_cameras
from diffproxy.fitting.terms.correspondences import sample_correspondences, shows_hand

LEGS = [4, 5, 7, 8, 10, 11]
UPPER = [0, 3, 6, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]


def without(maps, body, *segments):
    """The maps with these segments taken for background."""
    names = dict(body.atlas.palette.names)
    gone = [k for k, name in names.items() if any(s in name for s in segments)]
    return replace(maps, labels=np.where(np.isin(maps.labels, gone), 0, maps.labels).astype(np.uint8))


def test_whole_body_is_supported(make_scene):
    scene = make_scene()
    found = sample_correspondences(scene.maps, scene.body, 600)
    support = joint_support(scene.body, found.face, found.bary)
    assert support.shape == (55,) and support[:22].min() > 0.9 and support.max() <= 1


def test_legs_without_pixels_are_not(make_scene):
    scene = make_scene()
    found = sample_correspondences(without(scene.maps, scene.body, "thigh", "shin", "foot"), scene.body, 600)
    support = joint_support(scene.body, found.face, found.bary)
    assert support[LEGS].max() < UNOBSERVED and support[UPPER].min() > 0.9
    assert (joint_support(scene.body, found.face[:0], found.bary[:0]) == 0).all()


@pytest.mark.parametrize(
    "kept, supported", [("thigh", {4, 5}), ("shin", {4, 5, 7, 8}), ("foot", {7, 8, 10, 11})]
)
def test_a_segment_supports_the_joints_at_its_ends(make_scene, kept, supported):
    scene = make_scene()
    gone = {"thigh", "shin", "foot"} - {kept}
    found = sample_correspondences(without(scene.maps, scene.body, *gone), scene.body, 600)
    support = joint_support(scene.body, found.face, found.bary)
    assert {j for j in LEGS if support[j] > 0.5} == supported


def test_cameras_that_support_a_joint_are_counted(make_scene):
    """Shins and feet are left in one map of four, thighs in all; knees are supported by either."""
    scene = make_scene()
    labels = without(scene.maps, scene.body, "shin", "foot").labels
    labels[0] = scene.maps.labels[0]
    found = sample_correspondences(replace(scene.maps, labels=labels), scene.body, 600)
    count = supporting_cameras(scene.body, found.face, found.bary, found.view)
    assert (count[[7, 8, 10, 11]] == 1).all() and (count[[0, 1, 2, 15]] == 4).all()
    assert count[[4, 5]].min() >= 2
    one = supporting_cameras(scene.body, found.face, found.bary, np.zeros_like(found.view))
    assert (one[:22] == 1).all()


def test_hand_crops_belong_to_their_cameras(make_scene):
    maps = make_scene().maps
    first, second = maps.cameras[:2]
    kinds = ("body", "body", "left_hand", "right_hand")
    crops = replace(maps, cameras=(first, second, second, first), kind=kinds)
    a, b, c, d = camera_of_view(crops)
    assert a == d and b == c and a != b
    alike = tuple(replace(camera, name="cam") for camera in maps.cameras)
    assert camera_of_view(replace(maps, cameras=alike)).tolist() == [0, 1, 2, 3]


def test_fit_states_it(make_scene):
    scene = make_scene()
    result = fit(scene.maps, scene.body, FitConfig(hands=False))
    assert result.joint_observed[:22].min() > 0.9
    assert (result.joint_cameras[[0, 1, 2, 4, 5, 15]] == 4).all() and result.joint_cameras.max() == 4


def test_beyond_the_picture_nothing_pulls(make_scene):
    """Pictures that end at the hips: with `valid` the prior places the legs, and the pelvis where it was."""
    scene = make_scene()
    legs = without(scene.maps, scene.body, "thigh", "shin", "foot")
    rows = [np.flatnonzero((m > 0).any(1)).max() + 1 for m in legs.labels]
    below = np.arange(legs.labels.shape[1])[None, :, None] < np.array(rows)[:, None, None]
    maps = replace(legs, valid=np.broadcast_to(below, legs.labels.shape))
    result = fit(maps, scene.body, FitConfig(hands=False))
    error = np.linalg.norm(result.joints - scene.joints, axis=-1)
    assert result.status == "ok" and "left leg or right leg" in result.reason
    assert error[0] < 0.01 and error[UPPER].max() < 0.02
    assert (error[LEGS] < 2 * result.joint_std[LEGS]).all() and result.joint_std[[7, 8]].min() > 0.1


def test_shared_deviation_widens_what_is_stated(make_scene):
    scene = make_scene()
    plain = fit(scene.maps, scene.body, FitConfig(hands=False))
    wide = fit(scene.maps, scene.body, FitConfig(hands=False, std_scale=2.0, shared_std=0.03))
    assert np.allclose(wide.joint_std[:22], np.hypot(2 * plain.joint_std, 0.03)[:22], rtol=1e-4)


def test_stated_deviations_weigh_pixels_of_hands(make_scene):
    """Half the deviation is four times the weight, on hands alone; equal deviations change nothing."""
    scene = make_scene()
    found = sample_correspondences(scene.maps, scene.body, 600, hands=False)
    hand = shows_hand(found, scene.body)
    first = found.view < 2
    assert (hand & first).any() and (hand & ~first).any()
    std = np.full(scene.maps.labels.shape, 0.01, np.float32)
    std[:2] = 0.02
    weighed = sample_correspondences(replace(scene.maps, std=std), scene.body, 600, hands=False)
    ratio = weighed.weight / found.weight
    assert (ratio[~hand] == 1).all()
    assert ratio[hand].mean() == pytest.approx(1, abs=0.01)
    assert ratio[hand & ~first].min() == pytest.approx(4 * ratio[hand & first].max(), rel=1e-3)
    same = sample_correspondences(
        replace(scene.maps, std=np.full_like(std, 0.02)), scene.body, 600, hands=False
    )
    assert np.allclose(same.weight, found.weight)
