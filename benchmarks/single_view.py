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
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from script_words import read_words

from diffproxy.body import BodyModel, load_body
from diffproxy.cameras import Camera, load_rig, open_frames
from diffproxy.datasets.shards import ShardIndex
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.evaluation.single_view_errors import (
    DISTANCE_NAMES,
    SeenBody,
    distance_name,
    overlap_errors,
    place_errors,
    surface_of,
)
from diffproxy.export import load_result
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.generator import DiffProxyPipeline
from diffproxy.generator.test_time_rotation import predict_upright
from diffproxy.geometry.boxes import Box, as_box, box_iou
from diffproxy.metrics import mpjpe, mpvpe, pa_mpjpe
from diffproxy.pipeline.crop_refinement import valid_pixels
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.proxies.flip import flip_table
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.estimator import ROTATION_GAIN, SingleViewEstimator
from diffproxy.single_view.fit_people import FittedPerson, Observed, fit_people
from diffproxy.single_view.focal_length import FocalPrior, focal_prior
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.regress_people import regress_people
from diffproxy.single_view.regressor_weights import load_regressor
from diffproxy.utils.frame_ranges import select_frames
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

JOINTS = 22
SAME_PERSON_IOU = 0.3
FITTED = {"estimated": ("known", "fov60"), "polished": ("polished_known",)}
"""Methods that fit bodies and focal length, and those that go on from them with a given one."""
METHODS = ("network", "network_known", *FITTED, *(n for then in FITTED.values() for n in then))


class Picture(NamedTuple):
    """A crop of a picture with its box in it, and the true body in the picture's camera (metres).

    `camera` is the true one, of which the methods are told the focal length at most: a real one has its principal point
    elsewhere than in the middle.
    """

    key: str
    rgb: np.ndarray
    size: tuple[int, int]
    box: Box
    camera: Camera
    joints: Float[np.ndarray, "55 3"]
    vertices: Float[np.ndarray, "Nv 3"]

    @property
    def focal(self) -> float:
        """The true focal length, pixels."""
        return float(self.camera.K[0, 0])


def pictures(folders: Sequence[str], body: BodyModel, per_bin: int) -> Iterator[Picture]:
    """The first `per_bin` pictures of each range of distances, folder by folder."""
    left = dict.fromkeys(DISTANCE_NAMES, per_bin)
    for folder in folders:
        index = ShardIndex(folder)
        for sample in range(len(index)):
            with torch.no_grad():
                posed = body(index.params(sample))
            joints, vertices = (x[0].double().numpy() for x in (posed.joints, posed.vertices))
            for j, about in enumerate(index.meta(sample)["views"]):
                camera = Camera.from_json(about["camera"])
                seen = joints @ camera.R_cam_world.T + camera.t_cam_world
                where = distance_name(float(seen[0, 2]))
                if about["kind"] != "body" or not left[where]:
                    continue
                left[where] -= 1
                box, size = as_box(about["crop"]), (about["source"][0], about["source"][1])
                focal = float(camera.K[0, 0]) * (box[2] - box[0]) / camera.width
                yield Picture(
                    f"{Path(folder).name}/{index.key(sample)}/{j}",
                    index.view(sample, j).rgb,
                    size,
                    box,
                    picture_camera(*size, focal),
                    seen,
                    vertices @ camera.R_cam_world.T + camera.t_cam_world,
                )


class Estimator:
    """Proxies of a crop, and fits under any belief about the focal length."""

    def __init__(self, body: BodyModel, pipe: Any, flip: bool, coarse: CoarseBodies):
        self.body, self.pipe, self.coarse = body, pipe, coarse
        self.config = FitConfig(**NETWORK_STD, hands=False, max_pixels=300)
        self.keypoints = EncoderKeypointFitter(body, self.config)
        self.table = flip_table(body) if flip else None

    def observe(self, picture: Picture, focal: float) -> Observed:
        camera, size = picture_camera(*picture.size, focal), picture.rgb.shape[0]
        image = torch.from_numpy(picture.rgb.copy()).permute(2, 0, 1)[None].float() / 255
        crop = camera.crop(picture.box, (size, size))
        made = predict_upright(
            self.pipe, image, [crop], ["body"], 0, 1, None, self.table, least_gain=ROTATION_GAIN
        )
        valid = valid_pixels(camera, picture.box, made.proxies.labels.shape[1])[None]
        maps = replace(made.proxies, valid=valid)
        evidence = None if made.keypoints is None else self.keypoints.evidence_in(maps, made.keypoints)
        return Observed(maps, evidence, made.keypoints, (picture.box,))

    def errors(
        self, picture: Picture, seen: Observed, prior: FocalPrior, start: Any = None, network: bool = False
    ) -> tuple[dict, Any]:
        """Errors of one method, and the fitted body."""
        maps = seen.maps
        crop = picture_camera(*picture.size, prior.focal).crop(seen.boxes[0], maps.labels.shape[1:])
        seen = replace(seen, maps=replace(maps, cameras=(crop,)))
        starts, coarse = None if start is None else [start], self.coarse if network else None
        fitted = fit_people([seen], self.body, prior, self.config, starts, coarse)
        return body_row(self.body, picture, fitted.people[0], fitted.focal, fitted.log_std)

    def regressed(self, picture: Picture, seen: Observed, prior: FocalPrior) -> dict[str, Any]:
        """Errors of the regressor alone."""
        camera, side = picture_camera(*picture.size, prior.focal), seen.maps.labels.shape[1]
        found = regress_people(seen.detected, seen.boxes, side, camera, prior, self.coarse)
        return body_row(self.body, picture, found.people[0], found.focal, found.log_std)[0]


def body_row(
    body: BodyModel, picture: Picture, person: FittedPerson, f: float, log_std: float
) -> tuple[dict[str, Any], Any]:
    """Errors of a fitted body and of its focal length, and the fit; only the status where there is no body."""
    if not person.result.has_body:
        return {"status": person.result.status}, None
    with torch.no_grad():
        vertices = body(person.result.params).vertices[0].double().numpy()
    joints = person.result.joints.astype(np.float64)
    row: dict[str, Any] = place_errors(joints[0], picture.joints[0], f, picture.focal)
    mine, true = joints[:JOINTS], picture.joints[:JOINTS]
    surface, assumed = surface_of(body), picture_camera(*picture.size, f)
    row |= {
        "status": person.result.status,
        "mpjpe": float(mpjpe(mine, true, root=0)),
        "pa_mpjpe": float(pa_mpjpe(mine, true)),
        "pve": float(mpvpe(vertices, picture.vertices, (joints[0], picture.joints[0]))),
        **overlap_errors(
            SeenBody(vertices, surface, assumed),
            SeenBody(picture.vertices, surface, picture.camera),
            picture.box,
        ),
        "tz_std": person.depth_std,
        "tz_sigmas": abs(joints[0, 2] - picture.joints[0, 2]) / person.depth_std,
    }
    if log_std > 0:
        row |= {"f_log_std": log_std, "f_sigmas": abs(np.log(f / picture.focal)) / log_std}
    return row, person.result


def translation(
    camera: Camera, points: Float[np.ndarray, "N 3"], pixels: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "3"]:
    """Translation of `points` (metres, camera axes) by linear least squares on x Z = f X: closed form."""
    xy = camera.normalized(pixels)
    A = np.concatenate([np.tile(np.eye(2), (len(xy), 1)), -xy.reshape(-1, 1)], axis=1)
    b = (xy * points[:, 2:] - points[:, :2]).reshape(-1)
    return np.linalg.lstsq(A, b, rcond=None)[0]


def weak_perspective(
    camera: Camera, points: Float[np.ndarray, "N 3"], pixels: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "3"]:
    """Translation of a weak-perspective camera of the crop (scale and shift), moved to the picture's by CLIFF's shift.

    With the scale s in pixels a metre, Tz = f / s; the crop's shift becomes its centre's offset from the picture's.
    """
    flat = points[:, :2] - points[:, :2].mean(0)
    middle = pixels.mean(0)
    s = float((flat * (pixels - middle)).sum() / np.square(flat).sum())
    z = camera.K[0, 0] / s
    xy = (middle - camera.K[:2, 2]) / s - points[:, :2].mean(0)
    return np.array([*xy, z - points[:, 2].mean()])


def baselines(picture: Picture) -> dict[str, tuple[float, Float[np.ndarray, "3"]]]:
    """Focal length and pelvis of each closed form, from the true pose and its exact projection."""
    true = picture.joints[:JOINTS]
    pixels = picture_camera(*picture.size, picture.focal).project(true)
    seen = np.isfinite(pixels).all(-1)  # joints behind the camera have no image
    pixels, local = pixels[seen], (true - true[0])[seen]
    out = {}
    for name, f in focal_lengths(picture.size).items():
        camera = picture_camera(*picture.size, f)
        out[f"{name}_true"] = (f, translation(camera, local, pixels))
        if name == "diagonal":
            out["cliff_true"] = (f, weak_perspective(camera, local, pixels))
    return out


def focal_lengths(size: tuple[int, int]) -> dict[str, float]:
    """The usual guesses, pixels."""
    return {"fov60": max(size) / 2 / np.tan(np.radians(30)), "diagonal": float(np.hypot(*size))}


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
    truth, frames = load_result(result), open_frames(folder, load_rig(folder))
    body, pipe, detector = estimator.body, estimator.pipe, PersonDetector.packaged()
    generate = GenerateConfig(
        size=int(pipe.network.config.image_size), steps=0, hands=False, tta_flip=estimator.table is not None,
        tta_rotation=True, rotation_gain=ROTATION_GAIN,
    )  # fmt: skip
    finder = SingleViewEstimator(body, pipe, detector, generate, estimator.config)
    for frame_id in select_frames(chosen, truth.frame_ids.tolist()):
        row = truth.frame_ids.tolist().index(frame_id)
        with torch.no_grad():
            vertices = body(truth.body_params(np.array([row]))).vertices[0].double().numpy()
        for image, camera in zip(frames.read(frame_id), frames.cameras, strict=True):
            R, t = camera.R_cam_world, camera.t_cam_world
            pixels = camera.project(vertices)
            own = replace(camera, R_cam_world=np.eye(3), t_cam_world=np.zeros(3))
            (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
            picture = Picture(
                f"{camera.name}/{frame_id}", image, (camera.width, camera.height), (x0, y0, x1, y1),
                own, truth.joints[row] @ R.T + t, vertices @ R.T + t,
            )  # fmt: skip
            found = [s.box for s in finder.detect(image) if box_iou(s.box, picture.box) >= SAME_PERSON_IOU]
            if not found:
                yield picture, {m: {"status": "no_person"} for m in methods}
                continue
            assumed = picture_camera(*picture.size, focal_prior(*picture.size).focal)
            seen = finder.observe(image, assumed, found[0], Stopwatch())
            rows, bodies = judge(picture, estimator, seen, methods)
            if overlays and "polished" in bodies:
                best = bodies["polished"]
                f = picture.focal * (1 + rows["polished"]["f_signed_percent"] / 100)
                with torch.no_grad():
                    painted = {0: body(best.params).vertices[0].numpy()}
                painter = PeoplePainter(painted, body.faces.numpy())
                drawn = painter.draw(image, picture_camera(*picture.size, f))
                save_image(Path(overlays) / f"{camera.name}_{frame_id:06d}.jpg", drawn)
            yield picture, rows


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
