"""Keypoints of the encoder: positions on the body, accuracy, and effect on the fit.

    python benchmarks/encoder_keypoints.py measure shards=shards/train subjects=100
    python benchmarks/encoder_keypoints.py compare shards=shards/test subjects=12 generator=FOLDER

`measure` prints the offset of each keypoint from its joint (`keypoints/landmarks.py`, ENCODER_OFFSETS) and the robust
deviation by confidence (`encoders/movenet_keypoints.py`, DEVIATION_256). `compare` fits the same proxies of every
subject with and without the keypoints: paired errors in mm (no hands, no test-time rotation), JSON out.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.body.names import BODY_JOINTS, JOINT_NAMES, NUM_JOINTS
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import ShardIndex
from diffproxy.encoders.movenet_keypoints import CONFIDENCE_BINS, decode_keypoints
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.generator import DiffProxyPipeline
from diffproxy.generator.network.encoders import MoveNetEncoder
from diffproxy.keypoints.landmarks import ENCODER_OFFSETS
from diffproxy.keypoints.layouts import COCO17
from diffproxy.metrics.points import body_errors
from diffproxy.proxies.flip import flip_table

WORDS = ["generator", "out", "shards", "subjects"]

RAYLEIGH_MEDIAN = 1.1774  # median length of a 2D normal vector with deviation 1 along each axis
LIMBS = ("elbow", "wrist", "knee", "ankle")
ROBUST_SCALE = 0.05  # metres
MIN_CONFIDENCE = 0.35  # of the keypoints that offsets are fitted to


def subjects(shards: str, count: int, views: int = 4) -> Iterator[tuple[torch.Tensor, list[Camera], Any]]:
    """Body crops (V, 3, S, S) in [0, 1], their cameras and the true parameters."""
    index = ShardIndex(shards)
    for s in tqdm(range(min(count, len(index))), desc="subjects"):
        rows = [j for j, kind in enumerate(index.kinds(s)) if kind == "body"][:views]
        shown = [index.view(s, j) for j in rows]
        images = torch.from_numpy(np.stack([v.rgb for v in shown])).permute(0, 3, 1, 2).float() / 255
        yield images, [v.camera for v in shown], index.params(s)


def joint_frames(body: BodyModel, params: Any) -> tuple[Float[np.ndarray, "J 3"], Float[np.ndarray, "J 3 3"]]:
    """Joints in the world and the frames that move with them (columns: the axes of the rest pose, times scale)."""
    out, step = copy.deepcopy(body), 0.1
    places = [torch.zeros(3), *(step * torch.eye(3))]
    out.v_template = torch.cat([body.joint_template + p for p in places])
    out.shapedirs, out.weights = torch.cat([body.joint_shapedirs] * 4), torch.cat([torch.eye(NUM_JOINTS)] * 4)
    if body.posedirs is not None:
        out.posedirs = torch.zeros(4 * NUM_JOINTS, *body.posedirs.shape[1:])
    with torch.no_grad():
        origin, *ends = out(params).vertices[0].double().numpy().reshape(4, NUM_JOINTS, 3)
    return origin, np.stack([(e - origin) / step for e in ends], -1)


def measure(shards: str, count: int) -> dict[str, Any]:
    """Offsets in mm, mirrored to the left side, and robust deviations by confidence."""
    encoder, body = MoveNetEncoder().eval().requires_grad_(False), load_body("anny")
    encoder.net.load_published()
    rows: dict[str, list[tuple[np.ndarray, np.ndarray, float, float]]] = {
        part: [] for part in ENCODER_OFFSETS
    }
    for images, cameras, params in subjects(shards, count):
        joints, frames = joint_frames(body, params)
        size = images.shape[-1]
        with torch.inference_mode():
            points = decode_keypoints(encoder(images).joint_maps).numpy()
        for camera, shown in zip(cameras, points, strict=True):
            for name, (x, y, confidence) in zip(COCO17, shown, strict=True):
                side, _, part = name.rpartition("_")
                joint, frame = (
                    JOINT_NAMES.index(n if n in JOINT_NAMES else f"{side}_{n}")
                    for n in ENCODER_OFFSETS[part][:2]
                )
                x_cam = camera.R_cam_world @ joints[joint] + camera.t_cam_world
                pixel = camera.project(joints[joint][None])[0]
                if confidence < 0.1 or not (pixel.min() > 0 and pixel.max() < size):
                    continue
                unit = x_cam[2] / np.sqrt(camera.K[0, 0] * camera.K[1, 1])
                J = camera.R_cam_world @ frames[frame]
                J = J[:2] - (x_cam[:2] / x_cam[2])[:, None] * J[2:]
                if side == "right":
                    J = J * [-1, 1, 1]
                rows[part].append(
                    (J, (np.array([x, y]) * size - pixel) * unit, confidence, unit * size / 256)
                )
    found: dict[str, Any] = {}
    limbs: list[np.ndarray] = []
    for part, seen in rows.items():
        J, error, confidence, unit = (np.array(a) for a in zip(*seen, strict=True))
        offset, weight = np.zeros(3), (confidence >= MIN_CONFIDENCE).astype(float)
        for _ in range(20):
            H = np.einsum("nij,nik,n->jk", J, J, weight) + 1e-6 * np.eye(3)
            offset = np.linalg.solve(H, np.einsum("nij,ni,n->j", J, error, weight))
            left = np.linalg.norm(error - J @ offset, axis=1)
            weight = (confidence >= MIN_CONFIDENCE) / (1 + (left / ROBUST_SCALE) ** 2) ** 2
        sharp = confidence > 0.8
        found[part] = {
            "offset_mm": (1000 * offset).round(1).tolist(),
            "deviation_mm_confidence_above_0.8": round(
                1000 * float(np.median(left[sharp])) / RAYLEIGH_MEDIAN, 1
            ),
        }
        if part in LIMBS:
            limbs.append(np.stack([confidence, left / unit], 1))
    pairs = np.concatenate(limbs)
    bins = np.digitize(pairs[:, 0], np.arange(0.2, 0.85, 0.1))
    deviation = [float(np.median(pairs[bins == b, 1])) / RAYLEIGH_MEDIAN for b in range(len(CONFIDENCE_BINS))]
    return {"parts": found, "confidence": CONFIDENCE_BINS, "deviation_256": np.round(deviation, 1).tolist()}


def compare(shards: str, count: int, generator: str) -> dict[str, Any]:
    """Errors of fits to the same proxies, without and with keypoints."""
    pipe, body, config = (
        DiffProxyPipeline.from_pretrained(generator),
        load_body("anny"),
        FitConfig(hands=False),
    )
    fitter, table = EncoderKeypointFitter(body, config), flip_table(body)
    rows = []
    for images, cameras, params in subjects(shards, count):
        output = pipe(images, cameras, num_inference_steps=0, flip=table)
        assert output.keypoints is not None, "the generator's encoder has no keypoint heads"
        with torch.no_grad():
            true = body(params)
        row: dict[str, Any] = {}
        for name in ("without", "with"):
            began = time.perf_counter()
            result = (
                fit(output.proxies, body, config)
                if name == "without"
                else fitter.fit(output.proxies, output.keypoints)
            )
            with torch.no_grad():
                got = body(result.params)
            body_joints = [x.joints[:, BODY_JOINTS] for x in (got, true)]
            points = [p.numpy() for p in (*body_joints, got.vertices, true.vertices)]
            errors = {k: float(v[0]) for k, v in body_errors(*points).items()}
            row[name] = {"status": result.status, "seconds": time.perf_counter() - began, **errors}
        rows.append(row)
    summary: dict[str, Any] = {"subjects": len(rows)}
    for key in ("mpjpe", "mpvpe", "pa_mpjpe", "seconds"):
        without, with_ = (np.array([r[n][key] for r in rows]) for n in ("without", "with"))
        change = with_ - without
        summary[key] = {
            "without": round(float(without.mean()), 2), "with": round(float(with_.mean()), 2),
            "change": round(float(change.mean()), 2),
            "standard_error": round(float(change.std(ddof=1) / np.sqrt(len(rows))), 2),
            "better": int((change < 0).sum()),
        }  # fmt: skip
    return {"summary": summary, "subjects": rows}


def main(words: list[str]) -> dict[str, Any]:
    given = {"subjects": "12", "generator": "nano", "out": ""} | read_words(words[1:], WORDS)
    if words[0] == "measure":
        report = measure(given["shards"], int(given["subjects"]))
    else:
        report = compare(given["shards"], int(given["subjects"]), given["generator"])
    if given["out"]:
        Path(given["out"]).parent.mkdir(parents=True, exist_ok=True)
        Path(given["out"]).write_text(json.dumps(report, indent=1))
    return report.get("summary", report)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1:]), indent=1) + "\n")
