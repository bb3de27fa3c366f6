"""Single pictures of ours with labels as MMHuman3D's `HumanData` dumps them: SPEC-MTP, HuMMan, PDHuman (rehearsal).

Every camera of a take is a picture of its own, bodies in its axes. SPEC-MTP's labels state a focal length alone, so
there the image is moved until the principal point is the middle of its canvas; the others state `K`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.body.smpl_family import SmplFamilyBody
from diffproxy.cameras import Camera
from diffproxy.evaluation.datasets.human_data import FILES, IMAGES, LABELS
from diffproxy.evaluation.rehearsal_take import BODY, Take, opencv_K, save_image
from diffproxy.geometry.rotations import to_matrix, to_rotvec

KEYPOINTS = 190
"""Joints of the convention HUMAN_DATA, of which only those of the data set are stored."""


def write_human_data(root: Path, name: str, takes: Sequence[Take], model: SmplFamilyBody) -> None:
    """One data set: images, and the labels in one .npz."""
    rows: list[dict[str, Any]] = []
    for n, take in enumerate(takes):
        for k, (camera, image) in enumerate(zip(take.cameras, take.images, strict=True)):
            if name == "spec_mtp":
                image, camera = centred(image, camera)
            path = f"imgs/{n:04d}_{k}.png"
            save_image(root / IMAGES / name / path, image, (image.shape[1], image.shape[0]))
            rows.append({"image_path": path, "camera": camera, **in_camera(take, camera, model)})
    K = np.stack([opencv_K(row["camera"]) for row in rows])
    boxes = np.stack([row["box"] for row in rows])
    content: dict[str, Any] = {
        "__key_strict__": False,
        "__data_len__": len(rows),
        "__keypoints_compressed__": True,
        "image_path": [row["image_path"] for row in rows],
        "bbox_xywh": np.column_stack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2], np.ones(len(rows))]),
        "keypoints2d": np.stack([np.column_stack([row["pixels"], np.ones(24)]) for row in rows]),
        "keypoints2d_mask": (np.arange(KEYPOINTS) < 24).astype(np.int64),
        "config": name,
        "meta": {},
        "smpl": {
            "body_pose": np.stack([row["pose"][3:].reshape(23, 3) for row in rows]),
            "global_orient": np.stack([row["pose"][:3] for row in rows]),
            "betas": np.stack([row["betas"] for row in rows]),
            "transl": np.stack([row["transl"] for row in rows]),
        },
    }
    if name == "spec_mtp":
        content["focal_length"] = K[:, [0, 1], [0, 1]]
    else:
        content |= {"K": K, "distortion_max": np.ones(len(rows))}
    file = root / LABELS / FILES[name][0]
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **content)


def in_camera(take: Take, camera: Camera, model: SmplFamilyBody) -> dict[str, np.ndarray]:
    """SMPL parameters in the camera's axes, its joints and the box around the body, in pixels from 0."""
    R, t = camera.R_cam_world, camera.t_cam_world
    pose, betas = np.concatenate([take.full_pose[BODY], np.zeros(6)]), take.betas
    # A rotation about the origin is one about the pelvis and a shift of it.
    pelvis = model.pose(np.zeros((1, 72)), betas[None], np.zeros((1, 3))).joints[0, 0]
    pose[:3] = to_rotvec(R @ to_matrix(pose[:3]))
    transl = R @ (pelvis + take.transl) + t - pelvis
    posed = model.pose(pose[None], betas[None], transl[None])
    K = opencv_K(camera)
    pixels, outline = ((p[0] @ K.T)[:, :2] / p[0][:, 2:] for p in (posed.joints, posed.vertices))
    box = np.concatenate([outline.min(0), outline.max(0)])
    return {"pose": pose, "betas": betas, "transl": transl, "pixels": pixels, "box": box}


def centred(image: UInt8[np.ndarray, "H W 3"], camera: Camera) -> tuple[UInt8[np.ndarray, "h w 3"], Camera]:
    """The image on a grey canvas with the principal point in its middle; moved by whole pixels where that will do."""
    middle = camera.K[:2, 2]
    half = np.ceil(np.maximum(middle, [camera.width, camera.height] - middle))
    shift: Float[np.ndarray, "2"] = half - middle
    width, height = (2 * half).astype(int).tolist()
    move = np.column_stack([np.eye(2), shift])
    canvas = cv2.warpAffine(image, move, (width, height), flags=cv2.INTER_LINEAR, borderValue=(128,) * 3)
    K = camera.K.copy()
    K[:2, 2] = half
    return canvas, Camera(camera.name, width, height, K, camera.R_cam_world, camera.t_cam_world)
