"""Put Anny's A-pose bodies into SMPL-X's rest pose: T-pose, palms down, straight fingers, feet forward."""

from __future__ import annotations

import itertools

import numpy as np

from diffproxy.body.flip import FLIPPED_JOINTS
from diffproxy.body.names import JOINT_NAMES, NUM_JOINTS, PARENTS

_J = {name: i for i, name in enumerate(JOINT_NAMES)}
PELVIS_AT = np.array([0.0, -0.351, 0.012])  # where the neutral SMPL-X body has its pelvis, metres

# Directions of the left limbs at rest (metres between joints of the neutral SMPL skeleton, which SMPL-X shares).
# The leg keeps the direction hip -> ankle; its slight knee bend is Anny's own, the one of a person standing straight.
_ARM = np.array([0.521, -0.0029, -0.0303])
_LEG = np.array([0.0287, -0.8134, -0.0294])
_TOE_OUT = np.radians(8.0)
_FLIP = np.array([-1.0, 1.0, 1.0])


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _frame(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Rotation whose columns are `primary`, `secondary` made orthogonal to it, and their cross product."""
    a = _unit(primary)
    b = _unit(secondary - (secondary * a).sum(-1, keepdims=True) * a)
    return np.stack([a, b, np.cross(a, b)], axis=-1)


def _turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return target @ np.swapaxes(source, -1, -2)


def _swing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Smallest rotation that takes direction a to direction b."""
    a, b = _unit(a), _unit(np.broadcast_to(b, a.shape))
    v, c = np.cross(a, b), (a * b).sum(-1)[..., None, None]
    k = np.zeros((*a.shape[:-1], 3, 3))
    k[..., 0, 1], k[..., 0, 2], k[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    k -= np.swapaxes(k, -1, -2)
    return np.eye(3) + k + k @ k / (1 + c)


def rest_rotations(heads: np.ndarray, tips: dict[int, np.ndarray]) -> np.ndarray:
    """Rotation of every joint's bone from the A-pose to the rest pose, (B, 55, 3, 3), from joints (B, 55, 3)."""
    R = np.tile(np.eye(3), (len(heads), NUM_JOINTS, 1, 1))
    for side in ("left", "right"):
        flip = np.ones(3) if side == "left" else _FLIP

        def j(name: str, side: str = side) -> int:
            return _J[f"{side}_{name}"]

        def bone(a: str, b: str, heads: np.ndarray = heads, j=j) -> np.ndarray:
            return heads[:, j(b)] - heads[:, j(a)]

        R[:, j("hip")] = R[:, j("knee")] = _swing(bone("hip", "ankle"), _LEG * flip)
        heading = bone("ankle", "foot")
        yaw = _TOE_OUT * flip[0] - np.arctan2(heading[:, 0], heading[:, 2])
        c, s, o, i = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw), np.ones_like(yaw)
        R[:, j("ankle")] = R[:, j("foot")] = np.array([[c, o, s], [o, i, o], [-s, o, c]]).transpose(2, 0, 1)

        arm, forward = _ARM * flip, np.array([0.0, 0.0, 1.0])
        upper, fore = bone("shoulder", "elbow"), bone("elbow", "wrist")
        target = _frame(arm, forward)
        # The elbow is bent in the A-pose: its hinge fixes the twist of both arm bones (olecranon backward).
        R[:, j("shoulder")] = _turn(_frame(upper, fore), target)
        hinge = _turn(_frame(fore, -upper), target)
        hand = _turn(
            _frame(bone("wrist", "middle1"), bone("pinky1", "index1")),
            _frame(np.array([[1.0, 0, 0]]) * flip, forward),
        )
        R[:, j("elbow")] = _half_twist(hinge, hand, _unit(arm)) @ hinge
        R[:, j("wrist")] = hand

        for finger in ("index", "middle", "pinky", "ring", "thumb"):
            chain = [j(f"{finger}{k}") for k in (1, 2, 3)]
            ends = [*(heads[:, c] for c in chain), tips[chain[2]]]
            bones = [b - a for a, b in itertools.pairwise(ends)]
            turn = hand
            straight = (hand @ bones[1 if finger == "thumb" else 0][..., None])[..., 0]
            if finger != "thumb":
                straight = straight * [1.0, 0.0, 1.0]
            for k, c in enumerate(chain):
                if finger == "thumb" and k == 0:
                    R[:, c] = hand
                    continue
                turn = _swing((turn @ bones[k][..., None])[..., 0], straight) @ turn
                R[:, c] = turn
    return R


def _half_twist(a: np.ndarray, b: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Half of the twist about `axis` that leads from a to b, so that the wrist takes only the other half."""
    d = b @ np.swapaxes(a, -1, -2)
    vector = np.stack([d[:, 2, 1] - d[:, 1, 2], d[:, 0, 2] - d[:, 2, 0], d[:, 1, 0] - d[:, 0, 1]], axis=-1)
    angle = np.arctan2((vector * axis).sum(-1), 1 + np.trace(d, axis1=1, axis2=2))  # half of the twist angle
    k = np.cross(np.eye(3), -axis)
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + s * k + (1 - c) * (k @ k)


def to_rest_pose(
    vertices: np.ndarray, heads: np.ndarray, tips: dict[int, np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (B, Nv, 3) and joints (B, 55, 3) of the rest pose whose skinning back gives the A-pose EXACTLY.

    The A-pose is nearer to how people stand than the T-pose; inverting linear blend skinning keeps the artists'
    shoulders and elbows there, where posing forward would pinch them twice.
    """
    R = rest_rotations(heads, tips)
    joints = np.zeros_like(heads)
    joints[:, 0] = PELVIS_AT
    for k in range(1, NUM_JOINTS):
        p = PARENTS[k]
        joints[:, k] = joints[:, p] + (R[:, p] @ (heads[:, k] - heads[:, p])[..., None])[..., 0]
    back = np.swapaxes(R, -1, -2)  # rest -> A-pose: x_a = back (x - joint) + head
    shift = heads - (back @ joints[..., None])[..., 0]
    rest = np.empty_like(vertices)
    for b in range(len(vertices)):  # one body at a time: the blended matrices are large
        A = np.tensordot(weights, back[b], 1)
        rest[b] = np.linalg.solve(A, (vertices[b] - weights @ shift[b])[..., None])[..., 0]
    return rest, joints


def mirror_joints(values: np.ndarray) -> np.ndarray:
    """Joint positions (..., 55, 3) of the mirrored body."""
    return values[..., list(FLIPPED_JOINTS), :] * _FLIP
