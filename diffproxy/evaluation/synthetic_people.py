"""Several bodies that walk through a room, as a keypoint detector in each camera reports them: exact ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import JOINT_NAMES
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.encoders.movenet_keypoints import FLIP_ORDER
from diffproxy.geometry.directions import look_at_rotation
from diffproxy.keypoints.landmarks import ENCODER_OFFSETS
from diffproxy.keypoints.layouts import COCO17
from diffproxy.motion.pose_bank.sampler import PoseBank, load_pose_bank

FPS = 30
ROOM = 2.2  # metres from the middle that people walk within
OUTSIDE = 9.0  # metres from the middle, where they are when they have left
BODY_RADIUS = 0.16  # metres, of the trunk, head and thighs that hide what is behind them
_J = {name: i for i, name in enumerate(JOINT_NAMES)}
_K = {name: i for i, name in enumerate(COCO17)}


@dataclass(frozen=True)
class Take:
    """A take of F frames, N people and V cameras.

    `joints`: (F, N, 17, 3) metres at the true time. `detections[f][v]`: as of a detector. `visible`: (F, N, V) whether
    at least 6 joints are in the image and not hidden.
    """

    cameras: tuple[Camera, ...]
    joints: Float[np.ndarray, "F N 17 3"]
    detections: dict[int, list[list[Candidate]]]
    visible: Bool[np.ndarray, "F N V"]


@dataclass(frozen=True)
class TakeConfig:
    """What a take is like.

    Args:
        people: Number of people.
        cameras: Number of cameras, evenly on a ring.
        frames: Number of frames, 30 a second.
        noise: Standard deviation of a keypoint over the height of the person in the image.
        dropped: Share of the detections that are missing at random.
        false_people: Chance of a detection of nobody in a view and frame.
        flipped: Share of the detections with left and right exchanged.
        out_of_step: Each camera is late or early by up to this many frames, the same over the take.
        leaving: Whether people leave the room and come back.
        equal_height: All cameras at 1.5 m, where epipolar lines of different people coincide; else 1.2 to 2.6 m.
        poses: Part of the pose bank that arms and trunk follow, "train" or "test".
        seed: Of all random numbers.
    """

    people: int = 3
    cameras: int = 4
    frames: int = 250
    noise: float = 0.012
    dropped: float = 0.05
    false_people: float = 0.05
    flipped: float = 0.01
    out_of_step: int = 0
    leaving: bool = True
    equal_height: bool = False
    poses: str = "train"
    seed: int = 0


def make_take(body: BodyModel, config: TakeConfig) -> Take:
    """A take, a pure function of the body and the settings."""
    rng = np.random.default_rng(config.seed)
    cameras = _ring(rng, config)
    lead = config.out_of_step
    paths = _paths(rng, config, config.frames + 2 * lead)
    bank = load_pose_bank()
    joints = np.stack([_walker(rng, body, bank, path, config.poses) for path in paths], axis=1)
    late = rng.integers(-lead, lead + 1, len(cameras)) if lead else np.zeros(len(cameras), dtype=int)
    detections: dict[int, list[list[Candidate]]] = {}
    visible = np.zeros((config.frames, config.people, len(cameras)), dtype=bool)
    for f in range(config.frames):
        detections[f] = []
        for v, camera in enumerate(cameras):
            found, visible[f, :, v] = _detect(rng, joints[f + lead + late[v]], camera, config)
            detections[f].append(found)
    return Take(cameras, joints[lead : lead + config.frames], detections, visible)


def _ring(rng: np.random.Generator, config: TakeConfig) -> tuple[Camera, ...]:
    out = []
    turn = rng.uniform(0, 2 * np.pi)
    spread = 2 * np.pi / config.cameras if config.cameras > 2 else np.radians(80)
    for v in range(config.cameras):
        angle = turn + v * spread
        height = 1.5 if config.equal_height else rng.uniform(1.2, 2.6)
        position = np.array([5.2 * np.sin(angle), height, 5.2 * np.cos(angle)])
        R = look_at_rotation(position, np.array([0.0, 0.9, 0.0]))
        K = np.array([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]])
        out.append(Camera(f"cam{v + 1:02d}", 1280, 720, K, R, -R @ position))
    return tuple(out)


def _paths(rng: np.random.Generator, config: TakeConfig, frames: int) -> Float[np.ndarray, "N F 2"]:
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


def _walker(
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


def _detect(
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
