"""Who is found and who is nearer, on cases that can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffproxy.metrics.people import PeopleCounts, depth_orders, match_people


def wide(x: float, width: float = 10.0) -> tuple[float, float, float, float]:
    """A box of height 10 whose left side is at x."""
    return (x, 0.0, x + width, 10.0)


def test_a_miss_and_a_false_person():
    true, reported = [wide(0), wide(100), wide(200)], [wide(202), wide(1), wide(300)]
    found = match_people(true, reported, [True] * 3, 0.5)
    assert found.pairs == ((0, 1), (2, 0)) and found.excused == ()
    counts = PeopleCounts(2, 1, 1)
    assert counts.precision == counts.recall == counts.f1 == pytest.approx(2 / 3)
    assert counts.normalized(60.0) == pytest.approx(90.0)
    assert PeopleCounts(3, 1, 0).f1 == pytest.approx(6 / 7)  # precision 1, recall 3/4


def test_the_least_overlap_itself_matches():
    """5 of 15 columns are in both boxes."""
    assert match_people([wide(0)], [wide(5)], [True], 1 / 3).pairs == ((0, 0),)
    assert match_people([wide(0)], [wide(5)], [True], 0.34).pairs == ()


def test_the_best_sum_of_overlaps_not_the_best_pair():
    """0-0 overlaps most (0.82), but then 1 would be missed; 0-1 and 1-0 are 0.67 and 0.43."""
    true, reported = [wide(0), wide(5)], [wide(1), wide(-2)]
    assert match_people(true, reported, [True, True], 0.4).pairs == ((0, 1), (1, 0))


def test_overlaps_below_the_threshold_draw_nobody():
    """With 0-1 and 1-0 the sum of all overlaps is larger (0.43 + 0.43 > 0.82), but none of them may match."""
    true, reported = [wide(0), wide(5)], [wide(1), wide(-4)]
    assert match_people(true, reported, [True, True], 0.45).pairs == ((0, 0),)


def test_a_tie_matches_once():
    found = match_people([wide(0)], [wide(0), wide(0)], [True], 0.5)
    assert len(found.pairs) == 1 and not found.excused  # the other one is a false person


def test_hidden_people_are_neither_missed_nor_false_nor_in_the_way():
    same = [wide(0), wide(0)]
    assert match_people(same, same, [True, False], 0.5).pairs == ((0, 0),)
    assert match_people(same, same, [True, False], 0.5).excused == (1,)
    # one report at both, nearer to the hidden one: it is the other one who counts
    found = match_people([wide(2), wide(0)], [wide(0)], [True, False], 0.5)
    assert found.pairs == ((0, 0),) and found.excused == ()
    everybody = match_people([wide(0), wide(50)], [wide(50), wide(99)], [False, False], 0.5)
    assert everybody.pairs == () and everybody.excused == (0,)


def test_nobody_and_nothing():
    for true, reported in (([], []), ([wide(0)], []), ([], [wide(0)])):
        assert match_people(true, reported, [True] * len(true), 0.1).pairs == ()
    nothing = PeopleCounts(0, 0, 0)
    assert all(math.isnan(v) for v in (nothing.precision, nothing.recall, nothing.f1, nothing.normalized(1)))
    missed = PeopleCounts(0, 2, 0)
    assert (missed.recall, missed.f1) == (0, 0) and math.isnan(missed.precision)
    assert math.isnan(missed.normalized(math.nan))


def test_order_of_pairs_in_depth():
    """0 and 1 are equally far, all other pairs are ordered."""
    true = np.array([2.0, 2.1, 3.0, 5.0])
    assert depth_orders(true, true) == (6, 6)
    assert depth_orders(true + 1, true) == (6, 6)
    assert depth_orders(-true, true) == (1, 6)  # only the equal pair stays
    assert depth_orders(np.array([2.0, 2.3, 3.0, 5.0]), true) == (5, 6)
    assert depth_orders(np.array([2.0, 2.1, 2.15, 5.0]), true) == (4, 6)
    assert depth_orders(np.array([2.0]), np.array([2.5])) == (0, 0)
    assert depth_orders(np.zeros(0), np.zeros(0)) == (0, 0)


def test_equally_far_up_to_the_threshold_itself():
    """A quarter, which is exact in binary."""
    near = np.array([1.0, 1.25])
    assert depth_orders(near, np.array([1.0, 1.0]), same=0.25) == (1, 1)
    assert depth_orders(near, np.array([1.0, 1.0]), same=0.24) == (0, 1)
