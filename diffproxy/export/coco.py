"""Annotations of every picture of a run in COCO's format: keypoints, box and outline of the fitted body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from diffproxy.cameras import Camera, RigFrames
from diffproxy.export.result import UNOBSERVED
from diffproxy.export.run import Run
from diffproxy.keypoints.landmarks import encoder_places, encoder_points
from diffproxy.keypoints.layouts import COCO17
from diffproxy.proxies.raycast import RayMesh
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

BONES = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
"""COCO's skeleton: pairs of `COCO17`, counted from 1."""
PERSON = {"id": 1, "name": "person", "supercategory": "person", "keypoints": [*COCO17], "skeleton": BONES}
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
BEHIND = 0.12
"""Metres: skin that is further in front of a keypoint hides it. Joints lie up to 10 cm below their own skin, hips
deeper from some sides."""


def write_coco(path: Path, run: Run, frames: RigFrames | None) -> None:
    """Write the annotations of one person in all pictures of the run.

    Pixels are those of the files, with lens distortion, pixel centres at integer + 0.5. Beside COCO's keys, images have
    `camera` and `frame`, and annotations `status` and `reason` of the frame, `person`, and `keypoint_std`, the stated
    deviation of each keypoint in pixels.

    Args:
        path: The JSON file.
        run: The run.
        frames: Its pictures.

    Raises:
        InputError: the pictures are not there.
    """
    if frames is None:
        raise InputError(
            "the rig and the pictures of the run: annotations are in their pixels",
            "neither",
            "put them where they lay",
        )
    result, faces = run.result, run.body.faces.numpy()
    reasons = [""] * len(result.status) if result.reason is None else result.reason.tolist()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    there = set(frames.frame_ids)
    for row, frame_id in enumerate(result.frame_ids.tolist()):
        if frame_id not in there:
            continue
        body = _PosedBody(run, row, faces) if result.has_body[row] else None
        state = {"status": str(result.status[row]), "reason": reasons[row], "person": run.person.get("id", 0)}
        for camera in frames.raw_cameras:
            image = {"id": len(images) + 1} | _image(frames, camera, frame_id)
            images.append(image)
            if body is not None and (shown := body.in_picture(camera)):
                annotations.append({"id": len(annotations) + 1, "image_id": image["id"]} | shown | state)
    info = {
        "description": f"SMPL-X bodies of {run.name}, projected",
        "version": result.meta.get("version", ""),
    }
    content = {"info": info, "images": images, "annotations": annotations, "categories": [PERSON]}
    write_atomic(path, json.dumps(content).encode())


def _image(frames: RigFrames, camera: Camera, frame_id: int) -> dict[str, Any]:
    file, root = frames.files(frame_id)[camera.name], frames.rig.root
    inside = root is not None and file.is_relative_to(root)
    return {
        "file_name": (file.relative_to(root) if inside and root is not None else file).as_posix(),
        "width": camera.width,
        "height": camera.height,
        "camera": camera.name,
        "frame": frame_id,
        "frame_in_file": frames.file_numbers(frame_id)[camera.name],
    }


class _PosedBody:
    """The body of one frame, ready to be seen by several cameras."""

    def __init__(self, run: Run, row: int, faces: Int[np.ndarray, "Nf 3"]):
        params = run.result.body_params(np.array([row]))
        near = encoder_places()[0]
        self.keypoints = encoder_points(run.body, params)
        # of one view it is mostly the depth that is uncertain, which no picture shows
        alone = str(run.result.status[row]) == "one_view"
        self.std = np.full(len(near), np.nan) if alone else run.result.joint_std[row, near]
        observed = run.result.joint_observed
        self.unobserved = np.zeros(len(near), bool) if observed is None else observed[row, near] < UNOBSERVED
        self.vertices = run.body(params).vertices[0].double().numpy()
        self.mesh = RayMesh(self.vertices, faces)

    def in_picture(self, camera: Camera) -> dict[str, Any]:
        """COCO's keys of one annotation; empty where the picture shows nothing of the body."""
        mask = silhouette(camera, self.vertices, self.mesh.faces)
        if not mask.any():
            return {}
        toward = self.keypoints - camera.center_world
        hits = self.mesh.cast(camera.center_world, toward)
        hidden = (1 - hits.distance) * np.linalg.norm(toward, axis=1) > BEHIND
        xy = np.nan_to_num(camera.project(self.keypoints), nan=-1.0)
        inside = ((xy >= 0) & (xy < [camera.width, camera.height])).all(1)
        flag = np.where(hidden | self.unobserved, HIDDEN, VISIBLE) * inside
        depth = toward @ camera.direction_world
        std = self.std * np.sqrt(camera.K[0, 0] * camera.K[1, 1]) / np.maximum(depth, 0.05)
        points = np.column_stack([np.where(inside[:, None], xy, 0.0).round(2), flag])
        return {
            "category_id": PERSON["id"],
            "iscrowd": 0,
            "keypoints": [int(x) if x == int(x) else float(x) for x in points.reshape(-1)],
            "num_keypoints": int(inside.sum()),
            "keypoint_std": [
                round(float(s), 2) if seen else None
                for s, seen in zip(std, inside & np.isfinite(std), strict=True)
            ],
            "bbox": [*cv2.boundingRect(mask)],
            "area": int(mask.sum()),
            "segmentation": outlines(mask),
        }


def silhouette(
    camera: Camera, vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"]
) -> UInt8[np.ndarray, "H W"]:
    """1 where a picture shows a mesh, with lens distortion."""
    mask = np.zeros((camera.height, camera.width), np.uint8)
    corners = camera.project(vertices)[faces] - 0.5  # OpenCV's pixel centres are integers
    inside = (corners.max(1) >= 0) & (corners.min(1) < [camera.width, camera.height])  # false for NaN
    drawn = corners[inside.all(1) & np.isfinite(corners).all((1, 2))]
    for triangle in np.rint(np.clip(drawn, -1e4, 1e5)).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask


def outlines(mask: UInt8[np.ndarray, "H W"]) -> list[list[float]]:
    """Polygons around the regions of a mask, as COCO writes them: x, y in turn, in pixels. Holes are filled."""
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(c.reshape(-1) + 0.5).tolist() for c in found if len(c) > 2]
