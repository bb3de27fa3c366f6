"""Effect of sequence fitting: accuracy, jitter, foot slide, seconds, on motion with known truth. JSON out.

    python benchmarks/sequence.py motion=DIR clip=cmu_02_01 frames=100 noise=none

A captured clip, applied to a body of random shape, is rendered as exact proxies of four cameras (256²) and corrupted.
noise: none | uv (2 cm smooth, 1 cm rough, independent in every frame) | gaps (uv, and the left arm hidden for 12
frames, three frames empty). `clip` is the beginning of a file name; fps=30 resamples the clip to that rate.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from corruption import drop_labels, uv_noise
from fit_scenes import look_at
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.body.names import BODY_JOINTS
from diffproxy.cameras import Camera
from diffproxy.fitting import FitConfig, fit_many
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.fitting.sequence.contacts import Floor, find_floor, foot_slide, jitter, standing_heights
from diffproxy.fitting.sequence.fit_sequence import fit_sequence
from diffproxy.motion.clip import Motion
from diffproxy.motion.pose_bank.collect import collect_bodies
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.utils.errors import InputError

WORDS = ["alone", "clip", "fps", "frames", "hands", "more", "motion", "noise", "seed", "views"]

UP = np.array([0.0, 1.0, 0.0])


def truth_of(motion: Motion, frames: int, fps: float, seed: int) -> BodyParams:
    """The clip on a body of random shape."""
    motion = motion[:: max(1, round(motion.fps / fps))][:frames]
    rng = np.random.default_rng(seed)
    parts = {k: torch.as_tensor(getattr(motion, k)).float() for k in ("global_orient", "body_pose", "transl")}
    betas = torch.as_tensor(rng.normal(size=(1, 10))).float().expand(len(motion), -1)
    return BodyParams.rest(len(motion)).replace(betas=betas.contiguous(), **parts)


def cameras_around(vertices: np.ndarray, views: int) -> list[Camera]:
    """Fixed cameras in whose images the whole path is."""
    low, high = vertices.min((0, 1)), vertices.max((0, 1))
    center, radius = (low + high) / 2, 0.55 * float(np.linalg.norm(high - low))
    angles = np.arange(views) * 2 * np.pi / views + 0.3
    reach = 2.2 * radius + 1.0
    return [
        look_at(
            f"cam{i}", center + np.array([reach * np.sin(a), 0.6, reach * np.cos(a)]), center, 1024, radius
        )
        for i, a in enumerate(angles)
    ]


def follow(camera: Camera, vertices: np.ndarray, size: int = 256) -> Camera:
    """A square crop around the body."""
    pixels = camera.project(vertices.astype(np.float64))
    middle = (pixels.min(0) + pixels.max(0)) / 2
    half = 0.6 * float((pixels.max(0) - pixels.min(0)).max())
    return camera.crop((*(middle - half), *(middle + half)), (size, size))


def corrupt(maps: list[ProxyMaps], body: BodyModel, noise: str, seed: int) -> list[ProxyMaps]:
    rng = np.random.default_rng([seed, 1])
    if noise == "none":
        return maps
    out = [uv_noise(m, rng, 0.05, 0.03) for m in maps]
    if noise == "gaps":
        arm = [
            i for i, n in body.atlas.palette.names.items()
            if n.endswith("_l") and any(w in n for w in ("arm", "hand", "palm", "finger", "thumb"))
        ]  # fmt: skip
        third = len(out) // 3
        for i in range(third, min(third + 12, len(out))):
            out[i] = drop_labels(out[i], arm)
        for i in range(2 * third, min(2 * third + 3, len(out))):
            out[i] = replace(out[i], labels=np.zeros_like(out[i].labels), weight=np.zeros_like(out[i].weight))
    return out


@dataclass(frozen=True)
class Take:
    """A rendered clip: true joints (F, 55, 3) in metres, seconds of the frames, and the floor."""

    source: str
    truth: BodyParams
    joints: np.ndarray
    maps: list[ProxyMaps]
    times: np.ndarray
    fps: float
    floor: Floor

    def row(self, found: np.ndarray, known: np.ndarray, spent: Spent) -> dict[str, float | int | None]:
        """Errors, smoothness and time of joints (F, 55, 3); `known`: frames with a body."""
        error = 1000 * np.linalg.norm(found[:, BODY_JOINTS] - self.joints[:, BODY_JOINTS], axis=-1)
        error[~known] = np.nan
        return {
            "frames_with_body": int(known.sum()),
            "mpjpe_mm": round(float(np.nanmean(error)), 3),
            "worst_frame_mm": round(float(np.nanmax(np.nanmean(error, axis=1))), 2),
            **self.smoothness(found, known),
            "cpu_seconds": round(spent.cpu, 2),
            "wall_seconds": round(spent.wall, 2),
        }

    def smoothness(self, found: np.ndarray, known: np.ndarray) -> dict[str, float | None]:
        """Jitter and sliding feet."""
        shown = np.where(known[:, None, None], found, np.nan).astype(np.float64)
        return {
            "jitter_mm_per_frame2": _round(jitter(shown[:, BODY_JOINTS], self.times, 1 / self.fps)),
            "foot_slide_cm_s": _round(foot_slide(shown, self.times, self.floor)),
        }


class Spent:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> Spent:
        self.wall, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return self


def make_take(options: dict[str, str], body: BodyModel) -> Take:
    """The clip that the options name, rendered and disturbed."""
    count, fps, seed = (
        int(options.get("frames", 100)),
        float(options.get("fps", 30)),
        int(options.get("seed", 0)),
    )
    wanted = options.get("clip", "cmu_02_01")
    if "motion" not in options:
        raise InputError("motion=DIR", "nothing", "the folder that the pose bank is built from")
    found = [s.motion for s in collect_bodies(Path(options["motion"])) if s.motion.source.startswith(wanted)]
    if not found:
        raise InputError("a clip of the motion folder", wanted, "clip=cmu_02_01")
    truth = truth_of(found[0], count, fps, seed)
    with torch.no_grad():
        output = body(truth)
    vertices, joints = output.vertices.numpy(), output.joints.double().numpy()
    ring = cameras_around(vertices, int(options.get("views", 4)))
    clean = [
        render_proxies(body, v, tuple(follow(c, v) for c in ring)) for v in tqdm(vertices, desc="render")
    ]
    maps = corrupt(clean, body, options.get("noise", "none"), seed)
    floor = find_floor(joints, UP, standing_heights(body, truth.betas[0], 1.0))
    return Take(found[0].source, truth, joints, maps, np.arange(len(maps)) / fps, fps, floor)


def main(options: dict[str, str]) -> None:
    body = load_body("anny")
    take = make_take(options, body)
    config = FitConfig(hands=options.get("hands", "1") == "1")
    variants = {
        "shared shape": SequenceConfig(),
        "shared, smooth": SequenceConfig(smooth=1.0),
        "shared, smooth, ground": SequenceConfig(smooth=1.0, ground="auto"),
        **({"smooth=5": SequenceConfig(smooth=5.0)} if options.get("more") == "1" else {}),
    }
    table = {"truth": take.smoothness(take.joints, np.ones(len(take.joints), dtype=bool))}
    if options.get("alone", "1") == "1":
        spent = Spent()
        parts = [take.maps[i : i + 12] for i in range(0, len(take.maps), 12)]
        alone = [r for part in parts for r in fit_many(part, body, config)]
        table["each frame alone"] = take.row(*_joints(alone), spent.stop())
    reports = {}
    for name, sequence in variants.items():
        spent = Spent()
        result = fit_sequence([ShownFrame(m) for m in take.maps], body, config, sequence, take.times)
        table[name] = take.row(*_joints(result.frames), spent.stop())
        reports[name] = result.report
    betas = take.truth.betas[0].numpy()
    off = float(np.abs(np.array(reports["shared shape"].get("betas", betas)) - betas).mean())
    print(
        json.dumps(
            {"options": {k: v for k, v in options.items() if k != "motion"}, "clip": take.source,
             "frames": len(take.maps), "fps": take.fps, "betas_mean_error": round(off, 4), "table": table,
             "seconds": {k: r["seconds"] for k, r in reports.items()},
             "filled": reports["shared, smooth"]["filled"]},
            indent=1,
        )
    )  # fmt: skip


def _joints(results: list) -> tuple[np.ndarray, np.ndarray]:
    known = np.array([r.has_body or r.status == "filled" for r in results])
    return np.stack([r.joints for r in results]), known


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


if __name__ == "__main__":
    main(read_words(sys.argv[1:], WORDS))
