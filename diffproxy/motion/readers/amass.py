"""Reader of SMPL-X, SMPL+H and SMPL pose files: AMASS and files with its keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from diffproxy.geometry.rotations import axis_rotation, to_matrix, to_rotvec
from diffproxy.motion.clip import Motion, frame_rate, load_arrays
from diffproxy.motion.skeleton import PELVIS
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

# Columns of body and hands in a `poses` row of each width: SMPL-X, SMPL+H, SMPL (whose two hand joints are dropped).
_HANDS_AT: dict[int, int | None] = {165: 75, 156: 66, 72: None}
_ALIASES = {
    "global_orient": ("global_orient", "root_orient"),
    "body_pose": ("body_pose", "pose_body"),
    "left_hand_pose": ("left_hand_pose",),
    "right_hand_pose": ("right_hand_pose",),
    "transl": ("transl", "trans"),
    "fps": ("mocap_framerate", "mocap_frame_rate", "fps"),
}
_KEYS = {"poses", "pose_hand", "betas", *(a for names in _ALIASES.values() for a in names)}

UpAxis = Literal["y", "z"]


@checked
def read_amass(path: Path, up_axis: UpAxis | None = None) -> Motion:
    """Read `poses` (F, 165 | 156 | 72) or named poses, `trans` in metres, and the frame rate.

    The translation is exact for a body of mean shape; otherwise it is off by the difference in pelvis height.

    Args:
        path: .npz file.
        up_axis: Up axis of the file; None: z for AMASS's own keys (`poses`, `root_orient`), y for `global_orient`.

    Returns:
        The motion, rotated to y up.

    Raises:
        InputError: missing keys, wrong shapes, NaN, a damaged file.
    """
    data = load_arrays(path, _KEYS)
    found = {name: data[a] for name, aliases in _ALIASES.items() for a in aliases if a in data}
    parts = _split(data["poses"], path) if "poses" in data else _named(found, data.get("pose_hand"), path)
    if "fps" not in found:
        raise InputError(
            "a frame rate (mocap_framerate or fps)", f"none in {path}", "add it: np.savez(..., fps=30.0)"
        )
    frames = len(parts["body_pose"])
    transl = _numbers(found.get("transl", np.zeros((frames, 3))), "trans", path)
    if up_axis is None:
        up_axis = "y" if "global_orient" in data else "z"
    betas = _numbers(data["betas"], "betas", path).reshape(-1) if "betas" in data else None
    fps = frame_rate(found["fps"], path)
    motion = Motion(transl=transl, fps=fps, source=path.stem, betas=betas, **parts)
    return motion if up_axis == "y" else _z_up_to_y_up(motion)


def _numbers(value: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Finite numbers of at least one axis; `Motion` checks their shape."""
    return np.atleast_1d(as_numbers(value, None, f"{name} in {path}", "export again"))


def _z_up_to_y_up(motion: Motion) -> Motion:
    turn = axis_rotation(0, -np.pi / 2)
    orient = to_rotvec(turn @ to_matrix(motion.global_orient))
    return replace(motion, global_orient=orient, transl=(motion.transl + PELVIS) @ turn.T - PELVIS)


def _split(poses: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    if poses.ndim != 2 or poses.shape[1] not in _HANDS_AT or len(poses) == 0 or poses.dtype.kind not in "fiu":
        raise InputError(
            "poses (F, 165), (F, 156) or (F, 72)", f"{poses.dtype} {poses.shape} in {path}", "export again"
        )
    poses, hands = poses.astype(float), _HANDS_AT[poses.shape[1]]
    parts = {"global_orient": poses[:, :3], "body_pose": poses[:, 3:66]}
    if hands is not None:
        parts |= {
            "left_hand_pose": poses[:, hands : hands + 45],
            "right_hand_pose": poses[:, hands + 45 : hands + 90],
        }
    return parts


def _named(found: dict[str, np.ndarray], both_hands: np.ndarray | None, path: Path) -> dict[str, np.ndarray]:
    lost = {"global_orient", "body_pose"} - found.keys()
    if lost:
        raise InputError(
            "'poses', or global_orient and body_pose", f"{path} without {sorted(lost)}", "export again"
        )
    names = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose")
    parts = {n: _numbers(found[n], n, path) for n in names if n in found}
    if both_hands is not None:
        both = as_numbers(both_hands, (None, 90), f"pose_hand in {path}", "export the hands without PCA")
        parts |= {"left_hand_pose": both[:, :45], "right_hand_pose": both[:, 45:]}
    if parts["global_orient"].ndim != 2 or parts["global_orient"].shape[-1] != 3:
        raise InputError("global_orient (F, 3)", f"{parts['global_orient'].shape} in {path}", "export again")
    return parts
