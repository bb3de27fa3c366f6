"""Coordinates (u, v) of all segments of the rest body, continuous in v between segments."""

from __future__ import annotations

import numpy as np

from diffproxy.body.names import JOINT_NAMES
from diffproxy.body.parts import SEGMENTS
from tools.bake_body.frames import Centreline
from tools.bake_body.rulers import HandRuler, HeadRuler, HeelRuler, Ruler

_J = {name: i for i, name in enumerate(JOINT_NAMES)}
_Y, _Z = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


def make_rulers(
    corners: np.ndarray, area: np.ndarray, segment: np.ndarray, joints: np.ndarray
) -> dict[str, Ruler]:
    """Rulers of all segments from face corners (Nf, 3, 3), areas (Nf,), segment indices (Nf,), joints (55, 3)."""
    names = list(SEGMENTS)
    left = {
        n: (corners[segment == k], area[segment == k]) for k, n in enumerate(names) if not n.endswith("_r")
    }
    j = {name: joints[i] for name, i in _J.items()}
    rulers, wrist_margin = _straight(left, j)
    rulers["head"] = _head(*left["head"], j)
    rulers["hand_l"] = _hand(left["hand_l"][0], j["left_wrist"], wrist_margin)
    rulers["foot_l"] = _foot(*left["foot_l"], j)
    return rulers | {n: rulers[f"{n[:-2]}_l"] for n in names if n.endswith("_r")}


def _straight(
    faces: dict[str, tuple[np.ndarray, np.ndarray]], j: dict[str, np.ndarray]
) -> tuple[dict[str, Ruler], float]:
    """Torso and limbs along straight lines, and the v that is left below the wrist.

    v runs from a margin to one minus a margin between the two joints; a segment's skin reaches past its joints, and
    the margin, shared by the two segments of a joint, takes that.
    """
    waist = (j["spine1"] + j["spine2"]) / 2 * _Y
    crotch = _Y * faces["abdomen"][0][..., 1].min()
    ends = {
        "abdomen": (crotch, waist), "chest": (waist, j["neck"] * _Y),
        "upper_arm_l": (j["left_shoulder"], j["left_elbow"]), "forearm_l": (j["left_elbow"], j["left_wrist"]),
        "thigh_l": (j["left_hip"], j["left_knee"]), "shin_l": (j["left_knee"], j["left_ankle"]),
    }  # fmt: skip
    lines = {n: Centreline.fit(*faces[n], *e, _Z, oval=n in ("abdomen", "chest")) for n, e in ends.items()}
    margins = {}
    for name, line in lines.items():
        t = line.split(faces[name][0], _Z)[0]
        before, after = max(0.0, -t.min()), max(0.0, t.max() - 1)
        margins[name] = (0.01 + before / (1 + before + after), 0.01 + after / (1 + before + after))

    spans = {}
    for upper, lower in (("abdomen", "chest"), ("upper_arm_l", "forearm_l"), ("thigh_l", "shin_l")):
        shared = max(margins[upper][1], margins[lower][0])
        spans[upper] = (margins[upper][0], 1 - shared)
        spans[lower] = (1 - shared, margins[lower][1])
    return {n: Ruler(line, _Z, spans[n]) for n, line in lines.items()}, margins["forearm_l"][1]


def _head(corners: np.ndarray, area: np.ndarray, j: dict[str, np.ndarray]) -> Ruler:
    skull = corners[(corners[..., 1] > j["head"][1]).all(axis=1)]
    mid_neck = (j["neck"][1] + j["head"][1]) / 2
    ring = corners[(np.abs(corners[..., 1] - mid_neck) < 0.03).any(axis=1)]
    ring = ring[(np.linalg.norm((ring - j["neck"])[..., [0, 2]], axis=-1) < 0.1).all(axis=1)]  # not the chin
    return HeadRuler(_box_centre(skull), _box_centre(ring), corners, area)


def _box_centre(corners: np.ndarray) -> np.ndarray:
    """Centre of the bounding box, on the midline."""
    return (corners.min(axis=(0, 1)) + corners.max(axis=(0, 1))) / 2 * [0, 1, 1]


def _hand(corners: np.ndarray, wrist: np.ndarray, wrist_margin: float) -> Ruler:
    before = (wrist[0] - corners[..., 0].min()) / (corners[..., 0].max() - wrist[0])
    return HandRuler(wrist, corners, max(wrist_margin, 0.01 + before / (1 + before)))


def _foot(corners: np.ndarray, area: np.ndarray, j: dict[str, np.ndarray]) -> Ruler:
    ankle = j["left_ankle"]
    ahead = (j["left_foot"] - ankle) * [1, 0, 1]
    ahead = ahead / np.linalg.norm(ahead)
    reach = (corners - ankle) @ ahead
    heel, toe = ankle + ahead * reach.min(), ankle + ahead * reach.max()
    return HeelRuler(Centreline.fit(corners, area, heel, toe, _Y, oval=True), _Y, corners)
