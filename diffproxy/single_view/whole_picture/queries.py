"""The people of pictures while they are refined."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from diffproxy.single_view.regressor import RegressedBody


class Queries(NamedTuple):
    """R people: rows of several pictures, each under the camera that is told (see `WholePictureNetwork`)."""

    rotations: Float[Tensor, "R 22 3 3"]
    betas: Float[Tensor, "R 10"]
    place: Float[Tensor, "R 2"]
    """Of the pelvis in the picture, pixels from the principal point."""
    depth_logits: Float[Tensor, "R 64"]
    bins: Float[Tensor, "R 64"]
    """Log of the depth under the told focal length."""
    log_focal: Float[Tensor, " R"]
    """Log of the focal length over the told one; the same for all people of a picture."""
    focal_log_std: Float[Tensor, " R"]
    joint_std: Float[Tensor, "R 22"]
    confidence: Float[Tensor, " R"]
    presence: Float[Tensor, " R"]
    """Logits that the body is right, and that somebody is there."""

    def body(self, focal: Float[Tensor, " R"]) -> RegressedBody:
        """As of `BodyRegressor`, given the told focal lengths in pixels."""
        share = self.depth_logits.softmax(1)
        bins = self.bins + self.log_focal[:, None]
        log_depth = (share * bins).sum(1)
        variance = (share * (bins - log_depth[:, None]).square()).sum(1).clamp_min(1e-8)
        focal = focal * self.log_focal.exp()
        ray = torch.cat([self.place / focal[:, None], torch.ones_like(focal[:, None])], dim=1)
        return RegressedBody(
            R_cam_body=self.rotations[:, 0],
            R_parent_joint=self.rotations[:, 1:],
            betas=self.betas,
            pelvis=log_depth.exp()[:, None] * ray,
            log_depth_std=(variance + self.focal_log_std.square()).sqrt(),
            focal=focal,
            focal_log_std=self.focal_log_std,
            joint_std=self.joint_std,
            confidence=self.confidence.sigmoid(),
            depth_logits=self.depth_logits,
            log_depth_bins=bins,
        )


def of_everybody(values: Float[Tensor, "B F"], people: Shaped[Tensor, "B M"]) -> Float[Tensor, "R F"]:
    """Values of pictures for each of their people; `repeat_interleave` would export their number as a constant."""
    return values[:, None].expand(-1, people.shape[1], -1).flatten(0, 1)


def first_queries(
    body: RegressedBody, focal_log_std: Float[Tensor, " R"], score: Float[Tensor, " R"]
) -> Queries:
    """The regressor's bodies, made with the told focal length, as queries; `score`: logits of their centres."""
    zero = torch.zeros_like(focal_log_std)
    return Queries(
        torch.cat([body.R_cam_body[:, None], body.R_parent_joint], dim=1), body.betas,
        body.pelvis[:, :2] / body.pelvis[:, 2:] * body.focal[:, None], body.depth_logits, body.log_depth_bins,
        zero, focal_log_std, body.joint_std, body.confidence.logit(1e-4), score,
    )  # fmt: skip
