"""Skinned surface points and their derivatives, exact: only the three vertices of each point's face are touched.

A point is `x = sum_k b_k sum_j w_kj (R_j v_k + a_j)`, `a_j = c_j - R_j J_j`: k its corners, j the joints. Grouping by
joint, `x = sum_j q_j` with `q_j = R_j M_j + W_j a_j`, where `M_j = sum_k b_k w_kj v_k` and `W_j = sum_k b_k w_kj`.
Turning joint k by a small world vector `d` moves all that hangs on it: `dx = d × sum_{j below k} (q_j - W_j c_k)`.
So the pose derivatives of all the points are one matrix product with the tree's ancestor matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.fitting.skeleton import Pose
from diffproxy.fitting.so3 import hat
from diffproxy.fitting.state import Free, State


@dataclass(frozen=True)
class Posed:
    """Surface points in body units and the per-joint pieces from which derivatives are made."""

    points: Float[Tensor, "B N 3"]
    pieces: Float[Tensor, "B L N 3"]


class SurfacePoints:
    """N fixed surface points of each of B bodies, bound once, posed many times."""

    def __init__(
        self,
        body: BodyModel,
        faces: Int64[Tensor, "B N"],
        bary: Float[Tensor, "B N 3"],
        expression: Float[Tensor, "B 10"] | None = None,
    ):
        corner = body.faces[faces]  # B N 3
        template, shapedirs, weights = body.v_template[corner], body.shapedirs[corner], body.weights[corner]
        if expression is not None and bool(expression.any()):
            template = template + (shapedirs[..., 10:] @ expression[:, None, None, :, None])[..., 0]
        self.corners = template
        self.shapedirs = shapedirs[..., :10].contiguous()
        self.posedirs = None if body.posedirs is None else body.posedirs[corner]
        self.bones = (weights > 0).flatten(0, 2).any(0).nonzero()[:, 0]
        blend = weights[..., self.bones] * bary[..., None]
        self.corner_weights = blend.permute(2, 0, 3, 1).contiguous()  # (3, B, L, N)
        self.weights = self.corner_weights.sum(0)  # (B, L, N)
        self.blend = blend.flatten(1, 2)  # (B, 3N, L)

    def pose(self, state: State, pose: Pose) -> Posed:
        v = self.corners + (self.shapedirs @ state.betas[:, None, None, :, None])[..., 0]
        if self.posedirs is not None:
            feature = (state.rotations[:, 1:] - torch.eye(3, dtype=v.dtype, device=v.device)).flatten(1)
            v = v + (self.posedirs @ feature[:, None, None, :, None])[..., 0]
        moments = self.corner_weights[0][..., None] * v[:, None, :, 0]
        moments += self.corner_weights[1][..., None] * v[:, None, :, 1]
        moments += self.corner_weights[2][..., None] * v[:, None, :, 2]
        R = pose.R_body_joint[:, self.bones]
        offset = pose.centers[:, self.bones] - (R @ pose.rest[:, self.bones, :, None])[..., 0]
        pieces = moments @ R.transpose(-1, -2)
        pieces += self.weights[..., None] * offset[:, :, None]
        return Posed(pieces.sum(1), pieces)

    def pull(
        self,
        rows: Float[Tensor, "B N m 3"],
        posed: Posed,
        state: State,
        pose: Pose,
        below: Tensor,
        free: Free,
    ) -> Float[Tensor, "B N m P"]:
        """`rows @ d(points)/d(tangent)` for the joints and betas of `free`, in body units (scale, transl: not here)."""
        B, N, m, _ = rows.shape
        out = []
        if free.betas or self.posedirs is not None:
            R = pose.R_body_joint[:, self.bones]
            blend_R = (
                (self.blend @ R.flatten(2)).unflatten(1, (N, 3)).unflatten(-1, (3, 3))
            )  # (B, N, 3k, 3, 3)
            # rows in the frame of the unposed corners, corner by corner: (B, N, m, 9)
            rows_rest = (rows[:, :, None] @ blend_R).transpose(2, 3).flatten(3)
        if free.joints:
            joints = torch.tensor(free.joints, device=rows.device)
            tree = below[joints][:, self.bones]
            centers = pose.centers[:, joints]
            lever = (tree @ posed.pieces.flatten(2)).unflatten(-1, (N, 3))
            lever -= (tree @ self.weights)[..., None] * centers[:, :, None]
            # row · (d × lever) = d · (lever × row); then d from the parent's frame into the body's
            turn = torch.linalg.cross(lever[:, :, :, None], rows[:, None], dim=-1)
            turn = turn.flatten(2, 3) @ pose.R_body_parent[:, joints]
            turn = turn.unflatten(2, (N, m)).permute(0, 2, 3, 1, 4).flatten(3)
            if self.posedirs is not None:
                turn = turn + _pull_posedirs(self.posedirs, rows_rest, state, joints)
            out.append(turn)
        if free.betas:
            shift = pose.d_centers_d_betas - pose.R_body_joint @ pose.d_rest_d_betas
            d_offset = (self.weights.transpose(1, 2) @ shift[:, self.bones].flatten(2)).unflatten(-1, (3, 10))
            out.append(rows_rest @ self.shapedirs.flatten(2, 3) + rows @ d_offset)
        return torch.cat(out, dim=-1) if out else rows.new_zeros(B, N, m, 0)


def _pull_posedirs(
    posedirs: Tensor, rows_rest: Tensor, state: State, joints: Tensor
) -> Float[Tensor, "B N m A3"]:
    """The part of the pose derivative that goes through the pose-dependent shape correctives."""
    moving = joints[joints > 0]
    R = state.rotations[:, moving]
    d_R = hat(torch.eye(3, dtype=R.dtype, device=R.device)) @ R[:, :, None]  # (B, A, 3 axes, 3, 3)
    features = posedirs.unflatten(-1, (54, 9))[..., moving - 1, :].flatten(2, 3).flatten(2)
    B, N, m, _ = rows_rest.shape
    g = (rows_rest @ features.unflatten(2, (9, -1))).unflatten(-1, (len(moving), 9))
    g = torch.einsum("bnmaf,bapf->bnmap", g, d_R.flatten(-2)).flatten(3)
    if len(moving) == len(joints):
        return g
    return torch.cat([g.new_zeros(B, N, m, 3 * (len(joints) - len(moving))), g], dim=-1)
