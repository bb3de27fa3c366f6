"""What a keypoint detector would report of people whose joints are known: noise, occlusion, misses, false people."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.encoders.movenet_keypoints import FLIP_ORDER
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.keypoints.layouts import COCO17

BODY_RADIUS = 0.16  # metres, of the trunk, head and thighs that hide what is behind them
_K = {name: i for i, name in enumerate(COCO17)}


_SOLID = [("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"), ("left_hip", "left_knee"),
          ("right_hip", "right_knee"), ("left_ear", "right_ear")]  # fmt: skip


def _hidden(joints: np.ndarray, eye: np.ndarray) -> Bool[np.ndarray, "N N 17"]:
    """[n, m, k]: joint k of person n is behind person m, seen from `eye`."""
    N = len(joints)
    samples = np.linspace(0, 1, 5)[:, None]
    solid = np.stack(
        [np.concatenate([p[_K[a]] + samples * (p[_K[b]] - p[_K[a]]) for a, b in _SOLID]) for p in joints]
    )
    away = joints - eye
    distance = np.linalg.norm(away, axis=-1)
    ray = away / distance[..., None]
    to = solid - eye  # (N, S, 3)
    along = np.einsum("nki,msi->nmks", ray, to)
    off = np.sqrt(np.maximum(np.square(to).sum(-1)[None, :, None] - along**2, 0))
    out = ((off < BODY_RADIUS) & (along > 0) & (along < distance[:, None, :, None] - 0.2)).any(-1)
    out[np.arange(N), np.arange(N)] = False
    return out


def imitated_detections(
    rng: np.random.Generator, joints: Float[np.ndarray, "N 17 3"], camera: Camera, config: TakeConfig
) -> tuple[list[Candidate], Bool[np.ndarray, " N"]]:
    """What a detector reports, and who is visible. Hidden joints are guessed, or taken from who hides them."""
    hidden = _hidden(joints, camera.center_world)
    pixels = camera.project(joints)
    inside = ((pixels >= 0) & (pixels < [camera.width, camera.height])).all(-1) & np.isfinite(pixels).all(-1)
    clear = inside & ~hidden.any(1)
    visible = clear.sum(-1) >= 6
    found = []
    for n in np.flatnonzero(visible & (rng.random(len(joints)) >= config.dropped)):
        height = float(np.nanmax(pixels[n, :, 1]) - np.nanmin(pixels[n, :, 1]))
        noise = rng.normal(size=(17, 2)) * config.noise * height
        keypoints = np.nan_to_num(pixels[n]) + noise
        confidence = np.clip(rng.normal(0.65, 0.12, 17), 0.3, 0.95)
        for k in np.flatnonzero(~clear[n]):
            others = np.flatnonzero(hidden[n, :, k])
            if len(others) and rng.random() < 0.3:
                keypoints[k] = pixels[others[0], k] + noise[k]
            else:
                keypoints[k] += rng.normal(size=2) * 0.08 * height
                confidence[k] = rng.uniform(0.05, 0.3)
        if rng.random() < config.flipped:
            keypoints, confidence = keypoints[list(FLIP_ORDER)], confidence[list(FLIP_ORDER)]
        found.append(_candidate(keypoints, confidence, clear[n], camera))
    if rng.random() < config.false_people:
        donor = pixels[rng.integers(len(joints))]
        if np.isfinite(donor).all():
            size = rng.uniform(0.5, 1.2)
            place = rng.uniform([0, 0], [camera.width, camera.height])
            keypoints = (donor - donor.mean(0)) * size + place
            found.append(_candidate(keypoints, rng.uniform(0.2, 0.6, 17), np.ones(17, bool), camera, 0.3))
    rng.shuffle(found)
    return found, visible


def _candidate(
    keypoints: np.ndarray, confidence: np.ndarray, clear: np.ndarray, camera: Camera, score: float = 0.6
) -> Candidate:
    shown = keypoints[clear]
    low = np.clip(shown.min(0) - 10, 0, [camera.width, camera.height])
    high = np.clip(shown.max(0) + 10, 0, [camera.width, camera.height])
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Candidate(box, score, np.concatenate([keypoints, confidence[:, None]], 1).astype(np.float32))
