"""Joint angles as CSV, degrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from diffproxy.body.names import JOINT_NAMES, NUM_JOINTS
from diffproxy.export.motion import BodyMotion
from diffproxy.utils.io import write_atomic

ORDER = "XZY"  # intrinsic: x towards the left of the body, z to its front, y upwards
BENDS = {"knee": ("hip", "knee", "ankle"), "elbow": ("shoulder", "elbow", "wrist")}


def write_joint_angles(path: Path, motion: BodyMotion) -> None:
    """CSV with one row per frame: `frame, time, known`, clinical angles, then x, z, y of each of the 55 joints.

    The angles of a joint are those of its rotation relative to its parent, zero in the T-pose, in the order x, z, y
    about axes that turn with the joint; of the pelvis relative to a world with +Y up. Fields of frames that are not
    known are empty.
    """
    motion = motion.with_up_axis("+Y")
    euler = euler_angles(motion)
    clinical = clinical_angles(motion, euler)
    names = [f"{joint}_{axis}" for joint in JOINT_NAMES for axis in ORDER.lower()]
    table = np.concatenate([np.stack([*clinical.values()], axis=1), euler.reshape(len(motion), -1)], axis=1)
    lines = [",".join(["frame", "time", "known", *clinical, *names])]
    for row, (known, numbers) in enumerate(zip(motion.known.tolist(), table.tolist(), strict=True)):
        fields = [f"{x:.4f}" if known else "" for x in numbers]
        start = [str(motion.frame_ids[row]), f"{row / motion.fps:.6f}", str(int(known))]
        lines.append(",".join([*start, *fields]))
    write_atomic(path, ("\n".join(lines) + "\n").encode())


def euler_angles(motion: BodyMotion) -> Float[np.ndarray, "F 55 3"]:
    """Degrees about x, z and y in this order, continuous over the frames."""
    angles = Rotation.from_matrix(motion.local_rotations.reshape(-1, 3, 3)).as_euler(ORDER, degrees=True)
    return np.unwrap(angles.reshape(-1, NUM_JOINTS, 3), period=360.0, axis=0)


def clinical_angles(
    motion: BodyMotion, euler: Float[np.ndarray, "F 55 3"]
) -> dict[str, Float[np.ndarray, " F"]]:
    """Named angles, degrees: flexion of knee and elbow between the bones, hips and ankles from their Euler angles.

    Positive: thigh forward, thigh away from the middle, thigh turned outward, toes up; 0 is a straight limb.
    """
    out = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip, ankle = (euler[:, JOINT_NAMES.index(f"{side}_{j}")] for j in ("hip", "ankle"))
        out[f"{side}_hip_flexion"] = -hip[:, 0]
        out[f"{side}_hip_abduction"] = sign * hip[:, 1]
        out[f"{side}_hip_outward_rotation"] = sign * hip[:, 2]
        out[f"{side}_ankle_dorsiflexion"] = -ankle[:, 0]
        for name, chain in BENDS.items():
            a, b, c = (motion.joints[:, JOINT_NAMES.index(f"{side}_{j}")] for j in chain)
            out[f"{side}_{name}_flexion"] = np.degrees(_angle_between(b - a, c - b))
    return out


def _angle_between(a: Float[np.ndarray, "F 3"], b: Float[np.ndarray, "F 3"]) -> Float[np.ndarray, " F"]:
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.einsum("fi,fi->f", a, b))
