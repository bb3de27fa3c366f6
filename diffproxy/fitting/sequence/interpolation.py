"""Poses between known ones: the neighbours of a frame in time, and the way from one to the other."""

from __future__ import annotations

from collections.abc import Sequence

from diffproxy.body import BodyParams
from diffproxy.geometry.so3 import rotmat_to_rotvec, rotvec_to_rotmat


def bracketing_frames(i: int, known: Sequence[int]) -> tuple[int, int, float]:
    """The nearest of `known` (not empty) up to i and from i on, and i's share of the way; beyond the ends one twice."""
    before = max((k for k in known if k <= i), default=None)
    after = min((k for k in known if k >= i), default=before)
    before = after if before is None else before
    if before is None or after is None:
        raise ValueError("no frame is known")
    return before, after, 0.0 if before == after else (i - before) / (after - before)


def interpolate_pose(a: BodyParams, b: BodyParams, share: float) -> BodyParams:
    """From a (0) to b (1): rotations the short way, the place in a straight line, the shape of a."""
    R = [rotvec_to_rotmat(p.full_pose.reshape(-1, 55, 3)) for p in (a, b)]
    turn = rotmat_to_rotvec(R[1] @ R[0].transpose(-1, -2))
    pose = rotmat_to_rotvec(rotvec_to_rotmat(share * turn) @ R[0]).flatten(1)
    return a.replace(**BodyParams.split_full_pose(pose), transl=a.transl + share * (b.transl - a.transl))
