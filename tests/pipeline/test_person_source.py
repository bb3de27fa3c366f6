"""The boxes of one person of several where a view has no detection of it."""

import numpy as np
import pytest

from diffproxy.association import Person
from diffproxy.association.skeleton import BONES
from diffproxy.association.track import Sighting
from diffproxy.detector.person_detector import Candidate
from diffproxy.pipeline.person_source import LIMB_MARGIN, person_source


@pytest.fixture
def scene(make_ring):
    """Somebody whom the third of three cameras does not detect: cameras, the person and its pixels there."""
    cameras = make_ring(3)
    joints = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 3))
    person = Person(0, {0: Sighting(0, np.array([0, 0, -1]), joints, joints)}, np.full(len(BONES), np.nan))
    return cameras, person, cameras[2].project(joints)


def candidate(pixels):
    keypoints = np.concatenate([pixels, np.ones((17, 1))], 1).astype(np.float32)
    low, high = pixels.min(0), pixels.max(0)
    return Candidate((*map(float, low), *map(float, high)), 0.5, keypoints)


def source_with(scene, *others, people=()):
    cameras, person, pixels = scene
    own = candidate(pixels)
    detections = {0: [[own], [own], [candidate(x) for x in others]]}
    return person_source(person, [person, *people], detections, cameras, "person_00")


def test_a_box_comes_from_the_other_views(scene):
    _, _, pixels = scene
    low, high = pixels.min(0), pixels.max(0)
    middle, half = (low + high) / 2, LIMB_MARGIN * (high - low) / 2
    np.testing.assert_allclose(source_with(scene).boxes[0]["cam2"], [*(middle - half), *(middle + half)])


def test_no_box_comes_from_them_where_somebody_stands_in_front(scene):
    """Somebody known counts by the distance, a stranger, whom no second view supports, always."""
    cameras, person, pixels = scene
    towards = -cameras[2].R_cam_world[2]
    for metres, hidden in ((0.4, True), (-0.4, False)):
        joints = person.sightings[0].joints + metres * towards
        other = Person(1, {0: Sighting(0, np.array([0, 0, 0]), joints, joints)}, person.bone_lengths)
        source = source_with(scene, cameras[2].project(joints), people=[other])
        assert ("cam2" in source.boxes[0]) is not hidden
        assert ("hidden" in source.notes[0][-1]) is hidden
    stranger = pixels[::-1]
    assert "cam2" not in source_with(scene, stranger).boxes[0]
    beside = stranger + np.array([2 * np.ptp(pixels[:, 0]), 0])
    assert "cam2" in source_with(scene, beside).boxes[0]


def test_a_detection_that_is_the_person_hides_nobody(scene):
    """The association may have left it out, as where some of its keypoints are wrong."""
    _, _, pixels = scene
    assert "cam2" in source_with(scene, pixels + 2.0).boxes[0]
