"""Everybody in a picture: who is found, and who stands nearer.

Counts are added up over all pictures before precision, recall and F1 are taken from them, and mean errors of the people
who are found are divided by F1 (NMVE, NMJE), as by github.com/pixelite1201/agora_evaluation (Patel et al. 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from diffproxy.geometry.boxes import Box, box_iou

SAME_DEPTH = 0.2
"""Metres up to which two people count as equally far: `dr_thresh` of github.com/Arthur151/Relative_Human, whose
annotators order people by layers (BEV, Sun et al. 2022)."""


@dataclass(frozen=True)
class PeopleMatches:
    """Who was reported as whom in one picture.

    Attributes:
        pairs: Rows of (true person, reported person), of people who count.
        excused: Reported rows that are at people who need not be found.
    """

    pairs: tuple[tuple[int, int], ...]
    excused: tuple[int, ...]


@dataclass(frozen=True)
class PeopleCounts:
    """Counts over one picture or many; the ratios are NaN where there is nothing to count."""

    found: int
    missed: int
    false_people: int

    @property
    def precision(self) -> float:
        """Share of the reported people who are there."""
        return _ratio(self.found, self.found + self.false_people)

    @property
    def recall(self) -> float:
        """Share of the people there who are reported."""
        return _ratio(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.found, 2 * self.found + self.missed + self.false_people)

    def normalized(self, error: float) -> float:
        """A mean error of the people who are found, over F1: NMVE of MVE, NMJE of MPJPE, in the same unit."""
        return _ratio(error, self.f1)


def match_people(
    true: Sequence[Box], reported: Sequence[Box], counted: Sequence[bool], min_iou: float
) -> PeopleMatches:
    """One-to-one matches of the largest sum of overlaps.

    People who count go first, so that somebody hidden takes no match from the person before him; who is then still
    unmatched is excused at those who need not be found.

    Args:
        true: T boxes (x0, y0, x1, y1), pixels.
        reported: R boxes, pixels.
        counted: T flags; False: need not be found.
        min_iou: Least intersection over union of a match, in (0, 1].

    Returns:
        The matches, in the order of the true people.
    """
    overlap = np.array([[box_iou(a, b) for b in reported] for a in true]).reshape(len(true), len(reported))
    overlap[overlap < min_iou] = 0.0
    must = np.array(counted, dtype=bool)
    pairs = _assigned(np.where(must[:, None], overlap, 0.0))
    overlap[:, [j for _, j in pairs]] = 0.0
    others = _assigned(np.where(must[:, None], 0.0, overlap))
    return PeopleMatches(tuple(pairs), tuple(j for _, j in others))


def depth_orders(
    depth: Float[np.ndarray, " N"], true_depth: Float[np.ndarray, " N"], same: float = SAME_DEPTH
) -> tuple[int, int]:
    """Pairs of people whose order in depth is right: nearer, farther, or equally far.

    Their share of all pairs is the PCDR of BEV, except that here measured depths order the people, not layers.

    Args:
        depth: Depth of the pelvis of each matched person of one picture, metres.
        true_depth: The same of the truth.
        same: Difference up to which two people are equally far, metres.

    Returns:
        Number of right pairs, number of all pairs.
    """
    rows, columns = np.triu_indices(len(depth), k=1)
    off, true_off = depth[columns] - depth[rows], true_depth[columns] - true_depth[rows]
    order, true_order = (np.sign(d) * (np.abs(d) > same) for d in (off, true_off))
    return int(np.count_nonzero(order == true_order)), len(rows)


def _assigned(gain: Float[np.ndarray, "T R"]) -> list[tuple[int, int]]:
    """Rows and columns of the one-to-one assignment of the largest sum; pairs without gain are left out."""
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
