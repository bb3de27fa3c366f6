"""`fit.py cameras=none` on rendered subjects, as a user calls it: cameras and body against the truth. JSON out.

    python benchmarks/camera_free.py shards=shards/test limit=4 out=out/camera_free
    python benchmarks/camera_free.py shards=shards/test limit=4 focal=unknown out=out/camera_free_focal

Every subject becomes a rig folder. focal=known: its body crops; the calibration holds their focal lengths and principal
points, which nobody could guess for crops, and no poses. focal=unknown: whole images, black around the crops, with
boxes and without a calibration. One JSON line a subject, and all in out/rows.json: mean errors of the cameras (aligned;
positions up to scale) and of the scale, of the joints after Procrustes alignment, and what the run doubts; with
focal=unknown also each true field of view (degrees, along the longer side), the one that was estimated for all cameras,
the mean error of the focal lengths and the standard deviation that the run states.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from diffproxy import fit_rig
from diffproxy.body import BodyModel, load_body
from diffproxy.calibration.compare import compare_rigs
from diffproxy.cameras import Camera, Rig, load_rig, save_rig
from diffproxy.cameras.predicted import field_of_view
from diffproxy.datasets.shards import ShardIndex, ShardView
from diffproxy.metrics.points import pa_mpjpe
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import at_least, one_of, option
from diffproxy.utils.shared_options import SHARDS
from diffproxy.utils.subcommand import Subcommand


@dataclass
class CameraFreeOptions:
    shards: str = SHARDS("shards/test")
    limit: int = option(4, "so many subjects", section="Input")
    views: int = option(4, "body views of each", section="Input")
    focal: str = option("known", "focal lengths in a calibration, or nowhere", "known|unknown", "Input")
    out: str = option("out/camera_free", "folder for rigs, runs and rows.json", "DIR", "Output")

    def __post_init__(self) -> None:
        at_least("limit", self.limit, 1)
        at_least("views", self.views, 2)
        one_of("focal", self.focal, ("known", "unknown"))


def whole_image(view: ShardView) -> tuple[np.ndarray, Camera]:
    """The image that a crop was taken from, black outside of it, and its camera."""
    (x0, y0, x1, y1), (width, height) = view.info["crop"], view.info["source"]
    size = view.rgb.shape
    sx, sy = (x1 - x0) / size[1], (y1 - y0) / size[0]
    K = np.array([[sx, 0, x0], [0, sy, y0], [0, 0, 1]]) @ view.camera.K
    # OpenCV counts from the centre of the first pixel.
    paste = np.array([[sx, 0, x0 + (sx - 1) / 2], [0, sy, y0 + (sy - 1) / 2]])
    image = cv2.warpAffine(view.rgb, paste, (width, height), flags=cv2.INTER_LINEAR)
    return image, replace(view.camera, width=width, height=height, K=K)


def write_rig(index: ShardIndex, sample: int, options: CameraFreeOptions, folder: Path) -> Rig:
    """The subject's body views as a rig folder, with boxes.json; returns the true rig."""
    numbers = [j for j, kind in enumerate(index.kinds(sample)) if kind == "body"][: options.views]
    cameras: list[Camera] = []
    boxes: dict[str, list[float]] = {}
    for number, j in enumerate(numbers):
        view = index.view(sample, j)
        image, camera = (view.rgb, view.camera) if options.focal == "known" else whole_image(view)
        camera = replace(camera, name=f"cam{number}")
        box = [0.0, 0.0, camera.width, camera.height] if options.focal == "known" else view.info["crop"]
        boxes[camera.name] = box
        (folder / "images" / camera.name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / camera.name / "000000.png"), image[..., ::-1])
        cameras.append(camera)
    (folder / "boxes.json").write_text(json.dumps(boxes))
    if options.focal == "known":
        blank = [replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in cameras]
        save_rig(Rig(index.key(sample), tuple(blank)), folder)
    return Rig(index.key(sample), tuple(cameras))


def errors(
    index: ShardIndex, sample: int, options: CameraFreeOptions, body: BodyModel, **more: Any
) -> dict[str, Any]:
    """Fit one subject and compare; `more` goes to `fit_rig`."""
    folder = Path(options.out) / index.key(sample)
    true = write_rig(index, sample, options, folder)
    fitted = fit_rig(
        folder, out=folder / "fit", cameras="none", boxes=folder / "boxes.json", box_margin=1.0, **more
    )
    rig = load_rig(folder / "fit" / "rig.json")
    rigs = compare_rigs(rig.cameras, true.cameras)
    with torch.no_grad():
        joints = body.joints(index.params(sample))[0, :22].numpy()
    row = {
        "key": index.key(sample),
        "camera_deg": round(rigs["mean_deg"], 2),
        "camera_mm": round(rigs["mean_up_to_scale_mm"], 1),
        "scale_percent": round(rigs["scale_percent"], 1),
        "pa_mpjpe_mm": round(float(pa_mpjpe(fitted.joints[:1, :22], joints[None])[0]), 1),
        "status": str(fitted.status[0]),
        "doubts": rig.doubts,
    }
    return row if options.focal == "known" else row | focal_errors(rig, true, folder / "fit")


def focal_errors(rig: Rig, true: Rig, fitted: Path) -> dict[str, Any]:
    """Fields of view (degrees), errors of the focal lengths and their stated standard deviation (percent)."""
    report = json.loads((fitted / "rig.report.json").read_text())
    ratio = np.array([a.K[0, 0] / b.K[0, 0] for a, b in zip(rig.cameras, true.cameras, strict=True)])
    return {
        "true_fov_deg": [round(field_of_view(c), 1) for c in true.cameras],
        "fov_deg": round(field_of_view(rig.cameras[0]), 1),
        "focal_percent": round(100 * float(np.abs(ratio - 1).mean()), 1),
        "focal_mean_percent": round(100 * float(ratio.mean() - 1), 1),
        "focal_std_percent": round(float(report["cameras"][0]["focal_std_percent"]), 1),
    }


def run(options: CameraFreeOptions) -> int:
    index, body = ShardIndex(options.shards), load_body()
    rows = []
    for sample in range(min(options.limit, len(index))):
        rows.append(
            errors(index, sample, options, body, save={"mesh": "none", "viewer": False, "report": False})
        )
        print(json.dumps(rows[-1]), flush=True)
        (Path(options.out) / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def main(words: list[str]) -> int:
    command = Subcommand(CameraFreeOptions, __doc__ or "", run)
    return exit_status(lambda: command.run(words or ["--help"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
