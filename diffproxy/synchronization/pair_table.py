"""Costs of all pairs of cameras at all lags, and the offsets of all cameras that fit them best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from diffproxy.geometry.robust import geman_mcclure
from diffproxy.synchronization.tracks import ViewTrack

SCALE = 0.1  # metres between rays at which the robust loss saturates
LEAST_SINE = 0.3  # of the angle between two rays; nearly parallel ones count less
BLOCKS = 20  # of time, for resampling


@dataclass(frozen=True)
class PairTable:
    """Weighted losses of P pairs of cameras at lags -L..L in blocks of time.

    `pairs`: indices (a, b); at lag d frame t of a is compared with frame t + d of b.
    """

    cameras: int
    pairs: tuple[tuple[int, int], ...]
    loss: Float[np.ndarray, "P blocks lags"]
    weight: Float[np.ndarray, "P blocks lags"]

    @property
    def largest(self) -> int:
        return self.loss.shape[-1] // 2

    @staticmethod
    def of(tracks: Sequence[ViewTrack], largest: int) -> PairTable:
        pairs = tuple(combinations(range(len(tracks)), 2))
        shape = (len(pairs), BLOCKS, 2 * largest + 1)
        loss, weight = np.zeros(shape), np.zeros(shape)
        count = len(tracks[0])
        block = np.arange(count) * BLOCKS // count
        for p, (a, b) in enumerate(pairs):
            for i, lag in enumerate(range(-largest, largest + 1)):
                start, stop = max(0, -lag), min(count, count - lag)
                lost, weighed = frame_losses(
                    tracks[a], slice(start, stop), tracks[b], slice(start + lag, stop + lag)
                )
                loss[p, :, i] = np.bincount(block[start:stop], lost, BLOCKS)
                weight[p, :, i] = np.bincount(block[start:stop], weighed, BLOCKS)
        return PairTable(len(tracks), pairs, loss, weight)

    def costs(self, blocks: Float[np.ndarray, " blocks"]) -> Float[np.ndarray, "P lags"]:
        """Mean loss of each pair and lag, blocks weighted; infinite where nothing can be compared."""
        weight = np.einsum("pbl,b->pl", self.weight, blocks)
        least = 0.05 * weight.max(axis=1, keepdims=True)  # a lag that few frames support wins by chance
        loss = np.einsum("pbl,b->pl", self.loss, blocks)
        mean = np.divide(loss, weight, out=np.full_like(loss, np.inf), where=weight > least)
        # a pair that is never compared says nothing
        return np.where(weight.max(axis=1, keepdims=True) > 0, mean, 0.0)

    def is_compared(self, v: int) -> bool:
        """Whether camera v and another one show the person at the same time at some lag."""
        return any(self.weight[p].any() for p, pair in enumerate(self.pairs) if v in pair)

    def solve(
        self,
        costs: Float[np.ndarray, "P lags"],
        reference: int,
        hubs: Sequence[int],
        start: Int[np.ndarray, " V"] | None = None,
    ) -> Int[np.ndarray, " V"]:
        """Offsets with the lowest sum over pairs: coordinate descent from `start` and the best lags to each hub."""
        starts = [self._from_pairs(costs, hub) for hub in hubs] + ([] if start is None else [start])
        ends = [self._descend(costs, s) for s in starts]
        best = min(ends, key=lambda offsets: self._total(costs, offsets))
        return best - best[reference]

    def _from_pairs(self, costs: Float[np.ndarray, "P lags"], hub: int) -> Int[np.ndarray, " V"]:
        offsets = np.zeros(self.cameras, dtype=np.int64)
        for p, (a, b) in enumerate(self.pairs):
            lag = int(np.argmin(costs[p])) - self.largest
            if a == hub:
                offsets[b] = lag
            elif b == hub:
                offsets[a] = -lag
        return offsets

    def _descend(
        self, costs: Float[np.ndarray, "P lags"], offsets: Int[np.ndarray, " V"]
    ) -> Int[np.ndarray, " V"]:
        offsets = offsets.copy()
        for _ in range(20):
            before = offsets.copy()
            for v in range(self.cameras):
                curve = self._curve(costs, offsets, v)
                if np.isfinite(curve).any():
                    offsets[v] += int(np.argmin(curve)) - self.largest
            if (offsets == before).all():
                break
        return offsets

    def _curve(
        self, costs: Float[np.ndarray, "P lags"], offsets: Int[np.ndarray, " V"], v: int
    ) -> Float[np.ndarray, " lags"]:
        """Sum over the pairs of camera v when its offset changes by -L..L and the others stay."""
        total = np.zeros(costs.shape[1])
        change = np.arange(-self.largest, self.largest + 1)
        for p, (a, b) in enumerate(self.pairs):
            if v in (a, b):
                lag = offsets[b] - offsets[a] + (change if v == b else -change) + self.largest
                inside = (lag >= 0) & (lag < costs.shape[1])
                total += np.where(inside, costs[p, np.clip(lag, 0, costs.shape[1] - 1)], np.inf)
        return total

    def _total(self, costs: Float[np.ndarray, "P lags"], offsets: Int[np.ndarray, " V"]) -> float:
        return float(sum(self._curve(costs, offsets, v)[self.largest] for v in range(self.cameras)))

    def fine(
        self, costs: Float[np.ndarray, "P lags"], offsets: Int[np.ndarray, " V"], reference: int
    ) -> Float[np.ndarray, " V"]:
        """The offsets with fractions: least squares over the pairs' lags, each from a parabola through three values."""
        rows, lags = [], []
        for p, (a, b) in enumerate(self.pairs):
            at = offsets[b] - offsets[a] + self.largest
            if not 0 < at < costs.shape[1] - 1:
                continue
            low, middle, high = costs[p, at - 1 : at + 2]
            bend = low - 2 * middle + high
            if np.isfinite(bend) and bend > 0:
                row = np.zeros(self.cameras)
                row[[a, b]] = -bend, bend
                rows.append(row)
                lags.append(bend * np.clip(0.5 * (low - high) / bend, -1.0, 1.0))
        if not rows:
            return offsets.astype(np.float64)
        change = np.linalg.lstsq(np.stack(rows), np.array(lags), rcond=None)[0]
        return offsets + change - change[reference]

    def miss(
        self, costs: Float[np.ndarray, "P lags"], offsets: Int[np.ndarray, " V"]
    ) -> Float[np.ndarray, " V"]:
        """Millimetres between the rays of each camera and the others'."""
        curves = [self._curve(costs, offsets, v)[self.largest] for v in range(self.cameras)]
        return 1000 * np.sqrt(np.array(curves) / (self.cameras - 1))


def frame_losses(a: ViewTrack, of_a: slice, b: ViewTrack, of_b: slice) -> tuple[np.ndarray, np.ndarray]:
    """Loss and weight of each frame: distances between the rays of equal joints, summed over the joints."""
    normal = np.cross(a.direction[of_a], b.direction[of_b])
    sine = np.linalg.norm(normal, axis=-1)
    distance = np.abs(normal @ (b.origin - a.origin)) / np.maximum(sine, 1e-3)
    weight = a.weight[of_a] * b.weight[of_b] * np.minimum(sine / LEAST_SINE, 1.0)
    return (weight * geman_mcclure(np.square(distance), SCALE)[0]).sum(-1), weight.sum(-1)
