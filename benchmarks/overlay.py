"""What the overlays of a run cost: CPU and wall seconds a frame, reading and writing included. Prints JSON.

    python benchmarks/overlay.py [frames=5] [views=4] [width=1920] [height=1080] [out=DIR]

The default body walks on the spot in a ring of cameras; the images are smooth colours with sensor noise, as JPEG.
The first frame is a warm-up and is not counted. `out` keeps the overlays, to compare them with earlier ones.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from script_words import read_words

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.cameras import Camera, Rig, open_frames, save_rig
from diffproxy.geometry.directions import look_at_rotation
from diffproxy.pipeline.frame_figures import write_overlays
from diffproxy.pipeline.results import FrameResult, params_to_arrays

MINE = {"frames": 5, "views": 4, "width": 1920, "height": 1080}
WORDS = (*MINE, "out")


def ring_camera(name: str, angle: float, width: int, height: int) -> Camera:
    """3.2 m away and 1 m above; a standing body fills two thirds of the image height."""
    target = np.array([0.0, -0.25, 0.0])
    position = target + np.array([3.2 * np.sin(angle), 1.0, 3.2 * np.cos(angle)])
    R = look_at_rotation(position, target)
    K = np.array([[1.3 * height, 0, width / 2], [0, 1.3 * height, height / 2], [0, 0, 1.0]])
    return Camera(name, width, height, K, R, -R @ position)


def write_rig(folder: Path, frames: int, views: int, width: int, height: int) -> None:
    """A rig folder with a calibration and images."""
    angles = np.arange(views) * 2 * np.pi / views + 0.3
    cameras = tuple(ring_camera(f"cam{i}", a, width, height) for i, a in enumerate(angles))
    save_rig(Rig("ring", cameras), folder)
    rng = np.random.default_rng(0)
    for camera in cameras:
        (folder / "images" / camera.name).mkdir(parents=True)
        colors = rng.uniform(0, 255, (27, 48, 3)).astype(np.float32)
        smooth = cv2.resize(colors, (width, height), interpolation=cv2.INTER_CUBIC)
        photo = (smooth + rng.normal(0, 3, smooth.shape)).clip(0, 255).astype(np.uint8)
        for k in range(frames):
            cv2.imwrite(str(folder / "images" / camera.name / f"{k:06d}.jpg"), photo)


def pose_record(body: BodyModel, frame: int) -> FrameResult:
    """Arms hanging, legs a little apart, other in every frame."""
    pose = torch.zeros(1, 63)
    pose[0, 3 * 15 + 2], pose[0, 3 * 16 + 2] = -0.9, 0.9
    pose[0, 0], pose[0, 3] = 0.4 * np.sin(frame), -0.4 * np.sin(frame)
    params = BodyParams.rest().replace(body_pose=pose)
    with torch.no_grad():
        joints = body(params).joints[0].numpy()
    return FrameResult(frame, "ok", params=params_to_arrays(params), joints=joints)


def main(words: list[str]) -> dict[str, float]:
    given = read_words(words, WORDS)
    mine = {k: int(given.get(k, v)) for k, v in MINE.items()}
    body = load_body("anny")
    records = [pose_record(body, k) for k in range(mine["frames"] + 1)]
    with tempfile.TemporaryDirectory() as folder:
        write_rig(Path(folder), **mine | {"frames": len(records)})
        frames = open_frames(folder)
        out = Path(given.get("out", Path(folder) / "out"))
        write_overlays(out, records[:1], body, frames)
        wall, cpu = time.perf_counter(), time.process_time()
        write_overlays(out, records[1:], body, frames)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(p.stat().st_size for p in out.glob("overlay/*/*.jpg")) / len(records)
    row = {
        "cpu_s_per_frame": round(cpu / mine["frames"], 3),
        "wall_s_per_frame": round(wall / mine["frames"], 3),
        "mb_per_frame": round(size / 2**20, 2),
    }
    print(json.dumps({"benchmark": "overlay"} | mine | row))
    return row


if __name__ == "__main__":
    main(sys.argv[1:])
