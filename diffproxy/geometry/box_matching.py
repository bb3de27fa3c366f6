"""Which boxes of two frames are of the same person. A file of its own, since scipy.optimize takes long to import."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

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
        for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
            if overlap[i, j] > above:
                owner[int(j)] = int(i)
    return owner
