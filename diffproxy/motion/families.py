"""Which source joint drives which SMPL-X joint, for the common families of skeletons.

The same name means different joints in different families ("LeftShoulder" is a collar bone in one, an upper arm in
another). A skeleton is therefore recognised as a whole and never matched joint by joint.
"""

from __future__ import annotations

from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.utils.errors import InputError

# Joints of the middle, then of one side; {s} is the side as the family writes it. A missing joint is interpolated.
_FAMILIES: dict[str, tuple[tuple[str, str], dict[str, str]]] = {
    "acclaim": (
        ("l", "r"),
        {
            "pelvis": "root", "spine1": "lowerback", "spine2": "upperback", "spine3": "thorax", "head": "head",
            "hip": "{s}femur", "knee": "{s}tibia", "ankle": "{s}foot", "foot": "{s}toes", "collar": "{s}clavicle",
            "shoulder": "{s}humerus", "elbow": "{s}radius", "wrist": "{s}hand", "wrist@": "{s}wrist",
        },
    ),
    "biped": (  # Cgspeed's conversion of CMU, Mixamo, MotionBuilder
        ("Left", "Right"),
        {
            "pelvis": "Hips", "spine1": "LowerBack|Spine", "spine2": "Spine|Spine1", "spine3": "Spine2|Spine1|Spine",
            "head": "Head", "hip": "{s}UpLeg", "knee": "{s}Leg", "ankle": "{s}Foot", "foot": "{s}ToeBase|{s}Toe",
            "collar": "{s}Shoulder", "shoulder": "{s}Arm", "elbow": "{s}ForeArm", "wrist": "{s}Hand",
        },
    ),
    "poser": (
        ("Left", "Right"),
        {
            "pelvis": "Hips", "spine1": "lowerback|Chest", "spine2": "Chest", "spine3": "Chest4|Chest3|Chest2|Chest",
            "head": "Head", "hip": "{s}Hip", "knee": "{s}Knee", "ankle": "{s}Ankle", "foot": "{s}Toe",
            "collar": "{s}Collar", "shoulder": "{s}Shoulder", "elbow": "{s}Elbow", "wrist": "{s}Wrist",
        },
    ),
    "character_creator": (
        ("L", "R"),
        {
            "pelvis": "CC_Base_Pelvis", "spine1": "CC_Base_Waist", "spine2": "CC_Base_Spine01",
            "spine3": "CC_Base_Spine02", "head": "CC_Base_Head", "hip": "CC_Base_{s}_Thigh",
            "knee": "CC_Base_{s}_Calf", "ankle": "CC_Base_{s}_Foot", "foot": "CC_Base_{s}_ToeBase",
            "collar": "CC_Base_{s}_Clavicle", "shoulder": "CC_Base_{s}_Upperarm",
            "elbow": "CC_Base_{s}_Forearm", "wrist": "CC_Base_{s}_Hand",
        },
    ),
    "makehuman": (
        ("L", "R"),
        {
            "pelvis": "root", "spine1": "spine04", "spine2": "spine03", "spine3": "spine01", "head": "head",
            "hip": "upperleg01.{s}", "knee": "lowerleg01.{s}", "ankle": "foot.{s}", "foot": "toe2-1.{s}",
            "collar": "clavicle.{s}", "shoulder": "upperarm01.{s}", "elbow": "lowerarm01.{s}", "wrist": "wrist.{s}",
        },
    ),
    "makehuman_cmu": (  # MakeHuman's own export for CMU clips, old Poser names
        ("l", "r"),
        {
            "pelvis": "hip", "spine1": "abdomen", "spine3": "chest", "head": "head", "hip": "{s}hip",
            "knee": "{s}knee", "ankle": "{s}foot", "foot": "toe2-1.{s}", "collar": "{s}collar",
            "shoulder": "{s}shoulder", "elbow": "{s}elbow", "wrist": "{s}hand",
        },
    ),
    "deepmimic": (
        ("left", "right"),
        {
            "pelvis": "root", "spine3": "chest", "head": "neck", "hip": "{s}_hip", "knee": "{s}_knee",
            "ankle": "{s}_ankle", "shoulder": "{s}_shoulder", "elbow": "{s}_elbow", "wrist": "{s}_wrist",
        },
    ),
    "smplx": (
        ("left", "right"),
        {n: n for n in BODY_JOINT_NAMES if "_" not in n}
        | {n: "{s}_" + n for n in ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")},
    ),
}  # fmt: skip

_NEEDED = ("pelvis", "head", *(f"{s}_{n}" for s in ("left", "right") for n in (
    "hip", "knee", "ankle", "shoulder", "elbow", "wrist")))  # fmt: skip


class JointMap:
    """For each SMPL-X joint the index of the source joint that rotates it, and of the one at its position."""

    def __init__(self, family: str, turned_by: dict[str, int], placed_at: dict[str, int]):
        self.family, self.turned_by, self.placed_at = family, turned_by, placed_at


def recognise(names: tuple[str, ...]) -> JointMap:
    """The family of a skeleton by its joint names; InputError with the closest family otherwise."""
    index = {_plain(n): i for i, n in reversed(list(enumerate(names)))}
    missing: dict[str, list[str]] = {}
    for family, (sides, table) in _FAMILIES.items():
        found: dict[str, int] = {}
        for joint, pattern in table.items():
            middle = "{s}" not in pattern
            for side, word in zip(("left", "right"), sides, strict=True):
                choices = [_plain(p.format(s=word)) for p in pattern.split("|")]
                hits = [index[c] for c in choices if c in index]
                if hits:
                    found[joint if middle else f"{side}_{joint}"] = hits[0]
        missing[family] = [n for n in _NEEDED if n not in found]
        if not missing[family]:
            turned = {k: v for k, v in found.items() if not k.endswith("@")}
            placed = turned | {k.rstrip("@"): v for k, v in found.items() if k.endswith("@")}
            return JointMap(family, turned, placed)
    family = min(missing, key=lambda f: len(missing[f]))
    raise InputError(
        f"a skeleton of one of the families {', '.join(_FAMILIES)}",
        f"joints {', '.join(names[:12])} ...; closest is {family}, without {', '.join(missing[family][:6])}",
        "rename the joints to one of these families (docs/poses.md lists them)",
    )


def _plain(name: str) -> str:
    return name.split(":")[-1].strip().lower()
