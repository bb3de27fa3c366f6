"""Offsets between cameras by epipolar geometry: rays to one joint from two cameras meet only at the same moment.

For each pair of cameras and each lag, the mean robust distance of the rays of equal joints is one number; the offsets
of all cameras together minimise the sum over the pairs. Resampling the take in blocks of time tells how certain they
are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from diffproxy.cameras.views import without
from diffproxy.synchronization.pair_table import BLOCKS, PairTable
from diffproxy.synchronization.tracks import ViewTrack
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, within

LEAST_OVERLAP = 20  # frames that two cameras must have in common at a lag
RESAMPLES = 200
CERTAIN = 0.95  # share of the resamples that must agree to a frame


@dataclass(frozen=True)
class CameraOffset:
    """How far the frame numbers of a camera are ahead of the reference's.

    Args:
        name: The camera.
        frames: Offset, whole frames.
        fine: The same with a fraction, from a parabola through the minimum.
        spread: Standard deviation of `fine` over the resamples, frames.
        certainty: Share of resamples that agree with `frames` to one frame.
        miss_mm: Root of the mean robust squared distance of rays at this offset, millimetres.
        doubts: Why it should not be trusted.
    """

    name: str
    frames: int
    fine: float
    spread: float
    certainty: float
    miss_mm: float
    doubts: tuple[str, ...] = ()

    @property
    def is_certain(self) -> bool:
        return not self.doubts


@checked
def estimate_offsets(
    tracks: Sequence[ViewTrack], max_offset: int, reference: int = 0, seed: int = 0
) -> list[CameraOffset]:
    """The offsets of all cameras to one of them.

    Args:
        tracks: The same person in each view; equal numbers of frames.
        max_offset: Largest offset between two cameras, frames.
        reference: Index of the camera whose offset is 0.
        seed: Of the resampling.

    Returns:
        One offset per camera, in the order of `tracks`. Frame n of the reference is frame n + offset of the camera.

    Raises:
        InputError: fewer than two cameras, or too few frames for the search.
    """
    tracks = _on_shown_joints(tracks)
    at_least("max_offset", max_offset, 0)
    within("reference", reference, 0, len(tracks) - 1)
    table = PairTable.of(tracks, min(max_offset, len(tracks[0]) - LEAST_OVERLAP))
    _check_compared(table, [t.name for t in tracks])
    whole = table.costs(np.ones(BLOCKS))
    best = table.solve(whole, reference, range(len(tracks)))
    fine, miss = table.fine(whole, best, reference), table.miss(whole, best)
    others = _resampled(table, reference, best, seed)
    halves = [table.solve(table.costs(half), reference, (reference,), best) for half in _halves()]
    spread = others.std(axis=0)
    certainty = (np.abs(others - best) <= 1.5).mean(axis=0)
    return [
        CameraOffset(
            name=track.name,
            frames=int(best[v]),
            fine=float(fine[v]),
            spread=float(spread[v]),
            certainty=float(certainty[v]),
            miss_mm=float(miss[v]),
            doubts=()
            if v == reference
            else _doubts(float(certainty[v]), int(best[v]), table.largest, [int(half[v]) for half in halves]),
        )
        for v, track in enumerate(tracks)
    ]


def _on_shown_joints(tracks: Sequence[ViewTrack]) -> list[ViewTrack]:
    """The tracks without the joints that no view ever shows; InputError where there is too little to compare."""
    if len(tracks) < 2:
        raise InputError("two cameras or more", f"{len(tracks)}", "give a rig with several cameras")
    if len(tracks[0]) <= LEAST_OVERLAP:
        raise InputError(
            f"more than {LEAST_OVERLAP} frames to compare", f"{len(tracks[0])}", "choose more frames"
        )
    shown = np.any([t.weight.any(axis=0) for t in tracks], axis=0)
    return [replace(t, direction=t.direction[:, shown], weight=t.weight[:, shown]) for t in tracks]


def _check_compared(table: PairTable, names: list[str]) -> None:
    """InputError where a camera never shows the person at the same time as another one."""
    alone = [name for v, name in enumerate(names) if not table.is_compared(v)]
    if alone:
        raise InputError(
            "cameras that see the person within the frames of the search",
            f"{', '.join(alone)}: nothing to compare with the others",
            without(alone, names, "choose frames that show the person in two cameras at once"),
        )


def _resampled(
    table: PairTable, reference: int, best: Int[np.ndarray, " V"], seed: int
) -> Float[np.ndarray, "resamples V"]:
    """Offsets with fractions of takes whose blocks of time are drawn with replacement."""
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(RESAMPLES):
        costs = table.costs(rng.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS)).astype(float))
        samples.append(table.fine(costs, table.solve(costs, reference, (reference,), best), reference))
    return np.stack(samples)


def _halves() -> list[Float[np.ndarray, " blocks"]]:
    first = (np.arange(BLOCKS) < BLOCKS // 2).astype(float)
    return [first, 1 - first]


def _doubts(certainty: float, offset: int, largest: int, halves: list[int]) -> tuple[str, ...]:
    """Why an offset should not be trusted; `halves`: that of the first and of the second half of the take."""
    doubts = []
    if certainty < CERTAIN:
        doubts.append(f"{certainty:.0%} of the resampled takes agree to a frame")
    if abs(offset) >= largest:
        doubts.append(f"at the limit of the search: write max_offset={2 * largest}")
    if abs(halves[0] - halves[1]) > 1:
        doubts.append(
            f"{halves[0]:+d} in the first half, {halves[1]:+d} in the second: clocks that run apart?"
        )
    return tuple(doubts)
