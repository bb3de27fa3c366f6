"""The subject is who the views agree on in 3D; bystanders are dropped by name."""

import numpy as np
import pytest

from diffproxy.pipeline.multiview_association import choose_subject
from diffproxy.pipeline.multiview_people import Candidate, triangulate


def _person_box(camera, centre, height=1.75, width=0.6, noise=0.0, rng=None) -> Candidate:
    """Box around an upright cylinder-like person (centre at mid height), with noise in pixels."""
    x, y, z = np.meshgrid([-width / 2, width / 2], [-height / 2, height / 2], [-width / 2, width / 2])
    pixels = camera.project(np.asarray(centre) + np.stack([x, y, z], axis=-1).reshape(-1, 3))
    box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    if rng is not None:
        box = box + rng.normal(0, noise, 4)
    return Candidate.from_box(np.clip(box, 0, camera.width), score=0.8)


def test_triangulate_is_exact(make_ring) -> None:
    cameras = make_ring(3, size=256)
    point = np.array([0.2, -0.1, 0.3])
    pixels = np.array([c.project(point) for c in cameras])
    assert np.allclose(triangulate(pixels, cameras), point, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_bystander_is_dropped_by_name(make_ring, seed) -> None:
    rng = np.random.default_rng(seed)
    cameras = make_ring(4, size=512, radius=3.5)
    subject, bystander = np.array([0.1, 0.0, -0.1]), np.array([0.7, 0.05, 0.5])
    found = []
    for v, camera in enumerate(cameras):
        here = [_person_box(camera, subject, noise=4.0, rng=rng)]
        if v < 2:  # the bystander is seen by two cameras only, and found with more certainty
            other = _person_box(camera, bystander, noise=4.0, rng=rng)
            here.insert(0, Candidate(other.box, 0.95, other.centre))
        found.append(here)
    location = choose_subject(found, cameras)
    assert location.person is not None and location.person.chosen == (1, 1, 0, 0)
    assert np.linalg.norm(location.person.centre - subject) < 0.08
    assert 1.5 < location.person.extent < 2.0
    text = "\n".join(location.notes)
    assert "person 2 dropped" in text and "cam0" in text and "cam1" in text


def test_detection_without_partner_is_named(make_ring) -> None:
    cameras = make_ring(3, size=512, radius=3.5)
    found = [[_person_box(c, (0, 0, 0))] for c in cameras]
    found[1].append(Candidate.from_box((5.0, 400.0, 60.0, 500.0), score=0.9))
    location = choose_subject(found, cameras)
    assert location.person is not None and location.person.chosen == (0, 0, 0)
    assert any("cam1" in n and "agrees with no other view" in n for n in location.notes)


def test_missed_view_gets_the_reprojected_box(make_ring) -> None:
    cameras = make_ring(4, size=512, radius=3.5)
    found = [[_person_box(c, (0, 0, 0))] for c in cameras]
    found[2] = []
    location = choose_subject(found, cameras)
    assert location.views == 4 and location.person is not None and location.person.views == 3
    box = location.boxes[2]
    true = _person_box(cameras[2], (0, 0, 0)).box
    assert box is not None and box[1] < true[1] + 15 and box[3] > true[3] - 15
    assert any(n.startswith("cam2: no matching detection") for n in location.notes)


def test_last_known_place_decides_between_equals(make_ring) -> None:
    cameras = make_ring(4, size=512, radius=4.0)
    places = [np.array([0.6, 0.0, 0.0]), np.array([-0.6, 0.0, 0.2])]
    found = [[_person_box(c, p) for p in places] for c in cameras]
    for k, place in enumerate(places):
        location = choose_subject(found, cameras, near=place)
        assert location.person is not None and location.person.chosen == (k,) * 4


def test_a_chair_is_no_person(make_ring) -> None:
    """Boxes that agree perfectly on something 0.4 m tall lose against a person with poor scores."""
    cameras = make_ring(4, size=512, radius=3.5)
    found = []
    for c in cameras:
        chair, person = _person_box(c, (0.7, -0.6, 0.5), 0.4, 0.4), _person_box(c, (-0.2, 0, 0))
        found.append([Candidate(chair.box, 1.0, chair.centre), Candidate(person.box, 0.4, person.centre)])
    location = choose_subject(found, cameras)
    assert location.person is not None and location.person.chosen == (1, 1, 1, 1)


def test_nobody_and_one_view(make_ring) -> None:
    cameras = make_ring(3, size=256)
    nobody = choose_subject([[], [], []], cameras)
    assert nobody.views == 0 and nobody.person is None and "no person" in nobody.notes[0]
    alone = choose_subject([[], [_person_box(cameras[1], (0, 0, 0))], []], cameras)
    assert alone.views == 1 and alone.boxes[1] is not None


def test_lying_person_is_accepted(make_ring) -> None:
    cameras = make_ring(4, size=512, radius=3.5)
    found = [[_person_box(c, (0, -0.7, 0), height=0.3, width=1.5)] for c in cameras]
    location = choose_subject(found, cameras)
    assert location.person is not None and location.person.views == 4
