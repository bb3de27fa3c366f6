"""Motion as files of the SMPL-X family: AMASS npz and Meshcapade's .smpl."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.body.names import NUM_JOINTS
from diffproxy.export.motion import BodyMotion
from diffproxy.utils.io import atomic_path, write_npz

GENDERS = ("neutral", "male", "female")  # the codes of .smpl are the indices
AMASS_BETAS = 16  # shape coefficients in AMASS files of SMPL-X; ours are the first ten
SMPL_CODEC_VERSION, SMPLX = 2, 2  # major version of smplcodec; its code for SMPL-X


def write_amass(path: Path, motion: BodyMotion) -> None:
    """AMASS npz for SMPL-X: Z up, metres, hands relative to the flat hand. Also for the SMPL-X add-on of Blender.

    Betas are one set for the file, medians over the frames; those of a body that is not SMPL-X are under `body_betas`
    and `betas` is zero. `trans` puts the pelvis of that shape at the pelvis of each frame.
    """
    motion = motion.with_up_axis("+Z")
    poses = motion.params.full_pose.double().numpy()
    betas, trans = _shape_and_trans(motion)
    arrays = {
        "trans": trans,
        "gender": np.array(gender_of(motion.body.name)),
        "betas": np.pad(betas, (0, AMASS_BETAS - len(betas))),
        "num_betas": np.array(AMASS_BETAS),
        "poses": poses,
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3:66],
        "pose_jaw": poses[:, 66:69],
        "pose_eye": poses[:, 69:75],
        "pose_hand": poses[:, 75:],
        "expression": motion.params.expression.double().numpy(),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(motion.fps),
        "mocap_time_length": np.array(len(motion) / motion.fps),
        "frame_ids": motion.frame_ids,
        "known": motion.known,
        "body_name": np.array(motion.body.name),
        "body_betas": motion.median_shape().betas[0].double().numpy(),
        "body_scale": motion.params.scale[:, 0].double().numpy(),
    }
    write_npz(path, arrays)


def write_smpl(path: Path, motion: BodyMotion) -> None:
    """Meshcapade's .smpl as smplcodec reads it: Y up, metres, int32 and float32 alone; shape as in `write_amass`."""
    motion = motion.with_up_axis("+Y")
    pose = motion.params.full_pose.numpy().reshape(-1, NUM_JOINTS, 3)
    betas, trans = _shape_and_trans(motion)
    numbers = {
        "shapeParameters": betas,
        "frameRate": motion.fps,
        "bodyTranslation": trans,
        "bodyPose": pose[:, :22],
        "headPose": pose[:, 22:25],
        "leftHandPose": pose[:, 25:40],
        "rightHandPose": pose[:, 40:],
        "expressionParameters": motion.params.expression.numpy(),
    }
    counts = {
        "codecVersion": SMPL_CODEC_VERSION,
        "smplVersion": SMPLX,
        "gender": GENDERS.index(gender_of(motion.body.name)),
        "frameCount": len(motion),
    }
    arrays = {k: np.asarray(v, dtype=np.int32) for k, v in counts.items()}
    arrays |= {k: np.asarray(v, dtype=np.float32) for k, v in numbers.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options


def is_smplx(body_name: str) -> bool:
    """Whether a body has the shape space of SMPL-X: any file but the packaged body."""
    return body_name != "anny"


def gender_of(body_name: str) -> str:
    """male or female where the name of the body file says so, as SMPLX_FEMALE does; else neutral."""
    words = body_name.lower().replace("-", "_").split("_")
    return next((g for g in ("female", "male") if g in words), "neutral")


def _shape_and_trans(motion: BodyMotion) -> tuple[Float[np.ndarray, "10"], Float[np.ndarray, "F 3"]]:
    """Betas for a reader with the SMPL-X model, and the translation that puts its pelvis at ours.

    A reader's pelvis is at its rest pelvis + trans; that of SMPL-X's mean shape is where the packaged body's is.
    """
    shape = motion.median_shape()
    if not is_smplx(motion.body.name):
        shape = shape.replace(betas=0 * shape.betas)
    rest_pelvis = motion.body.rest_joints(shape)[0, 0].double().numpy()
    return shape.betas[0].double().numpy(), motion.joints[:, 0] - rest_pelvis
