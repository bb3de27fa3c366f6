"""How often a fit is called doubtful, failed or no_person: on good inputs (false alarms) and on spoilt rigs. JSON.

    python benchmarks/false_alarms.py shards=DIR subjects=200 views=4 out=FILE [spoilt=false]

Good: held-out subjects through the packaged network and the fit. Spoilt: the same subjects with images of two views
exchanged, all images mirrored, one camera rolled or panned by 10 degrees, one image in all cameras, noise, an empty
room, and all positions scaled by 1.5. Each row lists the status, the reason and the mean joint error.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.pipeline import inputs
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.pipeline.fit_frame import first_fit, fit_frame
from diffproxy.pipeline.fit_rig import fit_config
from diffproxy.pipeline.generate_proxies import generate_proxies
from diffproxy.utils.options import option, parse_options
from diffproxy.utils.timing import Stopwatch

Views = tuple[list[np.ndarray], list[Camera]]


@dataclass
class Options:
    shards: str = option("", "held-out shards", "DIR")
    subjects: int = option(200, "how many")
    first: int = option(0, "subjects left out at the start")
    views: int = option(4, "body crops of each")
    spoilt: bool = option(True, "also spoilt rigs")
    out: str = option("", "JSON to write", "FILE")


def _rolled(camera: Camera, axis: int, degrees: float) -> Camera:
    """The camera turned about one of its own axes, its centre kept."""
    angle, rotvec = np.radians(degrees), np.zeros(3)
    rotvec[axis] = angle
    import cv2

    turn = cv2.Rodrigues(rotvec)[0]
    return replace(camera, R_cam_world=turn @ camera.R_cam_world, t_cam_world=turn @ camera.t_cam_world)


def spoilers(rng: np.random.Generator) -> dict[str, Callable[[Views], Views]]:
    """Name -> what is done to images and cameras."""

    def noise(image: np.ndarray) -> np.ndarray:
        return rng.integers(0, 256, image.shape, dtype=np.uint8)

    return {
        "exchanged": lambda v: ([v[0][1], v[0][0], *v[0][2:]], v[1]),
        "mirrored": lambda v: ([np.ascontiguousarray(i[:, ::-1]) for i in v[0]], v[1]),
        "rolled by 10": lambda v: (v[0], [_rolled(v[1][0], 2, 10), *v[1][1:]]),
        "panned by 10": lambda v: (v[0], [_rolled(v[1][0], 1, 10), *v[1][1:]]),
        "one image": lambda v: ([v[0][0]] * len(v[0]), v[1]),
        "noise": lambda v: ([noise(i) for i in v[0]], v[1]),
        "empty": lambda v: ([np.full_like(i, 128) for i in v[0]], v[1]),
        "scaled by 1.5": lambda v: (v[0], [replace(c, t_cam_world=1.5 * c.t_cam_world) for c in v[1]]),
    }


def measure(options: Options) -> dict[str, Any]:
    """All rows, and the share of each status by kind."""
    defaults = EvaluateOptions()
    body = inputs.open_body(defaults.body)
    pipe = inputs.open_generator(defaults.generator, inputs.pick_device("auto"))
    index = ShardIndex(options.shards)
    rows = []
    last = min(options.first + options.subjects, len(index))
    for sample in tqdm(range(options.first, last), unit="subject"):
        numbers = [j for j, kind in enumerate(index.kinds(sample)) if kind == "body"][: options.views]
        views = [index.view(sample, j) for j in numbers]
        good = ([v.rgb for v in views], [v.camera for v in views])
        with torch.no_grad():
            truth = body.joints(index.params(sample))[0].numpy()
        kinds = {"good": lambda v: v} | (spoilers(np.random.default_rng(sample)) if options.spoilt else {})
        for kind, spoil in kinds.items():
            rows.append(
                {"key": index.key(sample), "kind": kind} | _fit(spoil(good), truth, body, pipe, defaults)
            )
    return {"summary": _summary(rows), "rows": rows}


def _fit(
    views: Views, truth: np.ndarray, body: BodyModel, pipe: Any, options: EvaluateOptions
) -> dict[str, Any]:
    images, cameras = views
    config = fit_config(options.solver, options.hands, options.prior)
    boxes = [whole_image_box(c) for c in cameras]
    generate = inputs.generate_config(options, pipe, 1.0)
    clock = Stopwatch()
    made = generate_proxies(pipe, body, images, cameras, boxes, generate, clock, first_fit(body, config))
    found = fit_frame(0, made, body, config, clock=clock, encoder=EncoderKeypointFitter(body, config))
    row = {"status": found.status, "reason": found.reason}
    if found.has_body:
        error = np.linalg.norm(found.joints[0] - truth, axis=-1)[:22].mean()
        row |= {"error_mm": 1000 * float(error), "views": found.info["views"]}
        row |= {k: found.info[k] for k in ("residual_mm", "overlap", "head_to_ankle_m") if k in found.info}
    return row


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        alarms = sum(row["status"] != "ok" for row in mine)
        out[kind] = {
            "count": len(mine),
            "status": dict(Counter(row["status"] for row in mine)),
            "not ok": alarms / len(mine),
        }
    return out


def main() -> None:
    options = parse_options(Options, sys.argv[1:], ("shards", "out"))
    report = measure(options)
    Path(options.out).write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report["summary"], indent=1))


if __name__ == "__main__":
    main()
