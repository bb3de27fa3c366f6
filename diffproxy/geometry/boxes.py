"""Boxes (x0, y0, x1, y1) in pixels; pixel j covers j to j + 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]
BoxLike = Sequence[float | int] | np.ndarray


def as_box(box: BoxLike) -> Box:
    """Any four numbers as a box."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0, y0, x1, y1


def expand_to_square(box: BoxLike, scale: float = 1.0) -> Box:
    """A square around the centre of a box.

    Args:
        box: (x0, y0, x1, y1) pixels.
        scale: Side of the square over the longer side of the box.

    Returns:
        The square; its side is at least 1e-3 px.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    half = 0.5 * scale * max(x1 - x0, y1 - y0, 1e-3)
    cx, cy = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    return (cx - half, cy - half, cx + half, cy + half)


def on_pixel_grid(square: BoxLike) -> Box:
    """The square with corner and side in eighths of a pixel.

    Crops then do not depend on the last digits of a calibration: images are sampled at fractions of a pixel, and one
    that flips changes what a network reads.
    """
    x0, y0, side = (round(8.0 * float(v)) / 8.0 for v in (square[0], square[1], square[2] - square[0]))
    side = max(side, 0.125)
    return (x0, y0, x0 + side, y0 + side)


def tight_box(mask: np.ndarray) -> Box | None:
    """The smallest box around the true pixels of (H, W) bool `mask`; None without any."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def union_box(a: BoxLike | None, b: BoxLike | None) -> Box | None:
    """The smallest box around both; None is an empty box."""
    if a is None or b is None:
        one = b if a is None else a
        return None if one is None else as_box(one)
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def box_iou(a: BoxLike, b: BoxLike) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0.0) * max(h, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union if union > 0 else 0.0


SAME_PERSON_IOU = 0.6
"""Of two detections that overlap more, the one with the better score is kept."""


def best_of_overlapping(
    boxes: Sequence[BoxLike] | np.ndarray, scores: Sequence[float] | np.ndarray, min_score: float
) -> list[int]:
    """Which detections to keep: one for each person.

    Args:
        boxes: N boxes.
        scores: Of the boxes.
        min_score: Boxes below it are left out, as are empty ones.

    Returns:
        Rows, best first.
    """
    found = [as_box(box) for box in boxes]
    kept: list[int] = []
    for i in np.argsort(-np.asarray(scores), kind="stable").tolist():
        x0, y0, x1, y1 = found[i]
        if scores[i] < min_score or x1 <= x0 or y1 <= y0:
            continue
        if all(box_iou(found[i], found[k]) < SAME_PERSON_IOU for k in kept):
            kept.append(i)
    return kept
