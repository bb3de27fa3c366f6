"""Identities of several people over time: CLEAR MOT (Bernardin & Stiefelhagen 2008) and IDF1 (Ristani et al. 2016)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class TrackedFrame:
    """One frame: ids that are there, ids that are reported, and their distances in metres.

    `counted`: False for who is there but need not be reported (nearly out of sight): neither reporting nor missing such
    a person is an error.
    """

    truth: tuple[int, ...]
    reported: tuple[int, ...]
    distance: Float[np.ndarray, "T R"]
    counted: Bool[np.ndarray, " T"]


@dataclass(frozen=True)
class TrackingErrors:
    """Counts over all frames, and `matches`: (frame's position, row, column) of everybody who is found."""

    truth: int
    reported: int
    misses: int
    false_people: int
    switches: int
    idf1: float
    matches: tuple[tuple[int, int, int], ...]

    @property
    def mota(self) -> float:
        """1 - (misses + false people + switches) / people there."""
        return 1.0 - (self.misses + self.false_people + self.switches) / max(self.truth, 1)


def tracking_errors(frames: Iterable[TrackedFrame], threshold: float) -> TrackingErrors:
    """Compare reported people with those who are there.

    Args:
        frames: In order of time.
        threshold: Largest distance in metres of a match.

    Returns:
        The errors. As in CLEAR MOT, a pair that matched before stays matched as long as it is within the threshold.
    """
    last: dict[int, int] = {}  # reported id that each person was matched to
    overlaps: Counter[tuple[int, int]] = Counter()
    truth = reported = misses = false_people = switches = 0
    matches: list[tuple[int, int, int]] = []
    for f, frame in enumerate(frames):
        near = frame.distance <= threshold
        pairs = _matched(frame, near, last)
        for i, j in pairs:
            who, name = frame.truth[i], frame.reported[j]
            if not frame.counted[i]:
                continue
            switches += last.get(who, name) != name
            last[who] = name
            matches.append((f, i, j))
        free = {j for i, j in pairs if not frame.counted[i]}
        truth += int(frame.counted.sum())
        reported += len(frame.reported) - len(free)
        good = len(pairs) - len(free)
        misses += int(frame.counted.sum()) - good
        false_people += len(frame.reported) - len(free) - good
        for i, j in zip(*np.nonzero(near & frame.counted[:, None]), strict=True):
            overlaps[frame.truth[i], frame.reported[j]] += 1
    return TrackingErrors(
        truth, reported, misses, false_people, switches, _idf1(overlaps, truth, reported), tuple(matches)
    )


def _matched(frame: TrackedFrame, near: np.ndarray, last: dict[int, int]) -> list[tuple[int, int]]:
    """Rows and columns: earlier pairs first, then the assignment of the rest with the least distance."""
    pairs: list[tuple[int, int]] = []
    for i, who in enumerate(frame.truth):
        if last.get(who) in frame.reported:
            j = frame.reported.index(last[who])
            if near[i, j] and j not in {b for _, b in pairs}:
                pairs.append((i, j))
    open_ = near.copy()
    for i, j in pairs:
        open_[i], open_[:, j] = False, False
    rows, columns = linear_sum_assignment(np.where(open_, frame.distance, 1e6))
    return pairs + [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if open_[i, j]]


def _idf1(overlaps: Counter[tuple[int, int]], truth: int, reported: int) -> float:
    """2 IDTP / (people there + people reported), for the best assignment of reported ids to people."""
    if not overlaps:
        return 1.0 if truth == reported == 0 else 0.0
    who = sorted({a for a, _ in overlaps})
    names = sorted({b for _, b in overlaps})
    table = np.array([[overlaps[a, b] for b in names] for a in who])
    rows, columns = linear_sum_assignment(-table)
    return float(2 * table[rows, columns].sum() / (truth + reported))
