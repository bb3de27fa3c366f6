"""Which joints pixels support: all of a whole body, none of the legs where every map ends at the pelvis."""

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.observed import UNOBSERVED, joint_support
from diffproxy.fitting.terms.correspondences import gather

LEGS = [4, 5, 7, 8, 10, 11]
UPPER = [0, 3, 6, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]


def without(maps, body, *segments):
    """The maps with these segments taken for background."""
    names = dict(body.atlas.palette.names)
    gone = [k for k, name in names.items() if any(s in name for s in segments)]
    return replace(maps, labels=np.where(np.isin(maps.labels, gone), 0, maps.labels).astype(np.uint8))


def test_whole_body_is_supported(make_scene):
    scene = make_scene()
    found = gather(scene.maps, scene.body, 600)
    support = joint_support(scene.body, found.face, found.bary)
    assert support.shape == (55,) and support[:22].min() > 0.9 and support.max() <= 1


def test_legs_without_pixels_are_not(make_scene):
    scene = make_scene()
    found = gather(without(scene.maps, scene.body, "thigh", "shin", "foot"), scene.body, 600)
    support = joint_support(scene.body, found.face, found.bary)
    assert support[LEGS].max() < UNOBSERVED and support[UPPER].min() > 0.9
    assert (joint_support(scene.body, found.face[:0], found.bary[:0]) == 0).all()


@pytest.mark.parametrize(
    "kept, supported", [("thigh", {4, 5}), ("shin", {4, 5, 7, 8}), ("foot", {7, 8, 10, 11})]
)
def test_a_segment_supports_the_joints_at_its_ends(make_scene, kept, supported):
    scene = make_scene()
    gone = {"thigh", "shin", "foot"} - {kept}
    found = gather(without(scene.maps, scene.body, *gone), scene.body, 600)
    support = joint_support(scene.body, found.face, found.bary)
    assert {j for j in LEGS if support[j] > 0.5} == supported


def test_fit_states_it(make_scene):
    scene = make_scene()
    result = fit(scene.maps, scene.body, FitConfig(hands=False))
    assert result.joint_observed[:22].min() > 0.9
