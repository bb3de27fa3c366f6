"""Masks of the person by BlazePose's segmentation, a reference for silhouettes independent of `nano`'s encoder.

    python -m diffproxy.keypoints detect rig=pose2sim frames=0:100:10 out=out/blazepose/keypoints
    python benchmarks/blazepose_masks.py rig=downloads/pose2sim frames=0:100:10 out=out/blazepose

Both run in MediaPipe's environment (docs/keypoints.md); `python benchmarks/real_rig.py judge=out/blazepose` then needs
neither. Writes OUT/masks/<camera>/<frame>.png (255: person), on the undistorted images. Crops lie around the joints
that the keypoints of OUT/keypoints triangulate to. `complexity=2` (default) is BlazePose heavy, whose file MediaPipe
fetches on first use (or pose_landmark_heavy.tflite of the npm package @mediapipe/pose, put into
mediapipe/modules/pose_landmark); `complexity=1` is in the wheel.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from script_words import read_words
from tqdm import tqdm

from diffproxy.cameras import Camera, load_rig, open_frames
from diffproxy.keypoints import open_keypoints, triangulate_people
from diffproxy.utils.frame_ranges import select_frames

WORDS = ["complexity", "frames", "out", "rig"]

MARGIN = 1.3  # crop side over the longer side of the joints' box
SIDE = 512  # side of the crop in pixels (MediaPipe reduces it to 256)


def person_box(points: np.ndarray, camera: Camera) -> tuple[float, float, float, float] | None:
    """The square around the known joints (metres) in pixels; None where fewer than five are known."""
    pixels = camera.project(points[np.isfinite(points).all(-1)])
    if len(pixels) < 5 or not np.isfinite(pixels).all():
        return None
    low, high = pixels.min(0), pixels.max(0)
    half, (x, y) = 0.5 * MARGIN * float((high - low).max()), (low + high) / 2
    return x - half, y - half, x + half, y + half


def mask_of(model: Any, image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """(H, W) bool: the person in the image, nothing outside of the box."""
    x0, y0, x1, _ = box
    scale = SIDE / (x1 - x0)
    to_crop = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale]])
    crop = cv2.warpAffine(image, to_crop, (SIDE, SIDE), flags=cv2.INTER_AREA)
    found = model.process(crop).segmentation_mask
    if found is None:
        return np.zeros(image.shape[:2], dtype=bool)
    size = (image.shape[1], image.shape[0])
    return cv2.warpAffine(found, to_crop, size, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR) > 0.5


def main(words: list[str]) -> None:
    from mediapipe.python.solutions.pose import Pose

    given = {"rig": "downloads/pose2sim", "frames": "0:100:10", "out": "out/blazepose", "complexity": "2"}
    given |= read_words(words, WORDS)
    root, out = Path(given["rig"]), Path(given["out"])
    frames = open_frames(root, load_rig(root), common_frames=True)
    detected = open_keypoints(out / "keypoints", frames.raw_cameras)
    model = Pose(static_image_mode=True, model_complexity=int(given["complexity"]), enable_segmentation=True)
    for f in tqdm(select_frames(given["frames"], frames.frame_ids), desc="masks", unit="frame"):
        people = detected.frame(f, frames.raw_cameras)
        points = triangulate_people(people, frames.raw_cameras, None, 3).points
        for image, camera in zip(frames.read(f), frames.cameras, strict=True):
            box = person_box(points, camera)
            if box is not None:
                path = out / "masks" / camera.name / f"{f:06d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), 255 * mask_of(model, image, box).astype(np.uint8))


if __name__ == "__main__":
    main(sys.argv[1:])
