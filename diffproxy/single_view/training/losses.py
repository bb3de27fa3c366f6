"""What the body regressor is trained with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.regressor import RegressedBody
from diffproxy.single_view.training.data import IN_FRONT, People

GOOD = 0.12
"""Metres of mean joint error, relative to the pelvis, below which a body counts as right for the confidence."""
LARGEST_PIXEL_ERROR = 3.0
"""Of a keypoint's reprojection, in units of the person's extent: beyond it the gradient no longer grows."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the terms, set by hand so that none is a small part of the others' sum; `joints` is in metres."""

    orient: float = 1.0
    pose: float = 1.0
    joints: float = 8.0
    reprojection: float = 1.0
    betas: float = 0.02
    depth: float = 1.0
    bins: float = 0.2
    focal: float = 0.1
    joint_std: float = 0.02
    confidence: float = 0.1


def regression_losses(
    body: RegressedBody,
    people: People,
    is_person: Float[Tensor, " N"],
    skeleton: KeypointBody,
    weights: LossWeights,
    counts: Float[Tensor, " N"] | None = None,
) -> dict[str, Tensor]:
    """The weighted terms, each a mean over the people; `total` is their sum.

    Rotations: squared Frobenius distance of matrices that come from 6D (Zhou et al. 2019). Joints: mean distance in the
    camera's axes relative to the pelvis. Reprojection: robust distance of keypoints in units of the person's extent, by
    the estimated focal length. Depth: absolute error of its logarithm, and cross entropy with the two bins next to the
    truth. Focal length: Gaussian likelihood of its logarithm where it is not known. Deviations of joints: Gaussian
    likelihood of errors that are held fixed, so that doubt does not slow the pose (Seitzer et al. 2022). Confidence:
    cross entropy with whether the joints are right.

    Args:
        body: Output of the network.
        people: The truth.
        is_person: 1; 0 where the keypoints were of nobody, then only the confidence counts.
        skeleton: Poses bodies.
        weights: Factors.
        counts: How much each person counts in the means; None: all the same.
    """
    rotations = torch.cat([body.R_cam_body[:, None], body.R_parent_joint], dim=1)
    joints, points = skeleton(rotations, body.betas)
    turned = (rotations - people.rotations).square().sum((-1, -2))
    distance = (joints - people.joints).square().sum(-1).clamp_min(1e-10).sqrt()
    mean_distance = distance.mean(1)
    log_depth, true = body.pelvis[:, 2].log(), people.pelvis[:, 2].log()
    deviation = distance.detach() / body.joint_std
    doubt = (0.5 * deviation.square() + 3 * body.joint_std.log() + 9.0).mean(1)
    right = is_person * (mean_distance.detach() < GOOD)
    terms = {
        "orient": turned[:, 0],
        "pose": turned[:, 1:].mean(1),
        "joints": mean_distance,
        "reprojection": _reprojection(body, people, points),
        "betas": (body.betas - people.betas).square().mean(1),
        "depth": (log_depth - true).abs(),
        "bins": _bins(body, true),
        "focal": _focal(body, people),
        "joint_std": doubt,
    }
    counts = is_person if counts is None else is_person * counts
    total = counts.sum().clamp_min(1)
    out = {k: getattr(weights, k) * (v * counts).sum() / total for k, v in terms.items()}
    out["confidence"] = weights.confidence * F.binary_cross_entropy(
        body.confidence.clamp(1e-6, 1 - 1e-6), right
    )
    out["total"] = torch.stack([*out.values()]).sum()
    return out


def _reprojection(
    body: RegressedBody, people: People, points: Float[Tensor, "N 17 3"]
) -> Float[Tensor, " N"]:
    """Robust distance of keypoints (relative to the pelvis, metres) in units of the person's extent."""
    seen = people.seen & (people.points + people.pelvis[:, None])[..., 2].gt(IN_FRONT)
    share = seen / seen.sum(1, keepdim=True).clamp_min(1)
    in_camera = points + body.pelvis[:, None]
    pixels = in_camera[..., :2] / in_camera[..., 2:].clamp_min(IN_FRONT) * body.focal[:, None, None]
    pixels = pixels + people.size[:, None] / 2
    middle = (people.pixels * share[..., None]).sum(1, keepdim=True)
    extent = ((people.pixels - middle).square().sum(-1) * share).sum(1).clamp_min(1.0).sqrt()
    missed = (pixels - people.pixels).square().sum(-1).clamp_min(1e-10).sqrt() / extent[:, None]
    return (LARGEST_PIXEL_ERROR * torch.tanh(missed / LARGEST_PIXEL_ERROR) * share).sum(1)


def _bins(body: RegressedBody, log_depth: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Cross entropy of the depth bins with the two that are next to the true `log_depth`."""
    step = body.log_depth_bins[:, 1] - body.log_depth_bins[:, 0]
    place = (log_depth[:, None] - body.log_depth_bins).abs() / step[:, None]
    near = (1 - place).clamp_min(0)
    return -(near * body.depth_logits.log_softmax(1)).sum(1)


def _focal(body: RegressedBody, people: People) -> Float[Tensor, " N"]:
    """Gaussian negative log likelihood of the logarithm of the focal length; 0 where the focal length is given."""
    log_std = body.focal_log_std.clamp_min(1e-4)
    off = (body.focal / people.focal).log() / log_std
    unknown = (people.camera[:, 3] > 0).to(off)
    return (unknown * (0.5 * off.square() + log_std.log() + 2.0)).clamp_max(20.0)


def errors(body: RegressedBody, people: People, skeleton: KeypointBody) -> dict[str, Float[Tensor, " N"]]:
    """Errors of each person for validation: joints (metres, pelvis aligned), depth and focal length (shares)."""
    rotations = torch.cat([body.R_cam_body[:, None], body.R_parent_joint], dim=1)
    joints = skeleton(rotations, body.betas)[0]
    log_depth = (body.pelvis[:, 2] / people.pelvis[:, 2]).log()
    return {
        "mpjpe": (joints - people.joints).norm(dim=-1).mean(1),
        "log_depth": log_depth,
        "depth_sigmas": log_depth / body.log_depth_std,
        "log_focal": (body.focal / people.focal).log(),
    }
