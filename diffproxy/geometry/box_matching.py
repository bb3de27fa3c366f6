"""Which boxes of two frames are of the same person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffproxy.geometry.boxes import Box, box_iou


def match_boxes(before: Sequence[Box], now: Sequence[Box], above: float) -> list[int | None]:
    """One-to-one matches with the largest sum of overlaps.

    Args:
        before: Boxes (x0, y0, x1, y1), pixels.
        now: Boxes to find among them.
        above: Intersection over union that a match has to exceed.

    Returns:
        Of each box of `now` its row in `before`, or None.
    """
    owner: list[int | None] = [None] * len(now)
    if before and now:
        overlap = np.array([[box_iou(a, b) for b in now] for a in before])
        for i, j in least_cost_pairs(-overlap):
            if overlap[i, j] > above:
                owner[j] = i
    return owner


def least_cost_pairs(cost: np.ndarray) -> list[tuple[int, int]]:
    """Row and column of each pair of the one-to-one assignment with the least sum of a finite (N, M) `cost`.

    Shortest augmenting paths with potentials (Jonker and Volgenant 1987). `scipy.optimize.linear_sum_assignment` gives
    the same, but the ONNX runtime does without scipy.
    """
    rows, columns = cost.shape
    if rows > columns:
        return [(i, j) for j, i in least_cost_pairs(cost.T)]
    row_potential, column_potential = np.zeros(rows), np.zeros(columns)
    row_of = np.full(columns, -1)
    for start in range(rows):
        distance, previous = np.full(columns, np.inf), np.full(columns, -1)
        done = np.zeros(columns, bool)
        row, column, length = start, -1, 0.0
        while row >= 0:  # until the path ends in a column without a row
            through = length + cost[row] - row_potential[row] - column_potential
            nearer = ~done & (through < distance)
            distance[nearer], previous[nearer] = through[nearer], column
            column = int(np.where(done, np.inf, distance).argmin())
            length, done[column] = float(distance[column]), True
            row = int(row_of[column])
        passed = np.flatnonzero(done & (row_of >= 0))
        row_potential[start] += length
        row_potential[row_of[passed]] += length - distance[passed]
        column_potential[passed] -= length - distance[passed]
        while column >= 0:  # each column of the path takes the row of the one before
            before = int(previous[column])
            row_of[column] = start if before < 0 else row_of[before]
            column = before
    return [(int(row), column) for column, row in enumerate(row_of) if row >= 0]
