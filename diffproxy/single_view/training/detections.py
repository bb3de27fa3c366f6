"""What MoveNet would say of a person: keypoints with its confidences, deviations, losses and mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.encoders.movenet_keypoints import FLIP_ORDER, deviation
from diffproxy.keypoints.landmarks import ENCODER_OFFSETS
from diffproxy.keypoints.layouts import COCO17
from diffproxy.single_view.regressor import MIN_CONFIDENCE
from diffproxy.single_view.training.data import IN_FRONT, People
from diffproxy.single_view.training.draws import Draws

HEAD = 15
FACE_NORMALS = ((0.0, 0.0, 1.0), (0.3, 0.0, 1.0), (-0.3, 0.0, 1.0), (1.0, 0.0, -0.2), (-1.0, 0.0, -0.2))
"""Of nose, eyes and ears in the head's frame: keypoints that the head itself can hide."""
CROP_MARGIN = 1.35
"""Side of a crop over the longer side of the box of the keypoints in it."""
FALSE_ALARMS = 0.06
"""Share of keypoints that are of nobody."""


@dataclass(frozen=True)
class DetectionNoise:
    """How MoveNet errs, by its confidence: set by hand to what it does on validation crops of the training split."""

    logit: float = 1.05
    logit_of_person: float = 0.6
    logit_of_keypoint: float = 0.7
    """Mean of the confidences' logit, and its deviation between people and between keypoints."""
    hidden: float = 0.1
    hidden_logit: float = 1.6
    """Share of keypoints that something hides, and by how much their logit is lower."""
    averted_logit: float = 0.8
    """The same for parts of the face that look away."""
    mistaken: tuple[float, float] = (0.35, 0.05)
    """Share of keypoints on another place, at the least confidence used and at full confidence."""
    swapped: float = 0.5
    """Share of mistakes that are on the other side of the body."""
    mirrored: float = 0.02
    """Share of people whose left and right are exchanged."""
    cut: float = 0.12
    """Share of people of whom a half plane is hidden or outside the crop."""
    invented: float = 0.6
    invented_logit: float = 0.6
    """Share of keypoints beyond the picture that are seen within it near its edge, and by how much their logit is
    lower."""


def detect(
    people: People, random: torch.Generator, noise: DetectionNoise | None = None
) -> tuple[Float[Tensor, "N 17 4"], Float[Tensor, " N"]]:
    """Keypoints of the network's form, and 1 for each that is of a person (0: a false alarm)."""
    noise = noise or DetectionNoise()
    draws = Draws(len(people.pixels), random)
    exact = people.pixels
    low = torch.where(people.seen[..., None], exact, torch.full_like(exact, torch.inf)).amin(1)
    high = torch.where(people.seen[..., None], exact, torch.full_like(exact, -torch.inf)).amax(1)
    middle, side = (low + high)[:, None] / 2, ((high - low).amax(1) * CROP_MARGIN).clamp_min(4.0)
    confidence, invented = _confidences(people, draws, noise, middle, side)

    share = deviation(confidence)  # of the crop's side, from measured errors
    std = share * side[:, None]
    depth = (people.points + people.pelvis[:, None])[..., 2].clamp_min(IN_FRONT)
    focal_over_depth = people.focal[:, None] / depth
    place = torch.tensor([ENCODER_OFFSETS[n.rpartition("_")[2]][3] for n in COCO17])
    spread = torch.hypot(std, place * focal_over_depth)
    pixels = exact + spread[..., None] * draws.normal(17, 2)
    inside = torch.minimum(exact.clamp_min(0), people.size[:, None])
    inside = inside + 0.08 * side[:, None, None] * draws.normal(17, 2)
    pixels = torch.where(invented[..., None], inside, pixels)
    order = torch.tensor(FLIP_ORDER)
    rate = (1 - confidence) / (1 - MIN_CONFIDENCE)
    rate = noise.mistaken[1] + (noise.mistaken[0] - noise.mistaken[1]) * rate.clamp(0, 1)
    wrong, other = draws.chance(rate, 17), draws.chance(noise.swapped, 17)
    elsewhere = middle + 0.3 * side[:, None, None] * draws.normal(17, 2)
    to = torch.where((other & people.seen[:, order])[..., None], pixels[:, order], elsewhere)
    pixels = torch.where(wrong[..., None], to, pixels)
    mirrored = draws.chance(noise.mirrored)[:, None]
    pixels = torch.where(mirrored[..., None], pixels[:, order], pixels)
    confidence = torch.where(mirrored, confidence[:, order], confidence)
    # Two predictions are averaged, of the crop and its mirror image; where they differ, the stated deviation is larger.
    differ = std * draws.normal(17).abs() * 0.5
    differ = torch.where(wrong, differ + 0.05 * side[:, None] * draws.uniform(0, 1, 17), differ)
    stated = torch.hypot(std, differ)

    nobody = draws.chance(FALSE_ALARMS)[:, None]
    noise_logit = -1.0 + draws.normal(1) + 0.8 * draws.normal(17)
    confidence = torch.where(nobody, noise_logit.sigmoid() * (people.seen | invented), confidence)
    pixels = torch.where(nobody[..., None], elsewhere, pixels)
    within = (pixels >= 0).all(-1) & (pixels < people.size[:, None]).all(-1)
    keypoints = torch.cat([pixels, (confidence * within)[..., None], stated[..., None]], dim=-1)
    return keypoints, 1.0 - nobody[:, 0].float()


def _confidences(
    people: People,
    draws: Draws,
    noise: DetectionNoise,
    middle: Float[Tensor, "N 1 2"],
    side: Float[Tensor, " N"],
) -> tuple[Float[Tensor, "N 17"], Bool[Tensor, "N 17"]]:
    """Confidence of each keypoint, and whether it is beyond the picture and invented within it.

    `middle` and `side`: of the crop of each person, pixels.
    """
    # A half plane away from the middle of the box is not seen.
    angle = torch.pi / 2 * draws.index(4)
    way = torch.stack([angle.cos(), angle.sin()], dim=1)
    reach = ((people.pixels - middle) * way[:, None]).sum(-1) / side[:, None]
    beyond = reach > 0.35 * draws.uniform(0, 1, 1)
    cut = draws.chance(noise.cut)[:, None] & beyond
    logit = noise.logit + noise.logit_of_person * draws.normal(1) + noise.logit_of_keypoint * draws.normal(17)
    logit = logit - noise.hidden_logit * draws.chance(noise.hidden, 17) - 6.0 * cut
    logit[:, :5] -= noise.averted_logit * _averted(people)
    invented = ~people.seen & draws.chance(noise.invented, 17)
    return (logit - noise.invented_logit * invented).sigmoid() * (people.seen | invented), invented


def _averted(people: People) -> Float[Tensor, "N 5"]:
    """How far parts of the face look away from the camera: 0 to 1."""
    turn = people.rotations[:, 0]
    for joint in SPINE_TO_HEAD:
        turn = turn @ people.rotations[:, joint]
    normals = torch.tensor(FACE_NORMALS)
    normals = normals / normals.norm(dim=1, keepdim=True)
    facing = normals @ turn.transpose(1, 2)
    rays = (people.points + people.pelvis[:, None])[:, :5]
    toward = -(facing * rays / rays.norm(dim=-1, keepdim=True)).sum(-1)
    return (0.5 - 2.0 * toward).clamp(0, 1)


SPINE_TO_HEAD = (3, 6, 9, 12, HEAD)
"""Joints on the way from the pelvis to the head."""
