"""Accuracy of camera calibration from the body, on synthetic people with known cameras. JSON out.

    python benchmarks/calibrate.py rigs=10 frames=1 views=4 start=rough|none noise=none|uv|bad|severe [known=height]

Every rig sees one person of random shape in `frames` poses of the held-out part of the pose bank, standing within a
metre of the centre. start=rough: each camera is rotated by `degrees` (5) about a random axis and moved by `metres`
(0.1). start=none: only the image sizes are known, and the focal lengths, unless focal=guess, which starts them at a
field of view of 60 degrees whatever they are. known: height (of the person), distance (of the first two cameras) or
nothing (the scale is that of an average body). noise as in fit_scenes.py.

Errors: rotation of each camera and position of each camera, after the estimated rig was aligned to the true
one rigidly ("rigid", scale included in the error) or by a similarity ("up_to_scale"). Worst camera of each rig; median
and worst over rigs. "before": the same for the start.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

import numpy as np
import torch
from fit_scenes import Scene, corrupt, random_params, ring
from scipy.spatial.transform import Rotation
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.calibration import CalibrationConfig, calibrate
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.terms import body_height
from diffproxy.cameras import Camera
from diffproxy.cameras.predicted import guessed_cameras
from diffproxy.proxies import ProxyMaps, render_proxies

WORDS = [
    "degrees",
    "first",
    "focal",
    "frames",
    "known",
    "metres",
    "noise",
    "rigs",
    "size",
    "start",
    "threads",
    "verbose",
    "views",
]


def perturbed(camera: Camera, rng: np.random.Generator, degrees: float, metres: float) -> Camera:
    """Rotated about its centre and moved by these amounts in random directions."""
    axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    R = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix() @ camera.R_cam_world
    return replace(camera, R_cam_world=R, t_cam_world=-R @ (camera.center_world + metres * way))


def scene(
    body: BodyModel, rng: np.random.Generator, frames: int, views: int, size: int, noise: str
) -> tuple[list[ProxyMaps], tuple[Camera, ...], float]:
    """Proxies of one person in several poses, true cameras, and the person's height."""
    betas = (first := random_params(rng)).betas
    people = [first, *(random_params(rng).replace(betas=betas) for _ in range(frames - 1))]
    with torch.no_grad():
        posed = [body(p) for p in people]
    vertices, joints = ([getattr(p, k)[0].numpy() for p in posed] for k in ("vertices", "joints"))
    cameras = ring(np.concatenate(vertices), views, size)
    scenes = [
        Scene(k, *shown, render_proxies(body, shown[1], cameras))
        for k, shown in enumerate(zip(people, vertices, joints, strict=True))
    ]
    maps = [corrupt(s, body, noise, rng) for s in scenes]
    return maps, cameras, body_height(body, betas[0])


def one_rig(body: BodyModel, k: int, given: dict[str, str]) -> dict[str, float]:
    """Rig k calibrated: errors of the cameras before and after, stated deviations, seconds."""
    rng = np.random.default_rng(k)
    maps, true, height = scene(
        body, rng, int(given["frames"]), int(given["views"]), int(given["size"]), given["noise"]
    )
    start = first_cameras(true, rng, given)
    if given["focal"] != "known":
        maps = [replace(m, cameras=start) for m in maps]
    a, b = true[0].center_world, true[1].center_world
    config = CalibrationConfig(
        rough=given["start"] == "rough",
        focal=given["focal"] != "known",
        focal_std=0.3,
        common_focal=given["focal"] == "guess_common",
        height=height if given["known"] == "height" else None,
        distance=(true[0].name, true[1].name, float(np.linalg.norm(a - b)))
        if given["known"] == "distance"
        else None,
    )
    began, cpu = time.perf_counter(), time.process_time()
    found = calibrate(maps, start, body, config)
    row = {"rig": k, "seconds": time.perf_counter() - began, "sigma_mm": 1000 * found.sigma}
    row["cpu_seconds"] = time.process_time() - cpu
    row |= compare_rigs(found.cameras, true)
    row |= {f"before_{n}": v for n, v in compare_rigs(start, true).items()}
    row["stated_deg"] = max(r.rotation_std_deg for r in found.reports)
    row["stated_mm"] = max(r.translation_std_mm for r in found.reports)
    row["height_error_mm"] = 1000 * (found.height - height)
    row["focal_percent"] = 100 * max(
        abs(f.K[0, 0] / t.K[0, 0] - 1) for f, t in zip(found.cameras, true, strict=True)
    )
    if given.get("verbose") == "1":
        print({n: round(v, 3) for n, v in row.items()}, found.notes, file=sys.stderr)
    return row


def first_cameras(
    true: tuple[Camera, ...], rng: np.random.Generator, given: dict[str, str]
) -> tuple[Camera, ...]:
    """What the calibration starts from: disturbed cameras, or none, with the true focal lengths or guessed ones."""
    if given["start"] == "rough":
        return tuple(perturbed(c, rng, float(given["degrees"]), float(given["metres"])) for c in true)
    neutral = tuple(replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in true)
    return neutral if given["focal"] == "known" else guessed_cameras(neutral)


def main(words: list[str]) -> dict:
    given = {"rigs": "10", "frames": "1", "views": "4", "start": "rough", "noise": "none", "size": "256",
             "degrees": "5", "metres": "0.1", "known": "nothing", "focal": "known", "first": "0"}  # fmt: skip
    given |= read_words(words, WORDS)
    torch.set_num_threads(int(given.get("threads", torch.get_num_threads())))
    body, first = load_body("anny"), int(given["first"])
    rows = [one_rig(body, k, given) for k in tqdm(range(first, first + int(given["rigs"])), disable=None)]
    names = [n for n in rows[0] if n != "rig" and np.isfinite([r[n] for r in rows]).all()]
    table = {n: np.abs([r[n] for r in rows]) for n in names}
    return {
        "options": given,
        **{
            n: {"median": round(float(np.median(v)), 3), "worst": round(float(v.max()), 3)}
            for n, v in table.items()
        },
        "within_half_degree_and_1cm": int(((table["rigid_deg"] < 0.5) & (table["rigid_mm"] < 10)).sum()),
        "within_1_degree": int((table["rigid_deg"] < 1.0).sum()),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
