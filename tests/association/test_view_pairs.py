"""With two views, rays of two different people that meet are told from one person by the frames around."""

import numpy as np
import pytest

from diffproxy.association import AssociationConfig, associate
from diffproxy.association.observations import Observations
from diffproxy.association.view_pairs import pairs_of_views

FRAMES = 30
HIDDEN = range(10, 20)


@pytest.fixture
def two(cameras):
    return cameras[:2]


@pytest.fixture
def coincidence(two, make_person):
    """Two people of whom the first looks to the first view exactly as the second looks to the second one.

    The rays meet in a third body of human size, 0.5 m from each.
    """
    phantom = make_person(0.0, 0.0)
    centers = [camera.center_world for camera in two]
    return [c + scale * (phantom - c) for c, scale in zip(centers, (1.1, 0.9), strict=True)], phantom


def test_two_known_people_are_no_third_one_where_their_rays_meet(two, coincidence, observe):
    """For 34 frames each of them is seen by one view alone, and these two views agree on the third body."""
    people, phantom = coincidence
    climb = [np.array([0.0, 0.02 * max(10 - f, f - 43, 0), 0.0]) for f in range(54)]
    hidden = {(f, 1 - p, p) for f in range(10, 44) for p in (0, 1)}
    take = [[people[0] + step, people[1] - step] for step in climb]
    result = associate(observe(take, two, noise=1.0, hidden=hidden), two)
    assert len(result.people) == 2
    for person in result.people:
        assert [f for f in range(54) if person.status(f) == "one_view"] == list(range(10, 44))
        for f in range(54):
            off = [
                np.linalg.norm(person.sightings[f].joints - x, axis=-1).mean() for x in (*take[f], phantom)
            ]
            assert min(off[:2]) < 0.1 and (f not in range(10, 44) or off[2] > 0.3)


def test_one_frame_in_which_rays_meet_is_outweighed_by_those_around(two, coincidence, observe):
    """One goes up and one goes down; in frame 10 alone their rays meet, and the other two detections are missing."""
    people, _ = coincidence
    walk = [np.array([0.0, 0.02 * (f - 10), 0.0]) for f in range(21)]
    take = [[people[0] + step, people[1] - step] for step in walk]
    for hidden in ({(10, 1, 0), (10, 0, 1)}, set()):
        found = observe(take, two, hidden=hidden)
        seen = {f: Observations.of(views, two) for f, views in found.items()}
        pairs = pairs_of_views(seen, found, AssociationConfig())
        assert pairs[10].same.sum() == (0 if hidden else 2)
        alone = pairs_of_views({10: seen[10]}, found, AssociationConfig())
        assert alone[10].same.sum() == (1 if hidden else 2)  # this frame says nothing against it
        for f in set(found) - {10}:
            # odd views are turned round
            np.testing.assert_array_equal(pairs[f].same, [[False, True], [True, False]])


def test_people_who_pass_behind_each_other_in_one_image_stay_themselves(two, make_person, observe):
    """They change places on the line of sight of the second camera, which shows the nearer one alone for a while."""
    along = two[1].center_world * [1, 0, 1]
    along /= np.linalg.norm(along)
    take = [
        [make_person(turn=0.3) + s * along, make_person(0.05, 0.05, 0.95) - s * along]
        for s in np.linspace(-1, 1, FRAMES)
    ]
    hidden = {(f, 1, int(f >= FRAMES / 2)) for f in HIDDEN}
    result = associate(observe(take, two, noise=1.0, hidden=hidden), two)
    assert len(result.people) == 2
    for person in result.people:
        seen = [f for f in range(FRAMES) if person.status(f) == "ok"]
        off = [[np.abs(person.sightings[f].joints - x).mean() for x in take[f]] for f in seen]
        assert len(seen) >= FRAMES - len(HIDDEN) and len(set(np.argmin(off, axis=1))) == 1
