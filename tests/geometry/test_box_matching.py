"""Boxes of the same people in two frames."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from diffproxy.geometry.box_matching import least_cost_pairs, match_boxes


def test_pairs_are_those_of_scipy():
    rng = np.random.default_rng(0)
    for rows, columns in rng.integers(1, 9, (200, 2)).tolist():
        cost = rng.normal(size=(rows, columns))
        expected = zip(*(side.tolist() for side in linear_sum_assignment(cost)), strict=True)
        assert sorted(least_cost_pairs(cost)) == [*expected]


def test_equal_costs_give_the_least_sum_too():
    rng = np.random.default_rng(1)
    for rows, columns in rng.integers(1, 9, (200, 2)).tolist():
        cost = rng.integers(-2, 1, (rows, columns)).astype(float)
        pairs = least_cost_pairs(cost)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs) == min(rows, columns)
        assert sum(cost[i, j] for i, j in pairs) == cost[linear_sum_assignment(cost)].sum()


def test_boxes_of_the_same_people_are_matched_one_to_one():
    before = [(0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)]
    now = [(21.0, 0.0, 31.0, 10.0), (100.0, 0.0, 110.0, 10.0), (1.0, 0.0, 11.0, 10.0), (2.0, 0.0, 12.0, 10.0)]
    assert match_boxes(before, now[:3], 0.2) == [1, None, 0]
    assert match_boxes(before, now, 0.2) == [1, None, 0, None]
    assert match_boxes([], now[:1], 0.2) == [None]
    assert match_boxes(before, [], 0.2) == []


def test_the_sum_of_overlaps_decides_not_the_largest_one():
    before = [(0.0, 0.0, 10.0, 10.0), (4.0, 0.0, 14.0, 10.0)]
    now = [(1.0, 0.0, 11.0, 10.0), (-4.0, 0.0, 6.0, 10.0)]
    assert match_boxes(before, now, 0.0) == [1, 0]


def test_overlaps_have_to_exceed_the_limit():
    box, moved = (0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 15.0, 10.0)  # a third
    assert match_boxes([box], [moved], 0.3) == [0]
    assert match_boxes([box], [moved], 0.35) == [None]
