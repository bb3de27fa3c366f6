"""`fit.py cameras=none` on rendered subjects, as a user calls it: cameras and body against the truth. JSON out.

    python benchmarks/camera_free.py shards=shards/test limit=4 out=out/camera_free

Every subject becomes a rig folder of its body crops; its calibration holds their focal lengths and principal points,
which nobody could guess for crops, and no poses. One JSON line a subject, and all in out/rows.json: mean errors of the
cameras (aligned; positions up to scale) and of the scale, of the joints after Procrustes alignment, and what the run
doubts.
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
from diffproxy.cameras import Rig, load_rig, save_rig
from diffproxy.datasets.shards import ShardIndex
from diffproxy.metrics.points import pa_mpjpe
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import Subcommand, at_least, option
from diffproxy.utils.shared_options import SHARDS


@dataclass
class CameraFreeOptions:
    shards: str = SHARDS("shards/test")
    limit: int = option(4, "so many subjects", section="Input")
    views: int = option(4, "body views of each", section="Input")
    out: str = option("out/camera_free", "folder for rigs, runs and rows.json", "DIR", "Output")

    def __post_init__(self) -> None:
        at_least("limit", self.limit, 1)
        at_least("views", self.views, 2)


def write_rig(index: ShardIndex, sample: int, options: CameraFreeOptions, folder: Path) -> Rig:
    """The subject's body views as a rig folder; returns the true rig."""
    numbers = [j for j, kind in enumerate(index.kinds(sample)) if kind == "body"][: options.views]
    cameras = []
    for number, j in enumerate(numbers):
        view = index.view(sample, j)
        camera = replace(view.camera, name=f"cam{number}")
        (folder / "images" / camera.name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / camera.name / "000000.png"), view.rgb[..., ::-1])
        cameras.append(camera)
    blank = [replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in cameras]
    save_rig(Rig(index.key(sample), tuple(blank)), folder)
    return Rig(index.key(sample), tuple(cameras))


def errors(
    index: ShardIndex, sample: int, options: CameraFreeOptions, body: BodyModel, **more: Any
) -> dict[str, Any]:
    """Fit one subject and compare; `more` goes to `fit_rig`."""
    folder = Path(options.out) / index.key(sample)
    true = write_rig(index, sample, options, folder)
    fitted = fit_rig(folder, out=folder / "fit", cameras="none", boxes="full", box_margin=1.0, **more)
    rig = load_rig(folder / "fit" / "rig.json")
    rigs = compare_rigs(rig.cameras, true.cameras)
    with torch.no_grad():
        joints = body.joints(index.params(sample))[0, :22].numpy()
    return {
        "key": index.key(sample),
        "camera_deg": round(rigs["mean_deg"], 2),
        "camera_mm": round(rigs["mean_up_to_scale_mm"], 1),
        "scale_percent": round(rigs["scale_percent"], 1),
        "pa_mpjpe_mm": round(float(pa_mpjpe(fitted.joints[:1, :22], joints[None])[0]), 1),
        "status": str(fitted.status[0]),
        "doubts": rig.doubts,
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
