"""The 15 rigid segments of the body and the 12 parts of the hands, by the joints whose skin they take."""

from __future__ import annotations

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_SIDES = {"l": "left", "r": "right"}

_MIDDLE = {
    "head": (("neck", "head", "jaw", "left_eye_smplhf", "right_eye_smplhf"), "head"),
    "chest": (("spine2", "spine3", "left_collar", "right_collar"), "spine3"),
    "abdomen": (("pelvis", "spine1"), "pelvis"),
}
_SIDED = {
    "upper_arm": (("shoulder",), "shoulder"),
    "forearm": (("elbow",), "elbow"),
    "hand": (("wrist", *(f"{f}{k}" for f in _FINGERS for k in (1, 2, 3))), "wrist"),
    "thigh": (("hip",), "hip"),
    "shin": (("knee",), "knee"),
    "foot": (("ankle", "foot"), "ankle"),
}

# name: (joints, joint that moves the segment as a rigid piece)
SEGMENTS: dict[str, tuple[tuple[str, ...], str]] = dict(_MIDDLE)
for _s, _side in _SIDES.items():
    for _name, (_joints, _mover) in _SIDED.items():
        SEGMENTS[f"{_name}_{_s}"] = (tuple(f"{_side}_{j}" for j in _joints), f"{_side}_{_mover}")

# what people ask about when a whole-body error is large; both sides together
REGIONS: dict[str, tuple[str, ...]] = {
    "head": ("head",),
    "trunk": ("chest", "abdomen"),
    "arms": ("upper_arm_l", "upper_arm_r", "forearm_l", "forearm_r"),
    "hands": ("hand_l", "hand_r"),
    "legs": ("thigh_l", "thigh_r", "shin_l", "shin_r"),
    "feet": ("foot_l", "foot_r"),
}

HAND_PARTS: tuple[str, ...] = tuple(f"{part}_{s}" for s in _SIDES for part in ("palm", *_FINGERS))


def hand_part_joints(part: str) -> tuple[str, ...]:
    """Joints whose skin belongs to a hand part such as "palm_l" or "index_r"."""
    name, s = part.rsplit("_", 1)
    return (f"{_SIDES[s]}_wrist",) if name == "palm" else tuple(f"{_SIDES[s]}_{name}{k}" for k in (1, 2, 3))


def hand_part_mover(part: str) -> str:
    """Joint that moves a hand part as a rigid piece: the wrist, or the finger's first joint."""
    return hand_part_joints(part)[0]
