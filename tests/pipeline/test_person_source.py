"""The boxes of one person of several where a view has no detection of it."""

import numpy as np
import pytest

from diffproxy.association import Person
from diffproxy.association.skeleton import BONES
from diffproxy.association.track import Sighting
from diffproxy.detector.person_detector import Candidate
from diffproxy.pipeline.person_source import LIMB_MARGIN, person_source


def candidate(box):
    return Candidate(box, 0.5, np.ones((17, 3), np.float32))


@pytest.mark.parametrize(("moved", "taken"), [(0.0, False), (0.5, False), (0.9, True)])
def test_a_box_from_other_views_is_not_used_where_a_stranger_stands(make_ring, moved, taken):
    """Nobody else of the take is known; the stranger is a detection that no second view supports."""
    cameras = make_ring(3)
    joints = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 3))
    sighting = Sighting(0, np.array([0, 0, -1]), joints, joints)
    person = Person(0, {0: sighting}, np.full(len(BONES), np.nan))
    pixels = cameras[2].project(joints)
    low, high = pixels.min(0), pixels.max(0)
    middle, half = (low + high) / 2, LIMB_MARGIN * (high - low) / 2
    box = np.array([*(middle - half), *(middle + half)])
    stranger = box + np.array([1, 0, 1, 0]) * moved * 2 * half[0]
    own = candidate((10.0, 10.0, 90.0, 90.0))
    detections = {0: [[own], [own], [candidate(tuple(map(float, stranger)))]]}
    source = person_source(person, [person], detections, cameras, "person_00")
    assert set(source.boxes[0]) == ({"cam0", "cam1", "cam2"} if taken else {"cam0", "cam1"})
    if taken:
        np.testing.assert_allclose(source.boxes[0]["cam2"], box)
    assert ("hidden" in source.notes[0][-1]) is not taken
