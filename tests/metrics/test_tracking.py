"""Tracking metrics on cases that can be counted by hand."""

import numpy as np
import pytest

from diffproxy.metrics.tracking import TrackedFrame, tracking_errors


def frame(truth: dict, reported: dict, counted=None) -> TrackedFrame:
    """One frame of people on a line: id -> place in metres."""
    a, b = (np.array([*places.values()], dtype=float) for places in (truth, reported))
    counted = np.ones(len(truth), bool) if counted is None else np.array(counted)
    return TrackedFrame(tuple(truth), tuple(reported), np.abs(a[:, None] - b[None]), counted)


def test_perfect_tracks() -> None:
    frames = [frame({0: f, 1: 10.0}, {7: f, 3: 10.1}) for f in range(5)]
    errors = tracking_errors(frames, 0.5)
    assert (errors.mota, errors.idf1, errors.switches, len(errors.matches)) == (1.0, 1.0, 0, 10)


def test_a_switch_a_miss_and_a_false_person() -> None:
    frames = [
        frame({0: 0, 1: 5}, {0: 0, 1: 5}),
        frame({0: 0, 1: 5}, {0: 0, 1: 5}),
        frame({0: 0, 1: 5}, {1: 0, 0: 5}),  # exchanged: two switches
        frame({0: 0, 1: 5}, {1: 0}),  # 1 is missed
        frame({0: 0, 1: 5}, {1: 0, 0: 5, 2: 9}),  # somebody who is not there
    ]
    errors = tracking_errors(frames, 0.5)
    assert (errors.switches, errors.misses, errors.false_people) == (2, 1, 1)
    assert errors.mota == pytest.approx(1 - 4 / 10)
    # the best assignment is the exchanged one: 3 frames of person 0 with id 1, 2 of person 1 with id 0
    assert errors.idf1 == pytest.approx(2 * 5 / (10 + 10))


def test_a_match_is_kept_while_it_is_near_enough() -> None:
    frames = [frame({0: 0.0}, {0: 0.0}), frame({0: 0.0}, {0: 0.4, 1: 0.1})]
    errors = tracking_errors(frames, 0.5)
    assert (errors.switches, errors.false_people) == (0, 1)


def test_who_need_not_be_reported_is_neither_miss_nor_false() -> None:
    frames = [
        frame({0: 0, 1: 5}, {0: 0, 1: 5}, counted=[True, False]),
        frame({0: 0, 1: 5}, {0: 0}, counted=[True, False]),
    ]
    errors = tracking_errors(frames, 0.5)
    assert (errors.truth, errors.reported, errors.misses, errors.false_people) == (2, 2, 0, 0)
    assert errors.idf1 == 1.0


def test_nobody_and_nothing() -> None:
    errors = tracking_errors([], 0.5)
    assert errors.idf1 == 1.0 and errors.mota == 1.0
    assert tracking_errors([frame({0: 0}, {})], 0.5).idf1 == 0.0
