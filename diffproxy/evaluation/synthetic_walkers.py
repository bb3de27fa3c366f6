"""Bodies that walk through a room and give way to each other, as keypoints in metres."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import JOINT_NAMES
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.keypoints.landmarks import ENCODER_OFFSETS
from diffproxy.keypoints.layouts import COCO17
from diffproxy.motion.pose_bank.sampler import PoseBank

FPS = 30
ROOM = 2.2  # metres from the middle that people walk within
OUTSIDE = 9.0  # metres from the middle, where they are when they have left
_J = {name: i for i, name in enumerate(JOINT_NAMES)}
_K = {name: i for i, name in enumerate(COCO17)}


def walking_paths(rng: np.random.Generator, config: TakeConfig, frames: int) -> Float[np.ndarray, "N F 2"]:
    """Places on the floor: everybody walks to one random place after the other and gives way to others."""
    N = config.people
    place = rng.uniform(-ROOM, ROOM, (N, 2))
    speed = rng.uniform(0.5, 1.5, N) / FPS
    goal, away = _goals(rng, N), np.full(N, -1)
    leave = np.full(N, frames + 1)
    if config.leaving:
        leave[: max(1, N // 2)] = rng.integers(frames // 5, frames // 2, max(1, N // 2))
    out = np.empty((N, frames, 2))
    for f in range(frames):
        step = np.zeros((N, 2))
        for n in range(N):
            if f == leave[n]:  # out of the room, for 1 to 3 seconds
                away[n], goal[n] = rng.integers(30, 90), OUTSIDE * _unit(place[n] + 1e-3)
            to_goal = goal[n] - place[n]
            if np.linalg.norm(to_goal) < 0.2:
                if away[n] > 0:
                    away[n] -= 1
                    to_goal = np.zeros(2)
                else:
                    goal[n] = _goals(rng, 1)[0]
            hurry = 2.0 if np.linalg.norm(place[n]) > 1.5 * ROOM else 1.0
            step[n] = hurry * speed[n] * _unit(to_goal)
            for m in range(N):
                apart = place[n] - place[m]
                distance = np.linalg.norm(apart)
                if m != n and distance < 0.7:
                    aside = np.array([-apart[1], apart[0]])
                    step[n] += 1.2 * speed[n] * (0.7 - distance) / 0.3 * _unit(apart + 0.5 * aside)
        place = place + step
        out[:, f] = place
    return gaussian_filter1d(out, 4.0, axis=1)


def _goals(rng: np.random.Generator, count: int) -> Float[np.ndarray, "N 2"]:
    return rng.uniform(-ROOM, ROOM, (count, 2))


def _unit(v: np.ndarray) -> np.ndarray:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def walking_keypoints(
    rng: np.random.Generator, body: BodyModel, bank: PoseBank, path: Float[np.ndarray, "F 2"], poses: str
) -> Float[np.ndarray, "F 17 3"]:
    """Keypoints of a body that walks along a path; between its steps the arms follow poses of the pose bank."""
    F = len(path)
    moved = np.diff(path, axis=0, prepend=path[:1])
    length = np.linalg.norm(moved, axis=1)
    slow = gaussian_filter1d(moved, 6.0, axis=0)
    heading = np.unwrap(np.arctan2(slow[:, 0], slow[:, 1] + 1e-6))
    phase = np.cumsum(length) / 0.7 * np.pi + rng.uniform(0, 2 * np.pi)
    swing = np.clip(length * FPS / 1.2, 0, 1) * np.radians(28)
    pose = np.zeros((F, 21, 3))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        wave = np.sin(phase) * sign
        pose[:, _J[f"{side}_hip"] - 1, 0] = -swing * wave
        pose[:, _J[f"{side}_knee"] - 1, 0] = swing * (1 - np.cos(phase + (np.pi / 2) * sign)) * 0.9
    keys = np.arange(0, F + 45, 45)
    upper = [_J[f"{s}_{n}"] - 1 for s in ("left", "right") for n in ("shoulder", "elbow")] + [
        _J["spine1"] - 1
    ]
    donors = np.stack([bank.sample(rng, poses)["body_pose"].reshape(21, 3) for _ in keys])
    for k in upper:
        pose[:, k] = np.stack([np.interp(np.arange(F), keys, donors[:, k, i]) for i in range(3)], -1)
    params = BodyParams.rest(F).replace(
        betas=torch.tensor(np.tile(rng.normal(size=10), (F, 1)), dtype=torch.float32),
        body_pose=torch.tensor(pose.reshape(F, 63), dtype=torch.float32),
        global_orient=torch.tensor(np.outer(heading, [0.0, 1.0, 0.0]), dtype=torch.float32),
        scale=torch.full((F, 1), float(rng.normal(1.0, 0.04))),
    )
    with torch.no_grad():
        R, x = (t.numpy().astype(np.float64) for t in body.joint_transforms(params))
    points = np.stack([_keypoint(name, R, x) for name in COCO17], axis=1)
    ankles = points[:, [_K["left_ankle"], _K["right_ankle"]], 1].min(1)
    shift = np.stack([path[:, 0], 0.08 - ankles, path[:, 1]], -1)
    return points + shift[:, None]


def _keypoint(name: str, R: np.ndarray, x: np.ndarray) -> Float[np.ndarray, "F 3"]:
    """Where the detector's keypoint is, fixed to a joint of the body."""
    side, _, part = name.rpartition("_")
    joint, frame, offset, _ = ENCODER_OFFSETS[part]
    joint, frame = (n if n in _J else f"{side}_{n}" for n in (joint, frame))
    offset = (-offset[0] if side == "right" else offset[0], *offset[1:])
    return x[:, _J[joint]] + R[:, _J[frame]] @ np.array(offset)
