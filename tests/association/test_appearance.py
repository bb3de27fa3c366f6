"""People are known by the colours of their surface, whatever the exposure."""

import numpy as np
import pytest

from diffproxy.association import associate
from diffproxy.association.appearance import Appearance, appearance_distance
from diffproxy.proxies import ProxyMaps

SIDE = 32  # pixels of a picture of one part


def picture(colors, cameras, gain=1.0, parts=8, kind="body", seed=0):
    """Each part fills a square of its own; `colors[part]` is its cloth, with a pattern of dark cells on it."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(1, parts + 1), SIDE)[None] * np.ones((SIDE, 1), int)
    v, u = np.mgrid[0.5:SIDE, 0.5 : SIDE * parts] / SIDE
    uv = np.stack([u % 1, v], -1)
    dark = 1 - 0.5 * ((uv[..., 0] * 4).astype(int) % 2)
    image = np.array(colors)[labels - 1] * dark[..., None] * gain * rng.normal(1, 0.05, (*labels.shape, 1))
    maps = ProxyMaps(
        labels[None].astype(np.uint8),
        uv[None].astype(np.float32),
        np.ones((1, *labels.shape), np.float32),
        (kind,),
        tuple(cameras[:1]),
    )
    return np.clip(image, 0, 255).astype(np.uint8)[None], maps


@pytest.fixture
def clothes():
    return [np.random.default_rng(k).uniform(40, 180, (8, 3)) for k in range(2)]


def test_one_person_is_nearer_than_another_at_any_exposure(cameras, clothes):
    look = Appearance.of(*picture(clothes[0], cameras))
    again = Appearance.of(*picture(clothes[0], cameras, gain=np.array([1.3, 1.2, 1.1]), seed=1))
    other = Appearance.of(*picture(clothes[1], cameras))
    same, different = appearance_distance(look, again), appearance_distance(look, other)
    assert same < 1.0 < 2.0 < different
    assert appearance_distance(look + again, look) < same


def test_too_little_in_common_says_nothing(cameras, clothes):
    images, maps = picture(clothes[0], cameras)
    look = Appearance.of(images, maps)
    empty = Appearance(np.zeros_like(look.total), np.zeros_like(look.pixels))
    assert appearance_distance(look, empty) is None
    hand = Appearance.of(*picture(clothes[0], cameras, kind="left_hand"))
    assert hand.pixels.sum() == 0 and look.pixels.sum() > 0.8 * maps.labels.size


@pytest.mark.parametrize("exchanged", [False, True])
def test_twins_who_were_away_are_told_apart_by_their_clothes(
    cameras, make_person, observe, clothes, exchanged
):
    """Two people of one size leave together; after a second they come back, at each other's place or at their own."""
    looks = [Appearance.of(*picture(c, cameras)) for c in clothes]
    place = lambda k, f: (-0.5, 0.5)[k ^ (exchanged and f >= 50)]  # noqa: E731
    take = [[None if 20 <= f < 50 else make_person(place(k, f), 0.3) for k in (0, 1)] for f in range(70)]
    asked = []

    def appearance_of(sightings):
        frame, x = sightings[0].frame, np.median(sightings[0].joints[:, 0])
        asked.append(frame)
        return looks[int((x > 0) ^ (exchanged and frame >= 50))]

    people = associate(observe(take, cameras, noise=1.0), cameras, appearance_of=appearance_of).people
    assert len(people) == 2 and sorted(asked) == [0, 0, 50, 50]
    for person in people:
        start, end = (np.median(person.sightings[f].joints[:, 0]) for f in (5, 65))
        assert (start * end < 0) == exchanged


def test_who_looks_different_is_somebody_else(cameras, make_person, observe, clothes):
    take = [[None if 20 <= f < 50 else make_person(0, 0)] for f in range(70)]
    looks = [Appearance.of(*picture(c, cameras, parts=8)) for c in ([[20, 20, 160]] * 8, [[160, 20, 20]] * 8)]
    known = associate(observe(take, cameras), cameras, appearance_of=lambda s: looks[0])
    assert len(known.people) == 1
    strangers = associate(observe(take, cameras), cameras, appearance_of=lambda s: looks[s[0].frame >= 50])
    assert len(strangers.people) == 2
    unknown = associate(observe(take, cameras), cameras, appearance_of=lambda s: None)
    assert len(unknown.people) == 1
