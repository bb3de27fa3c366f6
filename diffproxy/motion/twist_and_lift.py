"""Rotations that motion capture puts into one joint, spread over the joints of the body that share them.

Directions of bones and the attitude of the hand stay; the skin of the forearm and the height of the shoulder look less
broken.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.geometry.rotations import slerp, swing_twist, to_matrix
from diffproxy.motion.skeleton import REST_OFFSETS, joint_index

FOREARM_SHARE = 0.5  # of the twist between elbow and hand: radius and ulna cross all along the forearm
COLLAR_SHARE = 0.15  # of the swing of the upper arm from the T-pose: clavicle and shoulder blade go with it
RIGID_COLLAR = np.radians(3.0)  # a source whose collar never turns further does not capture it


def share_twist_and_lift(local: Float[ndarray, "F 22 3 3"]) -> Float[ndarray, "F 22 3 3"]:
    """Distribute forearm twist and collar lift over neighbouring joints; (F, 22, 3, 3) local rotations."""
    local = local.copy()
    for side in ("left", "right"):
        collar, shoulder, elbow, wrist = (
            joint_index(f"{side}_{n}") for n in ("collar", "shoulder", "elbow", "wrist")
        )
        _share_twist(local, elbow, wrist)
        angle = np.arccos(np.clip((np.trace(local[:, collar], axis1=1, axis2=2) - 1) / 2, -1, 1))
        if np.median(angle) < RIGID_COLLAR:
            _share_lift(local, collar, shoulder, REST_OFFSETS[elbow])
    return local


def _share_twist(local: Float[ndarray, "F 22 3 3"], elbow: int, wrist: int) -> None:
    axis = REST_OFFSETS[wrist] / np.linalg.norm(REST_OFFSETS[wrist])
    # twist first, as seen from the forearm: wrist = twist @ swing, the transpose of what split_twist gives
    twist = -swing_twist(local[:, wrist].transpose(0, 2, 1), axis)[1]
    turn = to_matrix(FOREARM_SHARE * twist[:, None] * axis)
    local[:, elbow] = local[:, elbow] @ turn
    local[:, wrist] = turn.transpose(0, 2, 1) @ local[:, wrist]


def _share_lift(
    local: Float[ndarray, "F 22 3 3"], collar: int, shoulder: int, arm: Float[ndarray, "3"]
) -> None:
    swing, _ = swing_twist(local[:, shoulder], arm)
    eye = np.broadcast_to(np.eye(3), swing.shape)
    lift = slerp(eye, swing, COLLAR_SHARE)
    local[:, collar] = local[:, collar] @ lift
    local[:, shoulder] = lift.transpose(0, 2, 1) @ local[:, shoulder]
