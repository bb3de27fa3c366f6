"""Cut the rest body into labelled halves and give every half a smooth (u, v).

u of a half is the angle around the segment, folded at the border to the other half so that both agree there; v runs
along the segment, its direction alternating down the tree so that it agrees across elbows, knees and waist. A label
slip at a border therefore moves a point by little. Right is the mirror image of left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffproxy.body.names import JOINT_NAMES
from diffproxy.body.parts import HAND_PARTS, SEGMENTS, hand_part_joints, hand_part_mover
from tools.bake_body.frames import Centreline, area_of, cap
from tools.bake_body.measure import make_rulers

_J = {name: i for i, name in enumerate(JOINT_NAMES)}
_HALVES = {"hand": ("dorsal", "palmar"), "foot": ("top", "sole")}

PART_NAMES = (
    "background",
    *(f"{half}_{name}" for name in SEGMENTS for half in _HALVES.get(name[:-2], ("front", "back"))),
)
PART_JOINT = (0, *(_J[SEGMENTS[name][1]] for name in SEGMENTS for _ in range(2)))
HAND_PART_NAMES = HAND_PARTS
HAND_PART_JOINT = tuple(_J[hand_part_mover(part)] for part in HAND_PARTS)
FIRST_HAND_LABEL = len(PART_NAMES)  # 31

_ROUND = 0.82 / (2 * np.pi)  # u per radian around a finger; the margin takes faces that straddle the seam


@dataclass(frozen=True)
class Charts:
    """Labels (Nf,) uint8 and per-corner coordinates (Nf, 3, 2) in [0, 1] of the body and the hand palette."""

    part: np.ndarray
    uv: np.ndarray
    hand_part: np.ndarray
    hand_uv: np.ndarray


def make_charts(template: np.ndarray, joints: np.ndarray, weights: np.ndarray, faces: np.ndarray) -> Charts:
    """Charts of the rest body: template (Nv, 3), joints (55, 3), skin weights (Nv, 55), triangles (Nf, 3)."""
    corners, area = template[faces], area_of(template[faces])
    face_weights = weights[faces].mean(axis=1)
    owned = np.stack(
        [face_weights[:, [_J[j] for j in js]].sum(axis=1) for js, _ in SEGMENTS.values()], axis=1
    )
    segment = owned.argmax(axis=1)

    part = np.zeros(len(faces), dtype=np.uint8)
    uv = np.zeros((len(faces), 3, 2))
    rulers = make_rulers(corners, area, segment, joints)
    for i, name in enumerate(SEGMENTS):
        mask = segment == i
        second, half_uv = rulers[name].halves(_to_left(corners[mask], name))
        part[mask] = 1 + 2 * i + second
        uv[mask] = half_uv[:, ::-1] if name.endswith("_r") else half_uv

    hand_part = np.zeros(len(faces), dtype=np.uint8)
    hand_uv = np.zeros((len(faces), 3, 2))
    taken = np.stack(
        [face_weights[:, [_J[j] for j in hand_part_joints(p)]].sum(axis=1) for p in HAND_PARTS], axis=1
    )
    which = taken.argmax(axis=1)
    on_hand = np.isin(segment, [list(SEGMENTS).index("hand_l"), list(SEGMENTS).index("hand_r")])
    for k, name in enumerate(HAND_PARTS):
        mask = on_hand & (which == k)
        hand_part[mask] = FIRST_HAND_LABEL + k
        one = _hand_chart(name, _to_left(corners[mask], name), area[mask], _to_left(joints, name))
        hand_uv[mask] = one[:, ::-1] if name.endswith("_r") else one
    return Charts(part, uv.clip(0, 1), hand_part, hand_uv.clip(0, 1))


def _to_left(points: np.ndarray, segment: str) -> np.ndarray:
    """Right-side points (N, 3) or face corners (N, 3, 3) as their mirror image, faces still looking outward."""
    if not segment.endswith("_r"):
        return points
    points = points * [-1, 1, 1]
    return points[:, ::-1] if points.ndim == 3 else points


def _hand_chart(name: str, corners: np.ndarray, area: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Cylinder around a finger or the palm; the seam is on the side a camera sees least."""
    name, s = name.rsplit("_", 1)

    def j(joint: str) -> np.ndarray:
        return joints[_J[f"{'left' if s == 'l' else 'right'}_{joint}"]]

    if name == "palm":
        start, end = j("wrist"), j("middle1")
        front = np.array([0.0, 0.0, -1.0])  # seam between thumb and index
    else:
        start, end = j(f"{name}1"), j(f"{name}3")
        front = {
            "thumb": np.array([-1.0, 0.0, 0.0]),  # away from the index finger
            "pinky": np.array([0.0, 0.0, -1.0]),  # seam towards the ring finger
        }.get(name, np.array([0.0, 0.0, 1.0]))  # seam towards the next finger
    line = Centreline.fit(corners, area, start, end, front, oval=name == "palm")
    t, across, ahead = line.split(corners, front)
    phi = np.arctan2(across, ahead)
    middle = np.arctan2(across.mean(axis=1), ahead.mean(axis=1))[:, None]
    # a face that straddles the seam stays in one piece
    phi = middle + (phi - middle + np.pi) % (2 * np.pi) - np.pi
    if name != "palm":
        radius = float(np.median(np.hypot(across, ahead)))
        t = -cap(-t, np.hypot(across, ahead), radius - t.max(), radius)
    return np.stack([0.5 + _ROUND * phi, 0.03 + 0.94 * (t - t.min()) / np.ptp(t)], axis=-1)
