"""Files of predicted cameras made from the true ones, to rehearse an evaluation where no predictor can be run.

They are in the form of VGGT's export, with errors of a given size: turned and moved cameras, wrong focal lengths, the
first camera as the world, and no known unit of length. Numbers that follow from them say nothing about a predictor.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.calibration.joint_fit import in_world_of, scaled_about_first
from diffproxy.cameras import Camera
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.geometry.rotations import to_matrix

DEGREES, SHIFT, FOCAL, UNIT = 3.0, 0.03, 0.03, 0.4
"""Deviations of rotations (degrees), of centres (share of the distance to the rig's middle), of the logarithm of focal
lengths; and the unit of length, metres."""


def perturbed(cameras: Sequence[Camera], rng: np.random.Generator) -> list[Camera]:
    """The cameras as a predictor might give them."""
    middle = np.mean([c.center_world for c in cameras], axis=0)
    wrong = []
    for camera in cameras:
        R = to_matrix(rng.normal(size=3) * math.radians(DEGREES) / math.sqrt(3)) @ camera.R_cam_world
        reach = float(np.linalg.norm(camera.center_world - middle))
        center = camera.center_world + rng.normal(size=3) * SHIFT * reach / math.sqrt(3)
        K = camera.K.copy()
        K[:2, :2] *= math.exp(rng.normal() * FOCAL)
        wrong.append(replace(camera, K=K, R_cam_world=R, t_cam_world=-R @ center))
    origin = replace(wrong[0], R_cam_world=np.eye(3), t_cam_world=np.zeros(3))
    return list(scaled_about_first(in_world_of(wrong, origin), 1 / UNIT))


def write_predictions(options: EvaluateOptions, body: BodyModel, folder: Path) -> int:
    """One npz for each subject of the options' data set that `cameras=predicted` reads; returns how many."""
    count = 0
    for pending in open_dataset(options, body):
        subject = pending.load()
        cameras = perturbed(subject.cameras, np.random.default_rng(zlib.crc32(subject.key.encode())))
        path = folder / f"{subject.key}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        pose = [np.column_stack([c.R_cam_world, c.t_cam_world]) for c in cameras]
        np.savez(
            path,
            extrinsic=np.stack(pose),
            intrinsic=np.stack([c.K for c in cameras]),
            image_size=np.array([cameras[0].height, cameras[0].width]),
            names=np.array([c.name for c in cameras]),
        )
        count += 1
    return count
