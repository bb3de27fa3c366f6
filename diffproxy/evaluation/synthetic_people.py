"""Several bodies that walk through a room, as a keypoint detector in each camera reports them: exact ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.evaluation.imitated_detector import imitated_detections
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.evaluation.synthetic_walkers import walking_keypoints, walking_paths
from diffproxy.geometry.directions import look_at_rotation
from diffproxy.motion.pose_bank.sampler import load_pose_bank


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


def make_take(body: BodyModel, config: TakeConfig) -> Take:
    """A take, a pure function of the body and the settings."""
    rng = np.random.default_rng(config.seed)
    cameras = _ring(rng, config)
    lead = config.out_of_step
    paths = walking_paths(rng, config, config.frames + 2 * lead)
    bank = load_pose_bank()
    joints = np.stack([walking_keypoints(rng, body, bank, path, config.poses) for path in paths], axis=1)
    late = rng.integers(-lead, lead + 1, len(cameras)) if lead else np.zeros(len(cameras), dtype=int)
    detections: dict[int, list[list[Candidate]]] = {}
    visible = np.zeros((config.frames, config.people, len(cameras)), dtype=bool)
    for f in range(config.frames):
        detections[f] = []
        for v, camera in enumerate(cameras):
            found, visible[f, :, v] = imitated_detections(rng, joints[f + lead + late[v]], camera, config)
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
