"""Parts and charts of a body file: as stored, or derived for an official SMPL-X file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from diffproxy.body.files import BodyArrays
from diffproxy.body.names import JOINT_NAMES
from diffproxy.body.palette import Palette
from diffproxy.utils.errors import InputError

# The 15 rigid segments of the body and the 12 parts of the hands, by the joints whose vertices they contain.


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

# name: (joints, joint that moves the segment rigidly)
SEGMENTS: dict[str, tuple[tuple[str, ...], str]] = dict(_MIDDLE)
for _s, _side in _SIDES.items():
    for _name, (_joints, _mover) in _SIDED.items():
        SEGMENTS[f"{_name}_{_s}"] = (tuple(f"{_side}_{j}" for j in _joints), f"{_side}_{_mover}")

# regions of vertex errors; both sides together
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
    """Joints whose vertices belong to a hand part such as "palm_l" or "index_r"."""
    name, s = part.rsplit("_", 1)
    return (f"{_SIDES[s]}_wrist",) if name == "palm" else tuple(f"{_SIDES[s]}_{name}{k}" for k in (1, 2, 3))


def hand_part_mover(part: str) -> str:
    """Joint that moves a hand part rigidly: the wrist, or the first joint of the finger."""
    return hand_part_joints(part)[0]


_J = {name: i for i, name in enumerate(JOINT_NAMES)}


@dataclass(frozen=True)
class FileCharts:
    """Content of `SurfaceAtlas`; see there."""

    face_part: np.ndarray
    face_hand_part: np.ndarray
    uv_corners: np.ndarray
    hand_uv_corners: np.ndarray
    palette: Palette
    segment_of_label: np.ndarray


def charts_of_file(arrays: BodyArrays) -> FileCharts:
    """Charts of a body file. Raises InputError without texture coordinates that fit its faces."""
    extra, nf = arrays.extra, len(arrays.faces)
    uv = _corners(extra, "vt", "ft", nf)
    if "face_part" not in extra:
        return _derived(arrays, uv)
    body_names, hand_names = extra["part_names"].tolist(), extra["hand_part_names"].tolist()
    palette = Palette.of(body_names, extra["part_colors"], hand_names, extra["hand_part_colors"])
    labels = {"face_part": extra["face_part"], "face_hand_part": extra["face_hand_part"]}
    for key, value in labels.items():
        if value.shape != (nf,) or value.max() >= len(palette.names):
            raise InputError(f"'{key}' with one known label per face", f"shape {value.shape}", _FIX)
    return FileCharts(
        face_part=labels["face_part"].astype(np.uint8),
        face_hand_part=labels["face_hand_part"].astype(np.uint8),
        uv_corners=uv,
        hand_uv_corners=_corners(extra, "vt_hand", "ft_hand", nf),
        palette=palette,
        segment_of_label=np.concatenate([extra["part_joint"], extra["hand_part_joint"]]).astype(np.int64),
    )


_FIX = "use a body file that carries its UV map (vt, ft), such as SMPLX_NEUTRAL.npz, or build the default body again"


def _corners(extra: dict[str, np.ndarray], vt_key: str, ft_key: str, nf: int) -> np.ndarray:
    if vt_key not in extra or ft_key not in extra:
        raise InputError(f"'{vt_key}' and '{ft_key}' in the body file", "neither or only one", _FIX)
    vt, ft = extra[vt_key], extra[ft_key].astype(np.int64)
    if ft.shape != (nf, 3) or vt.ndim != 2 or vt.shape[1] != 2 or ft.max() >= len(vt) or ft.min() < 0:
        raise InputError(f"'{ft_key}' ({nf}, 3) indexing '{vt_key}' (n, 2)", f"{ft.shape}, {vt.shape}", _FIX)
    return vt[ft].astype(np.float32)


def strongest_segment(weights: Float[np.ndarray, "N 55"]) -> Int64[np.ndarray, " N"]:
    """Index in `SEGMENTS` of the segment with the largest share of each row of skinning weights."""
    owned = [weights[:, [_J[j] for j in joints]].sum(axis=1) for joints, _ in SEGMENTS.values()]
    return np.stack(owned, axis=1).argmax(axis=1)


def vertex_regions(weights: Float[np.ndarray, "N 55"]) -> dict[str, Bool[np.ndarray, " N"]]:
    """Region of `REGIONS` -> (N,) bool; each vertex is in exactly one."""
    names = np.array(list(SEGMENTS))[strongest_segment(weights)]
    return {region: np.isin(names, segments) for region, segments in REGIONS.items()}


def _derived(arrays: BodyArrays, uv: np.ndarray) -> FileCharts:
    """15 segments and 12 hand parts by the largest skinning weight; the one UV map of the file serves both palettes."""
    from diffproxy.body.palette import body_colors, spread_colors

    weights = arrays.weights[arrays.faces].mean(axis=1)
    segments = list(SEGMENTS)
    segment = strongest_segment(weights)
    hand = np.stack(
        [weights[:, [_J[j] for j in hand_part_joints(p)]].sum(axis=1) for p in HAND_PARTS], axis=1
    )
    on_hand = np.isin(segment, [segments.index("hand_l"), segments.index("hand_r")])
    colors = body_colors(segments)[::2]  # one colour of each pair of halves
    palette = Palette.of(
        ["background", *segments], np.concatenate([np.zeros((1, 3)), colors]), list(HAND_PARTS),
        spread_colors(len(HAND_PARTS)),
    )  # fmt: skip
    movers = [
        0,
        *(_J[mover] for _, mover in SEGMENTS.values()),
        *(_J[hand_part_mover(p)] for p in HAND_PARTS),
    ]
    return FileCharts(
        face_part=(1 + segment).astype(np.uint8),
        face_hand_part=np.where(on_hand, 1 + len(segments) + hand.argmax(axis=1), 0).astype(np.uint8),
        uv_corners=uv,
        hand_uv_corners=uv,
        palette=palette,
        segment_of_label=np.array(movers, dtype=np.int64),
    )
