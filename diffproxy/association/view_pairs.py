"""Which detections of two views are one person, judged over many frames of both views.

In a single frame the rays of two different people may meet as well as those of one. Detections are therefore followed
in each image alone while there is no doubt which is which, and two such chains are compared over all frames around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from diffproxy.association.config import AssociationConfig
from diffproxy.association.new_people import median_of_known, pair_misses
from diffproxy.association.observations import MIN_CONFIDENCE, Observations
from diffproxy.detector.person_detector import Candidate

GAP = 3  # frames that a chain may lack a detection
SHIFT = 0.08  # of the person's height: largest median shift of keypoints in a frame
UNCLEAR = 2.0  # a second detection within this multiple of the shift ends the chain
LEAST_SHIFT = 0.03  # of the height, for that comparison: noise of keypoints
WINDOW = 15  # frames before and after that tell which chains belong together
LEAST = 0.01  # metres, of the usual miss: the rays of exact keypoints always meet
WORST = 3.0  # miss, over the take's usual one, above which a frame speaks against a pair


@dataclass(frozen=True)
class ViewPairs:
    """The detections of two views in one frame.

    Attributes:
        same: (D, D) whether detection d of the first view and e of the second are one person.
        chains: In each view the number of the chain that each detection belongs to.
    """

    same: Bool[np.ndarray, "D D"]
    chains: tuple[Sequence[int], Sequence[int]]


def pairs_of_views(
    observed: Mapping[int, Observations],
    detections: Mapping[int, Sequence[Sequence[Candidate]]],
    config: AssociationConfig,
) -> dict[int, ViewPairs]:
    """Which detections of two views are one person.

    Args:
        observed: By frame.
        detections: `detections[frame][view]`, pixels.
        config: Tolerances.

    Returns:
        By frame. Two chains gain in a frame where their rays meet and lose where they miss; chains belong together by
        the sum of `WINDOW` frames before and after.
    """
    frames = sorted(observed)
    chains = [_chains([(f, detections[f][v]) for f in frames]) for v in range(2)]
    miss = {f: pair_misses(observed[f], config) for f in frames}
    best = []
    for f in frames:
        rows, columns = linear_sum_assignment(np.minimum(miss[f], 1.0))
        best += [m for m in miss[f][rows, columns] if np.isfinite(m)]
    worst = WORST * max(float(np.median(best)) if best else 0.0, LEAST)
    gain = {f: np.clip(1 - m / worst, -1.0, 1.0) for f, m in miss.items()}
    history: dict[tuple[int, int], tuple[list[int], list[float]]] = {}
    for f in frames:
        for d, a in enumerate(chains[0][f]):
            for e, b in enumerate(chains[1][f]):
                when, what = history.setdefault((a, b), ([], []))
                when.append(f)
                what.append(float(gain[f][d, e]))
    total = {ab: (np.array(row[0]), np.cumsum([0.0, *row[1]])) for ab, row in history.items()}
    out = {}
    for f in frames:
        score = np.zeros(miss[f].shape)
        for d, a in enumerate(chains[0][f]):
            for e, b in enumerate(chains[1][f]):
                known, sums = total[a, b]
                low, high = np.searchsorted(known, [f - WINDOW, f + WINDOW + 1])
                score[d, e] = sums[high] - sums[low]
        rows, columns = linear_sum_assignment(-np.maximum(score, 0))
        same = np.zeros(score.shape, dtype=bool)
        same[rows, columns] = score[rows, columns] > 0
        out[f] = ViewPairs(same, (chains[0][f], chains[1][f]))
    return out


def _chains(frames: Sequence[tuple[int, Sequence[Candidate]]]) -> dict[int, list[int]]:
    """The number of the chain that each detection of one view belongs to.

    A detection goes on with a chain if no other detection and no other chain is nearly as close.
    """
    out: dict[int, list[int]] = {}
    last: dict[int, tuple[int, Candidate]] = {}
    count = 0
    for f, found in frames:
        last = {k: (g, c) for k, (g, c) in last.items() if f - g <= GAP + 1}
        names = np.array(list(last), dtype=int)
        since = np.array([f - g for g, _ in last.values()]).reshape(-1, 1)
        shift = _shifts([c for _, c in last.values()], found) / since
        out[f] = []
        for d in range(len(found)):
            near = np.flatnonzero(shift[:, d] < UNCLEAR * max(shift[:, d].min(initial=np.inf), LEAST_SHIFT))
            near = near[shift[near, d] < UNCLEAR * SHIFT]
            rivals = near.size and (shift[near[0]] < UNCLEAR * max(shift[near[0], d], LEAST_SHIFT)).sum() - 1
            if len(near) == 1 and not rivals and shift[near[0], d] < SHIFT:
                out[f].append(int(names[near[0]]))
                continue
            for k in near:
                last.pop(int(names[k]), None)
            out[f].append(count)
            count += 1
        for name, candidate in zip(out[f], found, strict=True):
            last[name] = (f, candidate)
    return out


def _shifts(before: Sequence[Candidate], after: Sequence[Candidate]) -> Float[np.ndarray, "A B"]:
    """Median shift of the keypoints that both have, over the height of the first box; infinite without any."""
    if not before or not after:
        return np.full((len(before), len(after)), np.inf)
    a, b = (np.stack([c.keypoints for c in row]).astype(np.float64) for row in (before, after))
    height = np.array([max(c.box[3] - c.box[1], 1.0) for c in before])
    both = (a[:, None, :, 2] >= MIN_CONFIDENCE) & (b[None, :, :, 2] >= MIN_CONFIDENCE)
    off = np.where(both, np.hypot(*np.moveaxis(a[:, None, :, :2] - b[None, :, :, :2], -1, 0)), np.inf)
    return median_of_known(off, both) / height[:, None]
