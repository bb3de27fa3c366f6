"""Peak memory of `fit.py` by number and size of cameras: one frame, the packaged weights. Prints JSON.

    python benchmarks/memory_of_rigs.py [rigs=8:3840x2160,30:640x480] [k1=0] [fit=WORDS] [out=DIR]

Cameras and images are those of the example rig, each turned about its optical axis and enlarged, so the rig is exact.
`k1` gives every camera a lens, for which all images are undistorted; with 0.001 the images, which stay as they are, are
off by some pixels at 4K. `fit`: words for `fit.py`, separated by blanks. For each rig: "peak_gb" (largest resident
size of the process, 1e9 bytes), "seconds", "cpu_seconds", "status", and "mpjpe_mm" against the ground truth.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from script_words import read_words
from sd21_full_size import measured

from diffproxy.cameras import Camera, Rig, load_rig, save_rig

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "synthetic_rig"
MINE = {"rigs": "8:3840x2160,30:640x480", "k1": "0", "fit": "", "out": ""}
TURN_DEG = 3.0  # between cameras of one place


def turned(camera: Camera, name: str, size: tuple[int, int], turn_deg: float) -> tuple[Camera, np.ndarray]:
    """A camera in the same place, turned about its axis.

    Args:
        camera: A pinhole camera.
        name: Of the new camera.
        size: Width and height of its images; the height keeps its angle of view.
        turn_deg: Degrees.

    Returns:
        The new camera, and the (3, 3) homography from pixels of the old one to its pixels.
    """
    angle, focal = np.radians(turn_deg), camera.K[1, 1] * size[1] / camera.height
    R = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    new = Camera(name, *size, K, R @ camera.R_cam_world, R @ camera.t_cam_world)
    return new, K @ R @ np.linalg.inv(camera.K)


def write_rig(folder: Path, count: int, size: tuple[int, int], k1: float) -> None:
    """`count` cameras of the example rig, with images of `size` and the ground truth."""
    example = load_rig(EXAMPLE).cameras
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # from array indices to pixels
    cameras = []
    for i in range(count):
        old = example[i % len(example)]
        turn = TURN_DEG * (i // len(example))
        camera, homography = turned(old, f"cam{i:02d}", size, turn)
        cameras.append(replace(camera, distortion=np.array([k1, 0, 0, 0] if k1 else [])))
        image = cv2.imread(str(EXAMPLE / "images" / old.name / "000000.jpg"))
        homography = np.linalg.inv(shift) @ homography @ shift
        path = folder / "images" / camera.name / "000000.jpg"
        path.parent.mkdir(parents=True)
        enlarged = cv2.warpPerspective(image, homography, size, flags=cv2.INTER_LINEAR)
        cv2.imwrite(str(path), enlarged, [cv2.IMWRITE_JPEG_QUALITY, 90])
    save_rig(Rig(folder.name, tuple(cameras), up_axis="+Y"), folder)
    shutil.copy(EXAMPLE / "ground_truth.npz", folder)


def measure(folder: Path, count: int, size: tuple[int, int], k1: float, words: list[str]) -> dict[str, Any]:
    """One run of `fit.py` on a new rig in `folder`."""
    write_rig(folder / "rig", count, size, k1)
    row = measured([str(ROOT / "fit.py"), f"rig.path={folder / 'rig'}", f"out={folder / 'fit'}", *words])
    metrics = json.loads((folder / "fit" / "metrics.json").read_text())
    return row | {"status": metrics["status"], "mpjpe_mm": metrics["ground_truth"]["mpjpe_mm"]}


def main(words: list[str]) -> dict[str, Any]:
    """Returns what is printed."""
    options = MINE | read_words(words, MINE)
    rows = {}
    with tempfile.TemporaryDirectory() as temporary:
        for rig in options["rigs"].split(","):
            count, _, size = rig.partition(":")
            width, height = (int(n) for n in size.split("x"))
            folder = Path(options["out"] or temporary) / f"{count}_{size}"
            rows[rig] = measure(
                folder, int(count), (width, height), float(options["k1"]), options["fit"].split()
            )
    return {"options": options, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
