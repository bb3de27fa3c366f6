"""Who of the queries is a person of the picture."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.geometry.boxes import Box, as_box, best_of_overlapping
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.regressor import RegressedBody
from diffproxy.single_view.whole_picture.decoder import IN_FRONT


def choose_people(
    boxes: Float[np.ndarray, "R 4"], presence: Float[np.ndarray, " R"], min_score: float
) -> list[int]:
    """Rows of the queries that are somebody, surest first; of two at the same place the surer one.

    Args:
        boxes: Around the bodies, pixels; empty where nothing is in the picture.
        presence: Probability that somebody is there.
        min_score: Least of it.
    """
    return best_of_overlapping(boxes, presence, min_score)


def boxes_of(
    body: RegressedBody,
    skeleton: KeypointBody,
    middle: Float[Tensor, "R 2"],
    size: tuple[float, float],
) -> Float[Tensor, "R 4"]:
    """`whole_boxes_of` as far as they are within the picture, whose width and height are `size`, pixels."""
    limits = torch.tensor(size, dtype=body.focal.dtype).repeat(2)
    return torch.minimum(whole_boxes_of(body, skeleton, middle).clamp_min(0), limits)


def whole_boxes_of(
    body: RegressedBody, skeleton: KeypointBody, middle: Float[Tensor, "R 2"]
) -> Float[Tensor, "R 4"]:
    """Boxes around the joints and keypoints of bodies, also beyond the picture: x0, y0, x1, y1 in its pixels.

    Args:
        body: Bodies.
        skeleton: Poses them.
        middle: Principal points, pixels.
    """
    rotations = torch.cat([body.R_cam_body[:, None], body.R_parent_joint], dim=1)
    points = torch.cat(skeleton(rotations, body.betas), dim=1) + body.pelvis[:, None]
    pixels = (
        points[..., :2] / points[..., 2:].clamp_min(IN_FRONT) * body.focal[:, None, None] + middle[:, None]
    )
    return torch.cat([pixels.amin(1), pixels.amax(1)], dim=1)


def as_boxes(boxes: Float[Tensor, "R 4"]) -> list[Box]:
    """Rows (x0, y0, x1, y1) as boxes, pixels."""
    return [as_box(b) for b in boxes.tolist()]
