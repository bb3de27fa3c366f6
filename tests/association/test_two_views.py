"""Rays of two views that meet less well than usual are a coincidence, sooner where a third view shows nobody."""

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.association import associate

FRAMES = 20
APART = 12  # pixels: both rays then miss the joints by about 2.5 cm


@pytest.fixture
def take(make_person, observe, cameras):
    """Two people in all views, and one of whom the third view knows nothing, in `frames` with rays that miss."""

    def make(views, frames=(), apart=APART):
        people = [
            [make_person(-1.0, 0.0), make_person(-1.0, -1.4), make_person(0.8, 0.3)] for _ in range(FRAMES)
        ]
        hidden = {(f, 2, 2) for f in range(FRAMES)}
        found = observe(people, cameras[:views], noise=1.0, hidden=hidden)
        for f in frames:
            last = found[f][1][1]  # in odd views the order is another
            found[f][1][1] = replace(last, keypoints=last.keypoints + np.float32([0, apart, 0]))
        return associate(found, cameras[:views]), people

    return make


def test_two_views_that_agree_are_enough(take):
    for views in (2, 3):
        result, _ = take(views)
        assert [sum(p.status(f) == "ok" for f in range(FRAMES)) for p in result.people] == [FRAMES] * 3


def test_a_third_view_without_the_person_asks_for_better_agreement(take):
    result, _ = take(2, range(FRAMES))
    assert [sum(p.status(f) == "ok" for f in range(FRAMES)) for p in result.people] == [FRAMES] * 3
    result, people = take(3, range(FRAMES))
    assert len(result.people) == 2
    for joints in people[0][:2]:
        assert min(np.abs(p.sightings[0].joints - joints).max() for p in result.people) < 0.05


def test_in_single_frames_the_view_counts_that_agrees_with_the_frames_around(take):
    result, people = take(2, [10], apart=2 * APART)
    person = max(result.people, key=lambda p: p.sightings[0].joints[:, 0].mean())
    assert [f for f in range(FRAMES) if person.status(f) != "ok"] == [10]
    assert person.status(10) == "one_view" and np.flatnonzero(person.sightings[10].picks >= 0).tolist() == [0]
    assert np.linalg.norm(person.sightings[10].joints - people[10][2], axis=-1).max() < 0.05
