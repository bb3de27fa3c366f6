"""A body in metres from the keypoints of one person and the camera: the network that `single_view` starts from.

A residual perceptron as those that lift keypoints to 3D (Martinez et al. 2017) reads 17 keypoints and the camera.
Keypoints are seen from a virtual camera that looks at the person (as in perspective crop layers, Yu et al. 2021) in
units of the person's extent, so place in the picture, size and focal length reach the network through the values of the
camera alone. Rotations are 6D (Zhou et al. 2019). The depth is a distribution over bins that are even in its logarithm,
so denser near, around the depth at which an average extent looks as large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.body.names import NUM_BODY_JOINTS
from diffproxy.encoders.movenet import NUM_KEYPOINTS

MIN_CONFIDENCE = 0.3
"""Keypoints less confident than this count as missing, as in the fitter (`fitting/encoder_keypoints.py`)."""
POSE_JOINTS, NUM_BETAS = 21, 10
EXTENT = 0.25
"""Metres: root mean square distance of a person's keypoints from their middle that the depth bins are centred on."""
DEPTH_RANGE, DEPTH_BINS = 2.2, 64
"""Of the log of the depth, on each side of the middle; a face alone is at the near end, a stretched body at the far."""
LEAST_EXTENT = 2e-3
"""Of the keypoints, in units of the focal length: a person of 0.5 m extent 250 m away."""
LEAST_Z = 0.05
"""Of a ray in the camera where its image point is taken."""
KEYPOINT_FEATURES, CAMERA_FEATURES = 7, 14
USUAL_FOCAL = 0.65
"""Focal length in units of the picture's diagonal that the logarithm is centred on (28 mm in 35 mm equivalent)."""


class RegressedBody(NamedTuple):
    """Bodies of N people, each in the axes of its camera (x right, y down, z forward), metres and radians."""

    R_cam_body: Float[Tensor, "N 3 3"]
    R_parent_joint: Float[Tensor, "N 21 3 3"]
    betas: Float[Tensor, "N 10"]
    pelvis: Float[Tensor, "N 3"]
    log_depth_std: Float[Tensor, " N"]
    """Standard deviation of the log of the pelvis' depth."""
    focal: Float[Tensor, " N"]
    """Pixels; the given one where its deviation is 0."""
    focal_log_std: Float[Tensor, " N"]
    joint_std: Float[Tensor, "N 22"]
    """Deviations of the joints relative to the pelvis, metres along each axis."""
    confidence: Float[Tensor, " N"]
    """Probability that the joints are less than `training.losses.GOOD` from the truth on average, relative to the
    pelvis."""
    depth_logits: Float[Tensor, "N 64"]
    log_depth_bins: Float[Tensor, "N 64"]


@dataclass(frozen=True)
class RegressorConfig:
    """Sizes of the network."""

    width: int = 640
    blocks: int = 3


class Block(nn.Module):
    """Two layers whose sum with the input goes on."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.first, self.second = (
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.Linear(width, width),
        )

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        return x + self.second(F.relu(self.first(self.norm(x))))


class View(NamedTuple):
    """What the network is given, and the virtual camera that it sees the person from."""

    keypoints: Float[Tensor, "N 17 F"]
    camera: Float[Tensor, "N G"]
    R_virtual_cam: Float[Tensor, "N 3 3"]
    middle: Float[Tensor, "N 2"]
    extent: Float[Tensor, " N"]


class BodyRegressor(nn.Module):
    """Keypoints and camera of N people to their bodies."""

    bins: Tensor

    def __init__(self, config: RegressorConfig | None = None):
        super().__init__()
        self.config = config = config or RegressorConfig()
        features = NUM_KEYPOINTS * KEYPOINT_FEATURES + CAMERA_FEATURES
        self.embed = nn.Linear(features, config.width)
        self.blocks = nn.Sequential(*[Block(config.width) for _ in range(config.blocks)])
        self.norm = nn.LayerNorm(config.width)
        self.sizes = {
            "orient": 6, "pose": 6 * POSE_JOINTS, "betas": NUM_BETAS, "pelvis": 2, "depth": DEPTH_BINS,
            "focal": 2, "joint_std": NUM_BODY_JOINTS, "confidence": 1,
        }  # fmt: skip
        self.head = nn.Linear(config.width, sum(self.sizes.values()))
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
            # Identity joints and a body that stands upright before the camera, whose y axis points down.
            self.head.bias[:6] = torch.tensor([1.0, 0, 0, 0, -1, 0])
            self.head.bias[6 : 6 + 6 * POSE_JOINTS] = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(POSE_JOINTS)
        self.register_buffer("bins", torch.linspace(-DEPTH_RANGE, DEPTH_RANGE, DEPTH_BINS), persistent=False)

    def forward(self, keypoints: Float[Tensor, "N 17 4"], camera: Float[Tensor, "N 4"]) -> RegressedBody:
        """Bodies from keypoints.

        Args:
            keypoints: x, y in pixels of the picture, confidence in [0, 1], standard deviation in pixels; COCO order.
                Those below `MIN_CONFIDENCE` count as missing.
            camera: Width and height of the picture, focal length (pixels), and the standard deviation of its
                logarithm: 0 where it is known. The principal point is the middle of the picture.

        Returns:
            The bodies; of people without any keypoint they mean nothing.
        """
        view = self.view(keypoints, camera)
        x = self.embed(torch.cat([view.keypoints.flatten(1), view.camera], dim=1))
        values = self.head(self.norm(self.blocks(x))).split(list(self.sizes.values()), dim=1)
        return self._body(dict(zip(self.sizes, values, strict=True)), view, camera)

    def view(self, keypoints: Float[Tensor, "N 17 4"], camera: Float[Tensor, "N 4"]) -> View:
        """The person seen by a virtual camera that looks at the middle of the keypoints."""
        size, focal, log_std = camera[:, :2], camera[:, 2], camera[:, 3]
        seen = (keypoints[..., 2] >= MIN_CONFIDENCE).to(keypoints.dtype)
        count = seen.sum(1).clamp_min(1.0)
        from_middle = keypoints[..., :2] - size[:, None] / 2
        from_middle = torch.where(seen[..., None] > 0, from_middle, torch.zeros_like(from_middle))
        rays = from_middle / focal[:, None, None]
        aim = rays.sum(1) / count[:, None]
        R = look_at(torch.cat([aim, torch.ones_like(aim[:, :1])], dim=1))
        turned = torch.cat([rays, torch.ones_like(rays[..., :1])], dim=2) @ R.transpose(1, 2)
        points = turned[..., :2] / turned[..., 2:].clamp_min(LEAST_Z)
        middle = (points * seen[..., None]).sum(1) / count[:, None]
        offsets = (points - middle[:, None]) * seen[..., None]
        extent = ((offsets.square().sum((1, 2)) / count).clamp_min(LEAST_EXTENT**2)).sqrt()
        half = size.amax(1) / 2
        spread = (keypoints[..., 3] / (focal * extent)[:, None]).clamp(1e-3, 10.0).log()
        features = torch.stack(
            [
                *(offsets / extent[:, None, None]).unbind(-1),
                *(from_middle / half[:, None, None]).unbind(-1),
                seen * spread,
                seen * keypoints[..., 2],
                seen,
            ],
            dim=-1,
        )
        edges = torch.cat([-size / 2, size / 2], dim=1) / focal[:, None] - torch.cat([aim, aim], dim=1)
        whole = torch.cat(
            [
                extent.log()[:, None] + 2.0,
                aim,
                (size[:, :1] / size[:, 1:]).log(),
                (focal / size.square().sum(1).sqrt() / USUAL_FOCAL).log()[:, None],
                3.0 * log_std[:, None],
                count[:, None] / NUM_KEYPOINTS,
                middle / extent[:, None],
                (edges / extent[:, None]).clamp(-6.0, 6.0) / 3.0,
                R[:, 2, 2:],
            ],
            dim=1,
        )
        return View(features, whole, R, middle, extent)

    def _body(self, out: dict[str, Tensor], view: View, camera: Float[Tensor, "N 4"]) -> RegressedBody:
        to_camera = view.R_virtual_cam.transpose(1, 2)
        given, given_std = camera[:, 2], camera[:, 3]
        factor = (given_std * out["focal"][:, 0].clamp(-4.0, 4.0)).exp()
        image = view.middle + view.extent[:, None] * out["pelvis"]
        ray = (to_camera @ torch.cat([image, torch.ones_like(image[:, :1])], dim=1)[..., None])[..., 0]
        ray = ray[:, :2] / ray[:, 2:].clamp_min(LEAST_Z) / factor[:, None]
        centre = (EXTENT / view.extent * view.R_virtual_cam[:, 2, 2].clamp_min(LEAST_Z)).log()
        bins = centre[:, None] + self.bins
        share = out["depth"].softmax(1)
        log_depth = (share * bins).sum(1)
        variance = (share * (bins - log_depth[:, None]).square()).sum(1)
        pelvis = log_depth.exp()[:, None] * torch.cat([ray, torch.ones_like(ray[:, :1])], dim=1)
        return RegressedBody(
            R_cam_body=to_camera @ rotation_from_6d(out["orient"]),
            R_parent_joint=rotation_from_6d(out["pose"].reshape(-1, POSE_JOINTS, 6)),
            betas=out["betas"],
            pelvis=pelvis,
            log_depth_std=variance.clamp_min(1e-8).sqrt(),
            focal=given * factor,
            focal_log_std=1.5 * given_std * out["focal"][:, 1].sigmoid(),
            joint_std=0.1 * out["joint_std"].clamp(-5.0, 4.0).exp(),
            confidence=out["confidence"][:, 0].sigmoid(),
            depth_logits=out["depth"],
            log_depth_bins=bins,
        )


def rotation_from_6d(values: Float[Tensor, "*B 6"]) -> Float[Tensor, "*B 3 3"]:
    """Rotations from their first two columns, orthonormalised (Zhou et al. 2019)."""
    a, b = values[..., :3], values[..., 3:]
    x = _unit(a)
    y = _unit(b - (x * b).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, _cross(x, y)], dim=-1)


def look_at(direction: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3 3"]:
    """Rotations into cameras whose z axis is `direction` and whose x axis stays horizontal in the picture."""
    z = _unit(direction)
    zero = torch.zeros_like(z[:, 0])
    x = _unit(torch.stack([z[:, 2], zero, -z[:, 0]], dim=1))  # down cross z
    return torch.stack([x, _cross(z, x), z], dim=1)


def _unit(v: Tensor) -> Tensor:
    return v / v.square().sum(-1, keepdim=True).clamp_min(1e-12).sqrt()


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """Written out: exporters to ONNX know no cross product."""
    x, y, z = a.unbind(-1)
    u, v, w = b.unbind(-1)
    return torch.stack([y * w - z * v, z * u - x * w, x * v - y * u], dim=-1)
