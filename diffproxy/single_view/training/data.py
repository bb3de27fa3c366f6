"""Random people before random cameras, as their exact keypoints: poses of the pose bank, any distance and lens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.body.flip import flip_body_pose, flip_rotvec
from diffproxy.geometry.so3 import rotvec_to_rotmat, unitquat_to_rotmat
from diffproxy.motion.pose_bank.sampler import load_pose_bank
from diffproxy.single_view.focal_length import EXIF_LOG_STD, USUAL_LOG_STD, usual_focal
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.training.draws import Draws

LEGS = (0, 1, 3, 4, 6, 7, 9, 10)  # hips, knees, ankles, feet among the 21 body joints
SHAPES = ((16, 9), (4, 3), (3, 2), (1, 1), (5, 4))
LONG_SIDE = 1000.0
"""Pixels; the network does not depend on it."""
FIELD_OF_VIEW = (20.0, 110.0)
"""Degrees along the long side."""
DISTANCE = (0.4, 12.0)
"""Metres of the pelvis, even in the logarithm: a third of the people are nearer than 1.25 m."""
ANY_ORIENTATION = 0.2
"""Share of people in any orientation: lying, upside down, seen from above and below."""
LEAST_SEEN = 4
"""Keypoints in the picture that a person must have."""
CLEARANCE = 0.12
"""Metres between the camera and a joint."""
IN_FRONT = 0.1
"""Metres along the optical axis from which on a point is in the picture."""


@dataclass(frozen=True)
class People:
    """N people, each before a camera of its own; camera axes, metres, pixels.

    Attributes:
        rotations: Of the pelvis in the camera, and of the 21 body joints in their parents.
        betas: Shape coefficients.
        scale: Size factor beside them.
        pelvis: Positions of the pelvises.
        joints: Of the body, relative to the pelvis.
        points: The 17 keypoints, relative to the pelvis.
        pixels: Their exact images.
        seen: They are in the picture.
        size: Width and height of the picture.
        focal: True focal length.
        camera: What the network is told of the camera: width, height, focal length, deviation of its logarithm.
    """

    rotations: Float[Tensor, "N 22 3 3"]
    betas: Float[Tensor, "N 10"]
    scale: Float[Tensor, " N"]
    pelvis: Float[Tensor, "N 3"]
    joints: Float[Tensor, "N 22 3"]
    points: Float[Tensor, "N 17 3"]
    pixels: Float[Tensor, "N 17 2"]
    seen: Bool[Tensor, "N 17"]
    size: Float[Tensor, "N 2"]
    focal: Float[Tensor, " N"]
    camera: Float[Tensor, "N 4"]

    def __getitem__(self, rows: Tensor) -> People:
        return People(**{name: value[rows] for name, value in vars(self).items()})


class PeopleSampler:
    """Draws people; every draw depends on its random numbers only.

    Args:
        body: Body model.
        split: Of the pose bank.
    """

    def __init__(self, body: BodyModel, split: str = "train"):
        bank = load_pose_bank()
        rows = bank.rows(split)
        pose, orient = bank.body_pose[rows], bank.global_orient[rows]
        pose = np.concatenate([pose, flip_body_pose(pose)])
        orient = np.concatenate([orient, flip_rotvec(orient)])
        self.pose = torch.as_tensor(pose, dtype=torch.float32).reshape(-1, 21, 3)
        self.orient = torch.as_tensor(orient, dtype=torch.float32)
        self.skeleton = KeypointBody(body)

    def draw(self, count: int, random: torch.Generator) -> People:
        """`count` people of whom enough is in the picture."""
        people = self._candidates(count + count // 4 + 8, random)
        beyond = people.joints + people.pelvis[:, None]
        good = (people.seen.sum(1) >= LEAST_SEEN) & (beyond.norm(dim=-1).amin(1) > CLEARANCE)
        rows = torch.nonzero(good)[:, 0]
        if not len(rows):
            return self.draw(count, random)
        return people[rows[torch.arange(count) % len(rows)]]

    def _candidates(self, count: int, random: torch.Generator) -> People:
        """People of whom the picture may show too little."""
        draws = Draws(count, random)
        rotations = self._rotations(draws)
        betas = (1.15 * draws.normal(10)).clamp(-3.2, 3.2)
        scale = torch.where(draws.chance(0.3), (0.04 * draws.normal()).exp(), torch.ones(count))
        joints, points = (scale[:, None, None] * x for x in self.skeleton(rotations, betas))
        size, focal, usual = _lenses(draws)
        pelvis = _pelvises(draws, points, size, focal)
        beyond = points + pelvis[:, None]
        pixels = (
            beyond[..., :2] / beyond[..., 2:].clamp_min(IN_FRONT) * focal[:, None, None] + size[:, None] / 2
        )
        seen = (beyond[..., 2] > IN_FRONT) & (pixels >= 0).all(-1) & (pixels < size[:, None]).all(-1)
        camera = _told_cameras(draws, size, focal, usual)
        return People(rotations, betas, scale, pelvis, joints, points, pixels, seen, size, focal, camera)

    def _rotations(self, draws: Draws) -> Float[Tensor, "N 22 3 3"]:
        """Of the pelvises in their cameras and of the body joints: poses of the bank, mixed and disturbed."""
        a, b = (draws.index(len(self.pose)) for _ in range(2))
        pose, other = self.pose[a].clone(), self.pose[b]
        legs = torch.isin(torch.arange(21), torch.tensor(LEGS))[:, None]
        pose = torch.where(draws.chance(0.25)[:, None, None] & legs, other, pose)
        share = torch.where(draws.chance(0.25), draws.uniform(0, 0.5), torch.zeros(draws.count))
        pose = rotvec_to_rotmat(torch.lerp(pose, other, share[:, None, None]) + 0.07 * draws.normal(21, 3))
        upright = _camera_rotations(draws) @ _headings(draws.uniform(-np.pi, np.pi))
        turn = upright @ rotvec_to_rotmat(self.orient[a])
        anyhow = unitquat_to_rotmat(torch.nn.functional.normalize(draws.normal(4), dim=1))
        turn = torch.where(draws.chance(ANY_ORIENTATION)[:, None, None], anyhow, turn)
        return torch.cat([turn[:, None], pose], dim=1)


def _lenses(draws: Draws) -> tuple[Float[Tensor, "N 2"], Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Size of each picture, its focal length, and the usual one for that size; all in pixels."""
    shape = torch.tensor(SHAPES, dtype=torch.float32)
    shape = shape / shape.amax(1, keepdim=True) * LONG_SIDE
    size = shape[draws.index(len(shape))]
    size = torch.where(draws.chance(0.5)[:, None], size.flip(1), size)
    usual = usual_focal(1, 1) / np.sqrt(2) * size.norm(dim=1)
    by_view = LONG_SIDE / 2 / torch.tan(torch.deg2rad(draws.uniform(*FIELD_OF_VIEW)) / 2)
    focal = torch.where(draws.chance(0.5), usual * (USUAL_LOG_STD * draws.normal()).exp(), by_view)
    return size, focal, usual


def _pelvises(
    draws: Draws, points: Float[Tensor, "N 17 3"], size: Float[Tensor, "N 2"], focal: Float[Tensor, " N"]
) -> Float[Tensor, "N 3"]:
    """Positions in the cameras, metres, by which a point of each body is somewhere in its picture.

    That point is often the middle of the body, else a keypoint, and the rest is cut off.
    """
    depth = draws.uniform(float(np.log(DISTANCE[0])), float(np.log(DISTANCE[1]))).exp()
    picked = points[torch.arange(draws.count), draws.index(17)]
    whole = draws.chance(0.6)
    anchor = torch.where(whole[:, None], points.mean(1), picked)
    place = draws.uniform(0.02, 0.98, 2)
    place = torch.where(whole[:, None], 0.5 + 0.8 * (place - 0.5), place)
    ray = (place - 0.5) * size / focal[:, None]
    at = ray * (depth + anchor[:, 2]).clamp_min(IN_FRONT)[:, None] - anchor[:, :2]
    return torch.cat([at, depth[:, None]], dim=1)


def _told_cameras(
    draws: Draws, size: Float[Tensor, "N 2"], focal: Float[Tensor, " N"], usual: Float[Tensor, " N"]
) -> Float[Tensor, "N 4"]:
    """What the network is told of the cameras: the focal length is known, from EXIF data, or the usual one."""
    kind = draws.uniform(0, 1)
    log_std = torch.where(kind < 0.45, torch.zeros(draws.count), torch.full((draws.count,), USUAL_LOG_STD))
    exif = (kind >= 0.45) & (kind < 0.55)
    log_std = torch.where(exif, torch.full((draws.count,), EXIF_LOG_STD), log_std)
    told = torch.where(exif, focal * (EXIF_LOG_STD * draws.normal()).exp(), focal)
    told = torch.where(kind >= 0.55, usual, told)
    return torch.cat([size, told[:, None], log_std[:, None]], dim=1)


def _headings(angle: Float[Tensor, " N"]) -> Float[Tensor, "N 3 3"]:
    """Rotations about the vertical by angles in radians."""
    return rotvec_to_rotmat(angle[:, None] * torch.tensor([0.0, 1.0, 0.0]))


def _camera_rotations(draws: Draws) -> Float[Tensor, "N 3 3"]:
    """Rotations from a world with y up into cameras that are pitched and rolled; some stand on their side."""
    axes = torch.eye(3)
    pitch = torch.deg2rad(20 * draws.normal())
    roll = torch.deg2rad(6 * draws.normal())
    side = draws.uniform(0, 1)
    roll = roll + torch.where(side < 0.03, torch.pi / 2, torch.where(side < 0.06, -torch.pi / 2, 0.0))
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    return rotvec_to_rotmat(roll[:, None] * axes[2]) @ rotvec_to_rotmat(pitch[:, None] * axes[0]) @ flip
