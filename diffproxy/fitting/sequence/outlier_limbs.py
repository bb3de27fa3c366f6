"""Limbs that jump farther than limbs can move: which frames of them to believe.

A limb that the proxies miss in some frames is fitted to whatever is there, as surely as any other. Time tells: hands do
not cross a metre in a sixtieth of a second. Of each limb the largest set of frames is kept in which it moves at a
possible speed from one to the next; in the others its neighbours in time decide.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.body import BodyParams
from diffproxy.fitting import observations
from diffproxy.fitting.sequence.interpolation import bracketing_frames, interpolate_pose
from diffproxy.fitting.state import Free

LIMBS: dict[str, tuple[int, ...]] = {
    "left arm": (13, *observations.LIMBS[2]),
    "right arm": (14, *observations.LIMBS[3]),
    "left leg": observations.LIMBS[0],
    "right leg": observations.LIMBS[1],
}
"""The joints that turn with each limb, collars included: a fit twists them, too, to reach what is not there."""
WATCHED = {"left arm": (9, 18, 20), "right arm": (9, 19, 21), "left leg": (0, 4, 7), "right leg": (0, 5, 8)}
"""Where its place is counted from (chest, pelvis), its middle and its end."""
FASTEST = 10.0
"""Metres a second, relative to the trunk; a sprinter's foot reaches about that, a thrower's hand twice."""
SLACK = 0.1
"""Metres by which two frames may err besides."""
REACH = 240
"""Frames back that a chain may leap at most."""


def replace_outlier_limbs(
    params: BodyParams,
    fitted: Float[np.ndarray, "S 55 3"],
    seen: list[int],
    times: Float[np.ndarray, " F"],
) -> tuple[BodyParams, dict[str, Bool[np.ndarray, " F"]]]:
    """F frames with impossible limbs taken from their neighbours, and which these are.

    fitted: joints of the frames that have a body of their own, `seen`; times in seconds, of all.
    """
    outliers = {}
    for limb, jumps in outlier_limbs_of(fitted, times[seen]).items():
        outliers[limb] = np.zeros(len(times), dtype=bool)
        outliers[limb][seen] = jumps
        params = relink_limb(params, LIMBS[limb], outliers[limb])
    return params, outliers


def outlier_columns(outliers: dict[str, Bool[np.ndarray, " F"]], free: Free) -> Bool[np.ndarray, "F P"]:
    """Of every frame the unknowns of its loose limbs. `free` holds joints and the place, no shape."""
    owner = np.concatenate([np.repeat(free.joints, 3), np.full(3, -1)])
    return np.any([np.outer(k, np.isin(owner, LIMBS[limb])) for limb, k in outliers.items()], axis=0)


def outlier_limbs_of(
    joints: Float[np.ndarray, "F 55 3"], times: Float[np.ndarray, " F"]
) -> dict[str, Bool[np.ndarray, " F"]]:
    """Of each limb: the frames (world joints in metres, rising times in seconds) that do not go with the others."""
    out = {}
    for limb, (root, *ends) in WATCHED.items():
        place = joints[:, ends] - joints[:, [root]]
        out[limb] = ~longest_consistent_run(place, times)
    return out


def longest_consistent_run(
    place: Float[np.ndarray, "F E 3"], times: Float[np.ndarray, " F"]
) -> Bool[np.ndarray, " F"]:
    """The most frames of which each can be reached from the one before; of several such sets the last."""
    count = len(times)
    length, before = np.ones(count, dtype=int), np.full(count, -1)
    for j in range(1, count):
        first = max(0, j - REACH)
        far = np.linalg.norm(place[first:j] - place[j], axis=-1).max(-1)
        possible = far <= FASTEST * (times[j] - times[first:j]) + SLACK
        reached = np.where(possible, length[first:j], 0)
        if reached.max(initial=0) > 0:
            # of equals the nearest: chains do not leap without need
            best = len(reached) - 1 - int(np.argmax(reached[::-1]))
            length[j], before[j] = reached[best] + 1, first + best
    kept = np.zeros(count, dtype=bool)
    at = count - 1 - int(np.argmax(length[::-1]))
    while at >= 0:
        kept[at], at = True, int(before[at])
    return kept


def relink_limb(params: BodyParams, limb: tuple[int, ...], outliers: Bool[np.ndarray, " F"]) -> BodyParams:
    """The limb's rotations in loose frames between those of the nearest other frames (by number of frames)."""
    firm = np.flatnonzero(~outliers).tolist()
    if not firm:
        return params
    pose = params.full_pose.reshape(-1, 55, 3).clone()
    for i in np.flatnonzero(outliers).tolist():
        before, after, share = bracketing_frames(i, firm)
        joined = interpolate_pose(params[before], params[after], share).full_pose.reshape(55, 3)
        pose[i, list(limb)] = joined[list(limb)]
    return params.replace(**BodyParams.split_full_pose(pose.flatten(1)))
