"""How people look, on the atlas of the body: the same patch of skin or cloth has the same colour in every view.

Dense proxies say which patch each pixel shows. Mean colours of coarse cells of it are compared after one gain per
channel, since cameras differ in exposure and white balance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.proxies import ProxyMaps

SIDE = 4  # cells of a part's chart along u and v
PARTS = 64  # labels below this number are used; bodies have fewer
MIN_PIXELS = 6  # of a cell, to be compared
MIN_CELLS = 12  # that both people must show
MIN_WEIGHT = 0.3  # of a pixel's reliability
DARK = 8.0  # grey levels added before the logarithm: in the dark, noise is all there is
CELL_STD = 0.35  # of the log colour of a cell of one person in two pictures: light, folds, wrong cells
GAIN_STD = 0.25  # of the log gain of two pictures, per channel
LARGEST = 9.0  # squared deviation of a cell, at most


@dataclass(frozen=True)
class Appearance:
    """Sums over pixels of log RGB in each cell of the atlas, and how many pixels they are."""

    total: Float[np.ndarray, "C 3"]
    pixels: Float[np.ndarray, " C"]

    @staticmethod
    def of(images: UInt8[np.ndarray, "V H W 3"], maps: ProxyMaps) -> Appearance:
        """From RGB crops and their proxies, pixel for pixel; hands are left out, and so is the rim of the body."""
        import cv2

        body = [v for v, kind in enumerate(maps.kind) if kind == "body"]
        cells = PARTS * SIDE * SIDE
        total, pixels = np.zeros((cells, 3)), np.zeros(cells)
        for v in body:
            labels = maps.labels[v]
            good = (labels > 0) & (labels < PARTS) & (maps.weight[v] >= MIN_WEIGHT)
            good = cv2.erode(good.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
            u, w = np.minimum((maps.uv[v][good] * SIDE).astype(int), SIDE - 1).T
            cell = (labels[good].astype(int) * SIDE + w) * SIDE + u
            color = np.log((images[v][good] + DARK) / (255.0 + DARK))
            pixels += np.bincount(cell, minlength=cells)
            total += np.stack([np.bincount(cell, color[:, c], minlength=cells) for c in range(3)], 1)
        return Appearance(total, pixels)

    def __add__(self, other: Appearance) -> Appearance:
        return Appearance(self.total + other.total, self.pixels + other.pixels)


def appearance_distance(a: Appearance, b: Appearance) -> float | None:
    """How different two people look: about 1 for one person in two pictures; None with too few cells in common.

    The mean over common cells of the squared deviation of log colours, each `LARGEST` at most, after the most likely
    gain per channel, and the squared deviation of that gain.
    """
    common = np.minimum(a.pixels, b.pixels)
    known = common >= MIN_PIXELS
    if known.sum() < MIN_CELLS:
        return None
    means = [x.total[known] / x.pixels[known, None] for x in (a, b)]
    difference = (means[0] - means[1]) / CELL_STD
    weight = (
        np.sqrt(np.minimum(common[known], 100.0))[:, None] / np.sqrt(np.minimum(common[known], 100.0)).sum()
    )
    prior = (CELL_STD / GAIN_STD) ** 2
    gain = np.zeros(3)
    for _ in range(5):
        square = np.square(difference - gain).mean(1, keepdims=True)
        inlier = weight * (square < LARGEST)
        gain = (inlier * difference).sum(0) / (inlier.sum() + prior)
    square = np.square(difference - gain).mean(1, keepdims=True)
    return float((weight * np.minimum(square, LARGEST)).sum() + prior * np.square(gain).mean())
