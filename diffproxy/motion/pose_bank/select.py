"""Choosing few poses that cover many."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from tqdm import tqdm


def farthest_points(features: Float[ndarray, "N D"], count: int, start: int = 0) -> Int[ndarray, "K"]:
    """Greedy k-centre: indices of `count` rows, each as far as possible from those before it (Euclidean)."""
    count = min(count, len(features))
    data = features.astype(np.float32)
    square = (data**2).sum(axis=1)
    nearest = np.full(len(data), np.inf, np.float32)
    chosen = np.empty(count, np.int64)
    current = start
    for k in tqdm(range(count), desc="choosing poses", disable=count < 1000, leave=False):
        chosen[k] = current
        nearest = np.minimum(nearest, square + square[current] - 2 * (data @ data[current]))
        nearest[current] = -1.0
        current = int(np.argmax(nearest))
    return chosen


def diverse(
    features: Float[ndarray, "N D"], count: int, rng: np.random.Generator, spread: float = 0.7
) -> Int[ndarray, "K"]:
    """`count` distinct rows, sorted: the share `spread` by farthest points, the rest at random, as often as they occur.

    Farthest points alone would all but forget standing and walking.
    """
    if count >= len(features):
        return np.arange(len(features))
    far = farthest_points(features, int(count * spread))
    rest = np.setdiff1d(np.arange(len(features)), far)
    return np.sort(np.concatenate([far, rng.choice(rest, count - len(far), replace=False)]))
