"""One picture alone on subjects whose body and camera are known: depth, focal length and pose by distance. JSON out.

    python -m render_synth out=shards/near seed=4003 split=test views=2 full_frames=2 hand_crops=0 size=512 \\
        samples_per_pixel=4 random_orientation_fraction=0.25 phone_fraction=0.25 desk_fraction=0.1 subjects=60
    python benchmarks/single_view.py shards=shards/near,shards/test per_bin=12 out=out/single_view.jsonl
    python fit.py rig=pose2sim frames=0:100:10 generator.steps=0 out=out/real_rig
    python benchmarks/single_view.py rig=downloads/pose2sim result=out/real_rig/result.npz overlays=out/single_rig \\
        frames=0,20,40

`rig`: each camera of a real rig alone, whole frames with everybody in them, against the bodies of a fit to all cameras;
`overlays`: folder of the drawn pictures; `frames`: only these. `shards`: crops of held-out subjects (several folders
with commas); every crop is a picture of its own, of which the box of the person and the size of the whole frame are
known. `per_bin`: the first N crops of each range of distances. `flip=true` (default): proxies averaged with those of
the flipped crop. `out`: all numbers of each picture. `methods`: only these, with commas. `network`: another file of
weights of the regressor.

Methods on the same pictures and the same proxies:
  network        the body regressor alone (`polish=false`), with the prior on usual lenses
  network_known  the same with the true focal length
  estimated      one focal length and body by Gauss-Newton from the closed form (`start=closed_form`), same prior
  polished       the same from the closed form and the regressor's body, whichever ends lower (the default)
  known          as `estimated` with the true focal length
  polished_known as `polished` with the true focal length
  fov60          the same fitter with a field of view of 60 degrees along the longer side
  fov60_true     only the translation, by least squares from the true pose and size and exact 2D joints: the best that
                 this focal length allows
  diagonal_true  the same with f = sqrt(W² + H²)
  cliff_true     weak perspective (scale and shift of the crop) with f = sqrt(W² + H²) and CLIFF's shift, from the same

Numbers by distance of the pelvis: "tz_m" mean |Tz - Tz*|, "tz_percent" of it in Tz*, "tz_signed_percent" with its sign
(positive: too far), "inv_tz" mean |1/Tz - 1/Tz*|, "xy_m" mean distance of (Tx, Ty), "f_percent" mean |f - f*| / f*,
"mpjpe", "pve" (mm, pelvis aligned), "pa_mpjpe", "miou" of the silhouettes in the crop and "pmiou" of SMPL's 24 parts,
"tz_within_1_std", "tz_within_2_std" shares of Tz within the stated deviations, and "f_within_1_std" and 2 of log f.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from script_words import read_words
from single_view_baselines import baselines, focal_lengths
from single_view_fits import Estimator
from single_view_pictures import Picture, pictures, rig_pictures

from diffproxy.body import BodyModel, load_body
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.evaluation.single_view_errors import DISTANCE_NAMES, distance_name, place_errors
from diffproxy.fitting import FitResult
from diffproxy.generator import DiffProxyPipeline
from diffproxy.geometry.boxes import box_iou
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.estimator import ROTATION_GAIN, SingleViewEstimator
from diffproxy.single_view.fit_people import Observed
from diffproxy.single_view.focal_length import FocalPrior, focal_prior
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.regressor_weights import load_regressor
from diffproxy.utils.timing import Stopwatch
from diffproxy.visualization import PeoplePainter, save_image

WORDS = [
    "flip",
    "frames",
    "generator",
    "methods",
    "network",
    "out",
    "overlays",
    "per_bin",
    "result",
    "rig",
    "shards",
]

SAME_PERSON_IOU = 0.3
FITTED = {"estimated": ("known", "fov60"), "polished": ("polished_known",)}
"""Methods that fit bodies and focal length, and those that go on from them with a given one."""
METHODS = ("network", "network_known", *FITTED, *(n for then in FITTED.values() for n in then))


def judge(
    picture: Picture, estimator: Estimator, seen: Observed, methods: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The chosen methods on one picture, and the bodies that were fitted.

    With a known or fixed focal length, fits start from the estimated body.
    """
    prior = focal_prior(*picture.size)
    known = FocalPrior(picture.focal, 0.0, "given", fixed=True)
    fov60 = FocalPrior(focal_lengths(picture.size)["fov60"], 0.0, "given", fixed=True)
    rows, bodies = {}, {}
    for name, belief in {"network": prior, "network_known": known}.items():
        if name in methods:
            rows[name] = estimator.regressed(picture, seen, belief)
    for name, then in FITTED.items():
        chosen = [n for n in then if n in methods]
        if name not in methods and not chosen:
            continue
        network = name == "polished"
        rows[name], body = estimator.errors(picture, seen, prior, network=network)
        if body is None:
            continue
        bodies[name] = body
        for n in chosen:
            belief = fov60 if n == "fov60" else known
            shift = body.joints[0, 2] * (belief.focal / prior.focal - 1)
            start = body.params.replace(transl=body.params.transl + torch.tensor([[0, 0, float(shift)]]))
            rows[n] = estimator.errors(picture, seen, belief, start, network)[0]
    true = (picture.joints[0], picture.focal)
    rows |= {name: place_errors(at, true[0], f, true[1]) for name, (f, at) in baselines(picture).items()}
    return rows, bodies


def table(rows: list[tuple[float, dict[str, dict[str, Any]]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Method -> distance -> means."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for depth, methods in rows:
        for name, row in methods.items():
            groups[name, distance_name(depth)].append(row)
            groups[name, "all"].append(row)
    out: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for (name, where), found in sorted(groups.items(), key=lambda g: (*DISTANCE_NAMES, "all").index(g[0][1])):
        fitted = [r for r in found if "tz_m" in r]
        means: dict[str, float] = {"pictures": len(found), "with_body": len(fitted)}
        for key in fitted[0] if fitted else ():
            if isinstance(fitted[0][key], float):
                means[key] = round(float(np.mean([r[key] for r in fitted])), 3)
        for key in ("tz", "f"):
            if fitted and f"{key}_sigmas" in fitted[0]:
                sigmas = np.array([r[f"{key}_sigmas"] for r in fitted])
                means |= {f"{key}_within_{n}_std": round(float((sigmas < n).mean()), 3) for n in (1, 2)}
        out[name][where] = means
    return dict(out)


def shard_rows(
    folders: Sequence[str], per_bin: int, estimator: Estimator, methods: Sequence[str]
) -> Iterator[tuple[Picture, dict]]:
    """Crops of held-out subjects."""
    for picture in pictures(folders, estimator.body, per_bin):
        seen = estimator.observe(picture, focal_prior(*picture.size).focal)
        yield picture, judge(picture, estimator, seen, methods)[0]


def rig_rows(
    folder: str, result: str, estimator: Estimator, methods: Sequence[str], overlays: str, chosen: str
) -> Iterator[tuple[Picture, dict]]:
    """Every camera of a rig alone, from whole frames, against the bodies of a fit to all cameras."""
    finder = finder_of(estimator)
    for picture in rig_pictures(folder, result, estimator.body, chosen):
        found = [s.box for s in finder.detect(picture.rgb) if box_iou(s.box, picture.box) >= SAME_PERSON_IOU]
        if not found:
            yield picture, {m: {"status": "no_person"} for m in methods}
            continue
        assumed = picture_camera(*picture.size, focal_prior(*picture.size).focal)
        seen = finder.observe(picture.rgb, assumed, found[0], Stopwatch())
        rows, bodies = judge(picture, estimator, seen, methods)
        if overlays and "polished" in bodies:
            f = picture.focal * (1 + rows["polished"]["f_signed_percent"] / 100)
            camera, frame = picture.key.split("/")
            draw(
                Path(overlays) / f"{camera}_{int(frame):06d}.jpg",
                picture,
                estimator.body,
                bodies["polished"],
                f,
            )
        yield picture, rows


def finder_of(estimator: Estimator) -> SingleViewEstimator:
    """The people of whole frames, with the proxies and settings of the estimator."""
    generate = GenerateConfig(
        size=int(estimator.pipe.network.config.image_size), steps=0, hands=False,
        tta_flip=estimator.table is not None, tta_rotation=True, rotation_gain=ROTATION_GAIN,
    )  # fmt: skip
    detector = PersonDetector.packaged()
    return SingleViewEstimator(estimator.body, estimator.pipe, detector, generate, estimator.config)


def draw(path: Path, picture: Picture, body: BodyModel, found: FitResult, focal: float) -> None:
    """The fitted body over its picture, seen with the estimated focal length."""
    with torch.no_grad():
        painted = {0: body(found.params).vertices[0].numpy()}
    painter = PeoplePainter(painted, body.faces.numpy())
    save_image(path, painter.draw(picture.rgb, picture_camera(*picture.size, focal)))


def main(words: list[str]) -> dict[str, Any]:
    given = read_words(words, WORDS)
    body = load_body("anny")
    pipe = DiffProxyPipeline.from_pretrained(given.get("generator", "nano"))
    coarse = CoarseBodies(body, load_regressor(given.get("network")))
    estimator = Estimator(body, pipe, given.get("flip", "true") == "true", coarse)
    methods = given["methods"].split(",") if "methods" in given else METHODS
    judged: Iterator[tuple[Picture, dict]]
    if "rig" in given:
        overlays, chosen = given.get("overlays", ""), given.get("frames", "all")
        judged = rig_rows(given["rig"], given["result"], estimator, methods, overlays, chosen)
    else:
        folders, per_bin = given["shards"].split(","), int(given.get("per_bin", "12"))
        judged = shard_rows(folders, per_bin, estimator, methods)
    rows, lines = [], []
    for picture, found in judged:
        rows.append((float(picture.joints[0, 2]), found))
        lines.append({"key": picture.key, "depth": rows[-1][0], "focal": picture.focal, **found})
        if out := given.get("out"):
            Path(out).write_text("\n".join(json.dumps(line) for line in lines))
        sys.stderr.write(f"{picture.key} {rows[-1][0]:.2f} m: {json.dumps(rows[-1][1])}\n")
    return table(rows)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
