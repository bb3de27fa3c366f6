"""People that exact cameras see are told apart, followed and counted."""

import numpy as np
import pytest

from diffproxy.association import AssociationConfig, associate


def crossing(make_person, frames=25):
    """Two people who walk past each other, 0.7 m apart."""
    xs = np.linspace(-1.2, 1.2, frames)
    return [[make_person(x, 0.35, 1.05), make_person(-x, -0.35, 0.95, turn=2.0)] for x in xs]


@pytest.mark.parametrize("views", [2, 3, 4])
def test_two_people_keep_their_ids_and_places(cameras, make_person, observe, views):
    take = crossing(make_person)
    result = associate(observe(take, cameras[:views]), cameras[:views])
    assert len(result.people) == 2 and not result.one_view and not result.notes
    for person in result.people:
        assert (person.first_frame, person.last_frame) == (0, 24)
        assert all(person.status(f) == "ok" for f in range(25))
        who = np.argmin([np.abs(person.sightings[0].points - joints).max() for joints in take[0]])
        for f, joints in enumerate(take):
            np.testing.assert_allclose(person.sightings[f].points, joints[who], atol=0.02)


def test_any_number_of_people_coming_and_going(cameras, make_person, observe):
    spots = [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (0.0, 0.0)]
    spans = [(0, 50), (0, 30), (10, 50), (20, 40), (5, 50)]
    take = [
        [
            make_person(*spot, turn=k) if a <= f < b else None
            for k, (spot, (a, b)) in enumerate(zip(spots, spans, strict=True))
        ]
        for f in range(50)
    ]
    result = associate(observe(take, cameras, noise=2.0), cameras)
    assert sorted((p.first_frame, p.last_frame + 1) for p in result.people) == sorted(spans)


def test_who_leaves_and_returns_keeps_the_id(cameras, make_person, observe):
    sizes = (1.08, 0.92)
    there = lambda f, k: f < 20 or f >= 60 + 5 * k  # noqa: E731
    take = [
        [
            make_person((-1, 1)[k] if f < 50 else (1, -1)[k], 0.5, sizes[k]) if there(f, k) else None
            for k in (0, 1)
        ]
        for f in range(90)
    ]
    result = associate(observe(take, cameras, noise=1.0), cameras)
    assert len(result.people) == 2
    tall = max(result.people, key=lambda p: np.nansum(p.bone_lengths))
    assert np.median(tall.sightings[0].joints[:, 0]) < 0 < np.median(tall.sightings[85].joints[:, 0])
    assert tall.status(40) == "absent" and tall.status(85) == "ok"


@pytest.mark.parametrize(("frames", "noted"), [(1, False), (4, True), (5, None)])
def test_who_is_seen_too_briefly_is_named(cameras, make_person, observe, frames, noted):
    """Somebody in so few of ten frames; one frame may be a coincidence."""
    take = [[make_person(-1, 0), make_person(1, 0) if 3 <= f < 3 + frames else None] for f in range(10)]
    result = associate(observe(take, cameras), cameras)
    assert len(result.people) == (2 if noted is None else 1)
    said = f"{frames} frames only, from 3 to {2 + frames}: left out"
    assert [said in note for note in result.notes] == [True] * bool(noted)


def test_one_view_alone_shows_one_view_people(cameras, make_person, observe):
    take = [[make_person(0, 0), make_person(1.5, 0)] for _ in range(10)]
    hidden = {(f, v, 1) for f in range(10) for v in (0, 1, 3)}
    result = associate(observe(take, cameras, hidden=hidden), cameras)
    assert len(result.people) == 1
    assert [(p.view, len(p.boxes)) for p in result.one_view] == [(2, 10)]
    alone = associate(observe(take, cameras[:1]), cameras[:1])
    assert not alone.people and len(alone.one_view) == 2


def test_a_person_who_only_one_view_still_shows_is_followed(cameras, make_person, observe):
    take = [[make_person(0.02 * f, 0), make_person(-1.0, 1.0)] for f in range(30)]
    hidden = {(f, v, 0) for f in range(12, 18) for v in (0, 1, 2)}
    result = associate(observe(take, cameras, hidden=hidden), cameras)
    assert len(result.people) == 2
    walker = next(p for p in result.people if p.status(14) != "ok")
    assert [walker.status(f) for f in (11, 14, 20)] == ["ok", "one_view", "ok"]
    np.testing.assert_allclose(walker.sightings[17].joints, take[17][0], atol=0.1)


def test_empty_views_and_frames_are_no_trouble(cameras, make_person, observe):
    assert associate({}, cameras).people == ()
    assert associate({f: [[], [], [], []] for f in range(4)}, cameras).people == ()
    frames = observe([[make_person(0, 0)]] * 12, cameras)
    for f in frames:
        frames[f][1] = []  # one view never shows anybody
    frames[5] = [[], [], [], []]
    (person,) = associate(frames, cameras).people
    assert person.status(5) == "predicted" and person.status(11) == "ok"


def test_strangers_in_single_views_are_no_ghost(cameras, make_person, observe):
    rng = np.random.default_rng(3)
    take = [[make_person(0, 0)] for _ in range(30)]
    frames = observe(take, cameras)
    for f in frames:
        for v in range(4):  # somebody else in each view, at another place
            x, z = rng.uniform(-1.5, 1.5, 2)
            frames[f][v] = (
                frames[f][v] + observe([[make_person(x, z, turn=rng.uniform(0, 6))]], cameras)[0][v]
            )
    assert len(associate(frames, cameras).people) == 1


def test_a_single_frame_is_enough(cameras, make_person, observe):
    result = associate(observe([[make_person(0, 0), make_person(1, 0)]], cameras), cameras)
    assert len(result.people) == 2


def test_people_who_are_too_large_or_too_small_are_left_out(cameras, make_person, observe):
    take = [[make_person(0, 0), make_person(1.0, 0, size=0.3), make_person(-1.0, 0, size=1.8)]] * 8
    result = associate(observe(take, cameras), cameras, AssociationConfig(min_joints=5))
    assert len(result.people) == 1
