"""Bodies of all people of a picture, refined by what the picture shows where their joints project.

Each person is a query: a body in camera coordinates with a depth distribution. A layer projects its joints and
keypoints with the focal length, samples the picture's maps there (bilinear, as PyMAF's mesh-aligned features, Zhang et
al. 2021, and the 3D queries of DETR3D, Wang et al. 2022), and corrects pose, shape, place, depth and focal length.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from diffproxy.body.names import NUM_BODY_JOINTS
from diffproxy.encoders.movenet import NUM_KEYPOINTS
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.regressor import (
    DEPTH_BINS,
    EXTENT,
    NUM_BETAS,
    rotation_from_6d,
)
from diffproxy.single_view.whole_picture.features import COARSE, FINE, SCALE, PictureMaps
from diffproxy.single_view.whole_picture.queries import Queries, of_everybody

POINTS = NUM_BODY_JOINTS + NUM_KEYPOINTS
POINT_FEATURES = FINE + COARSE + 2 + 3 + 2 + 3 + 1 + 6
BODY_FEATURES = NUM_BETAS + 9
IN_FRONT = 0.1
"""Metres along the optical axis below which a point counts as being there."""
FURTHEST_STEP = 4.0


class RefinementLayer(nn.Module):
    """One correction of all people of B pictures, M rows each."""

    def __init__(self, width: int, skeleton: KeypointBody):
        super().__init__()
        self.point_input, self.body_input = nn.Linear(POINT_FEATURES, width), nn.Linear(BODY_FEATURES, width)
        self.point_names = nn.Parameter(0.02 * torch.randn(POINTS, width))
        self.within = nn.ModuleList(_attention(width) for _ in range(2))
        self.between = _attention(width)
        self.of_joint = nn.Linear(width, 7)
        self.sizes = {
            "betas": NUM_BETAS,
            "place": 2,
            "depth": DEPTH_BINS,
            "focal": 3,
            "confidence": 1,
            "presence": 1,
        }
        self.of_body = nn.Linear(width, sum(self.sizes.values()))
        self.norm = nn.LayerNorm(width)
        for last in (self.of_joint, self.of_body):  # begin with what is given
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.skeleton = [skeleton]  # in a list: not a part of each layer

    def forward(
        self,
        queries: Queries,
        maps: PictureMaps,
        keypoints: Float[Tensor, "B M 17 3"],
        score: Float[Tensor, " R"],
        camera: Float[Tensor, "B 4"],
        valid: Bool[Tensor, "B M"],
    ) -> Queries:
        """Corrected queries, R = B M.

        Args:
            queries: Of all rows, picture by picture.
            maps: Of the pictures.
            keypoints: x, y (pixels) and confidence of the keypoints that the encoder shows for each.
            score: Logit of the centre of each.
            camera: As of `WholePictureNetwork.forward`.
            valid: Rows that are used.
        """
        B, M = valid.shape
        told = of_everybody(camera, valid)
        points, size = self._points(queries, maps, keypoints.flatten(0, 1), told, valid)
        body = torch.stack(
            [
                size.log(), (told[:, 0] / SCALE).log(), told[:, 3], queries.log_focal, queries.focal_log_std,
                *(queries.place / told[:, :1]).unbind(1), score / 4, queries.presence / 4,
            ],
            dim=1,
        )  # fmt: skip
        x = self.point_input(points) + self.point_names
        one = self.body_input(torch.cat([queries.betas, body], dim=1))
        x = torch.cat([one[:, None], x], dim=1)
        x = self.within[0](x)
        people = self.between(x[:, 0].unflatten(0, (B, M)), src_key_padding_mask=~valid).flatten(0, 1)
        x = self.norm(self.within[1](torch.cat([people[:, None], x[:, 1:]], dim=1))).float()
        joint, values = self.of_joint(x[:, 1 : 1 + NUM_BODY_JOINTS]), self.of_body(x[:, 0])
        out = dict(zip(self.sizes, values.split(list(self.sizes.values()), dim=1), strict=True))
        # One focal length a picture: the mean of what its people say, each with a weight.
        focal = out["focal"].unflatten(0, (B, M))
        weight = focal[..., 2].masked_fill(~valid, -1e4).softmax(1)[..., None]
        focal = of_everybody((weight * focal[..., :2]).sum(1), valid)
        six = torch.cat([queries.rotations[..., 0], queries.rotations[..., 1]], dim=-1) + joint[..., :6]
        return Queries(
            rotations=rotation_from_6d(six),
            betas=queries.betas + out["betas"],
            place=queries.place + size[:, None] * out["place"].clamp(-FURTHEST_STEP, FURTHEST_STEP),
            depth_logits=queries.depth_logits + out["depth"],
            bins=queries.bins,
            log_focal=(queries.log_focal + told[:, 3] * focal[:, 0]).clamp(-2.0, 2.0),
            focal_log_std=queries.focal_log_std * focal[:, 1].clamp(-2.0, 1.0).exp(),
            joint_std=queries.joint_std * joint[..., 6].clamp(-2.0, 2.0).exp(),
            confidence=queries.confidence + out["confidence"][:, 0],
            presence=queries.presence + out["presence"][:, 0],
        )

    def _points(
        self,
        queries: Queries,
        maps: PictureMaps,
        keypoints: Float[Tensor, "R 17 3"],
        told: Float[Tensor, "R 4"],
        valid: Bool[Tensor, "B M"],
    ) -> tuple[Float[Tensor, "R 39 F"], Float[Tensor, " R"]]:
        """What is known at each joint and keypoint, and the size of the bodies in the picture (pixels)."""
        queries = Queries(*(q.detach() for q in queries))  # corrections are learnt one by one
        body = queries.body(told[:, 0])
        offsets = torch.cat(self.skeleton[0](queries.rotations, queries.betas), dim=1)
        beyond = offsets + body.pelvis[:, None]
        depth = beyond[..., 2].clamp_min(IN_FRONT)
        ray = beyond[..., :2] / depth[..., None]
        pixels = ray * body.focal[:, None, None] + told[:, None, 1:3]
        size = EXTENT * body.focal / body.pelvis[:, 2].clamp_min(IN_FRONT)
        rows, columns = (4 * n for n in maps.fine.shape[-2:])
        grid = torch.stack([pixels[..., 0] * (2 / columns) - 1, pixels[..., 1] * (2 / rows) - 1], dim=-1)
        grid = grid.clamp(-3.0, 3.0)
        inside = (grid.abs() < 1).all(-1, keepdim=True).to(grid)
        grid = grid.unflatten(0, valid.shape)
        fine, coarse, seen = (_sample(m, grid.flatten(1, 2)) for m in (maps.fine, maps.coarse, maps.depth))
        seen = seen.flatten(0, 1).unflatten(0, (-1, POINTS))
        behind = seen[..., :1] + told[:, 0].log()[:, None, None] + queries.log_focal[:, None, None]
        behind = (behind - depth.log()[..., None]).clamp(-2.0, 2.0)
        off = (keypoints[..., :2] - pixels[:, NUM_BODY_JOINTS:]) / size[:, None, None]
        found = torch.cat([off.clamp(-FURTHEST_STEP, FURTHEST_STEP), keypoints[..., 2:]], dim=-1)
        six = torch.cat([queries.rotations[..., 0], queries.rotations[..., 1]], dim=-1)
        features = [
            *(m.flatten(0, 1).unflatten(0, (-1, POINTS)) for m in (fine, coarse)), inside * behind,
            seen[..., 1:], offsets / EXTENT, ray.clamp(-3.0, 3.0), F.pad(found, (0, 0, NUM_BODY_JOINTS, 0)), inside,
            F.pad(six, (0, 0, 0, NUM_KEYPOINTS)),
        ]  # fmt: skip
        return torch.cat(features, dim=-1), size


def _sample(maps: Float[Tensor, "B C P Q"], grid: Float[Tensor, "B N 2"]) -> Float[Tensor, "B N C"]:
    """Values at N places of each picture, by their coordinates in [-1, 1]; 0 beyond it."""
    return F.grid_sample(maps, grid[:, :, None], align_corners=False)[..., 0].transpose(1, 2)


def _attention(width: int) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True)
