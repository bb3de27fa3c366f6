"""The right person among several, and where the points are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.keypoints import NAMES, Person2D, triangulate_people
from diffproxy.keypoints.keypoint_table import one_person
from diffproxy.keypoints.triangulate import agreed_point


def figure(place: tuple[float, float, float], seed: int) -> np.ndarray:
    """A cloud of the size of a person."""
    rng = np.random.default_rng(seed)
    return np.asarray(place) + rng.uniform([-0.3, -0.9, -0.2], [0.3, 0.9, 0.2], size=(len(NAMES), 3))


@pytest.fixture
def scene(make_ring):
    """Four cameras with lens distortion, two people in each, in changing order."""
    bend = np.array([-0.05, 0.02, 0.001, -0.001])
    cameras = [replace(c, distortion=bend) for c in make_ring(4, size=1000, radius=4.0)]
    subject, other = figure((0, 0, 0), 0), figure((1.4, 0, 0.3), 1)
    people = []
    for v, c in enumerate(cameras):
        both = [Person2D(np.column_stack([c.project(x), np.full(len(x), 0.9)])) for x in (subject, other)]
        people.append(both if v % 2 == 0 else both[::-1])
    return cameras, people, subject, other


def test_points_are_exact_through_the_lens(scene):
    cameras, people, subject, other = scene
    found = triangulate_people(people, cameras, near=np.zeros(3))
    assert np.abs(found.points - subject).max() < 1e-5
    assert found.chosen == (0, 1, 0, 1) and np.nanmax(found.error_px) < 1e-3
    there = triangulate_people(people, cameras, near=np.array([1.4, 0.0, 0.3]))
    assert np.abs(there.points - other).max() < 1e-5


def test_a_wrong_view_is_left_out(scene):
    cameras, people, subject, _ = scene
    people[2][0].points[5, :2] += 80
    found = triangulate_people(people, cameras, near=np.zeros(3), min_views=3)
    assert not found.views[2, 5] and found.views[:, 5].sum() == 3
    assert np.linalg.norm(found.points[5] - subject[5]) < 1e-5


def test_too_few_views_give_nothing(scene):
    cameras, people, _, _ = scene
    alone = [people[0], [], [], []]
    found = triangulate_people(alone, cameras)
    assert not found.found.any() and found.chosen == (None,) * 4
    assert not triangulate_people([[]] * 4, cameras).found.any()


def test_rows_are_straightened(scene):
    cameras, people, subject, _ = scene
    pinhole = [replace(c, distortion=np.zeros(0)) for c in cameras]
    rows = one_person(people, cameras, pinhole, np.zeros(3))
    assert len(rows) == 4 * len(NAMES) and (rows.agreeing == 4).all()
    for v, name, pixel in zip(rows.view[::37], rows.name[::37], rows.pixel[::37], strict=True):
        assert np.abs(pinhole[v].project(subject[name]) - pixel).max() < 1e-3


def test_a_single_view_gives_its_surest_person(scene):
    cameras, people, _, _ = scene
    people[1][0].points[:, 2] = 0.4
    rows = one_person([[], people[1], [], []], cameras, cameras)
    assert rows.chosen == (None, 1, None, None) and len(rows) == len(NAMES)


@pytest.mark.parametrize("views", [3, 40])
def test_the_largest_set_of_views_that_agree(make_ring, views):
    """Also of 40 cameras, of which there are 10^12 sets."""
    cameras, place = make_ring(views, radius=4.0), np.array([0.3, 0.5, -0.2])
    rng = np.random.default_rng(0)
    wrong = np.arange(views) % 3 == 2
    shown = place + np.where(
        wrong[:, None], rng.uniform(0.3, 0.8, (views, 3)), rng.normal(0, 0.001, (views, 3))
    )
    xy = np.concatenate([c.normalized(c.project(x[None])) for c, x in zip(cameras, shown, strict=True)])
    point, agreeing = agreed_point(xy, np.ones(views), cameras)
    assert (agreeing == ~wrong).all() and np.linalg.norm(point - place) < 0.005
    nothing, none = agreed_point(xy[:1], np.ones(1), cameras[:1])
    assert np.isnan(nothing).all() and not none.any()
