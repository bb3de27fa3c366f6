"""Where the score map shows the people of given boxes; numpy alone, for the exported network, too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffproxy.geometry.boxes import Box

REACH = 0.1
"""Of the longer side of a box: how far from its middle the peak of the score may be."""


def cells_near(boxes: Sequence[Box], scale: float, score: np.ndarray) -> list[int]:
    """The strongest cell near the middle of each box: row times columns plus column.

    Args:
        boxes: Of people, pixels of the picture.
        scale: Cells a pixel.
        score: (P, Q) of the picture.
    """
    rows, columns = score.shape
    found = []
    for x0, y0, x1, y1 in boxes:
        x, y = (round((a + b) / 2 * scale) for a, b in ((x0, x1), (y0, y1)))
        reach = max(1, round(REACH * max(x1 - x0, y1 - y0) * scale))
        x, y = min(max(x, 0), columns - 1), min(max(y, 0), rows - 1)
        top, left = max(y - reach, 0), max(x - reach, 0)
        near = score[top : y + reach + 1, left : x + reach + 1]
        down, right = divmod(int(near.argmax()), near.shape[1])
        found.append((top + down) * columns + left + right)
    return found
