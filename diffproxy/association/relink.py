"""Tracks that are one person: gone and come back, by where and by bone lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from diffproxy.association.skeleton import bone_lengths
from diffproxy.association.track import Track

SPEED = 0.12  # metres a frame that a person may move while nobody sees it, at most
REACH = 0.4  # metres beside that
BONE_STD = 0.025  # metres, of a median bone length: keypoints sit differently in each view
LARGEST = 4.0  # mean squared deviation of bones above which two tracks are two people
UNLINKED = 10.0  # cost of an end without a start: two fair links are better than one that is very good
OVERLAP = 2  # frames


def relink(tracks: Sequence[Track]) -> list[list[Track]]:
    """Tracks chained into people by one assignment of ends to starts.

    Args:
        tracks: Trimmed tracks with at least one frame of two views.

    Returns:
        The tracks of each person in order of time.
    """
    count = len(tracks)
    if count == 0:
        return []
    bones = [bone_lengths(np.stack([s.points for s in t.sightings])) for t in tracks]
    cost = np.full((count, count), UNLINKED)
    for i, before in enumerate(tracks):
        for j, after in enumerate(tracks):
            if i != j and _reachable(before, after):
                different = deviation(bones[i], bones[j], BONE_STD)
                cost[i, j] = different if different < LARGEST else UNLINKED
    rows, columns = linear_sum_assignment(cost)
    following = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if cost[i, j] < UNLINKED}
    starts = set(range(count)) - set(following.values())
    chains = []
    for k in sorted(starts):
        chain = [k]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        chains.append([tracks[n] for n in chain])
    return chains


def deviation(a: Float[np.ndarray, "*N"], b: Float[np.ndarray, "*N"], std: float) -> float:
    """Mean squared difference over `std`, each 3² at most, of what both have; `LARGEST` with nothing in common."""
    difference = (a - b) / std
    known = np.isfinite(difference)
    return float(np.minimum(np.square(difference[known]), 9.0).mean()) if known.any() else LARGEST


def _reachable(before: Track, after: Track) -> bool:
    """Whether one person can have got from the last place of one track, as two views agree on it, to the other.

    What a single view shows after that place does not count: it may have been somebody else.
    """
    last, first = (next(s for s in row if s.measured) for row in (before.sightings[::-1], after.sightings))
    if first.frame - last.frame < -OVERLAP:
        return False
    distance = np.linalg.norm(np.median(last.joints, 0) - np.median(first.joints, 0))
    return bool(distance < REACH + SPEED * max(first.frame - last.frame, 1))
