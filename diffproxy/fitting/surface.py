"""Skinned surface points and their derivatives, exact: only the three vertices of each point's face are touched.

A point is `x = sum_k b_k sum_j w_kj (R_j v_k + a_j)`, `a_j = c_j - R_j J_j`: k its corners, j the joints. Grouping by
joint, `x = sum_j q_j` with `q_j = R_j M_j + W_j a_j`, where `M_j = sum_k b_k w_kj v_k` and `W_j = sum_k b_k w_kj`.
Turning joint k by a small world vector `d` moves all that hangs on it: `dx = d × sum_{j below k} (q_j - W_j c_k)`.
So the pose derivatives of all the points are one matrix product with the tree's ancestor matrix.

Points run along the last axis of every tensor here: the same few operations on long rows, and no small matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.fitting.skeleton import Pose
from diffproxy.fitting.state import NUM_JOINTS, State
from diffproxy.geometry.so3 import hat


@dataclass(frozen=True)
class Posed:
    """Surface points in body units and the per-joint pieces from which derivatives are made."""

    points: Float[Tensor, "B 3 N"]
    pieces: Float[Tensor, "B L 3 N"]


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
        template, weights = body.v_template[corner], body.weights[corner]
        if expression is not None and bool(expression.any()):
            template = (
                template + (body.shapedirs[..., 10:][corner] @ expression[:, None, None, :, None])[..., 0]
            )
        self.corners = template.permute(0, 3, 2, 1).contiguous()  # (B, 3 axes, 3 corners, N)
        # (B, 10, 3, 3, N)
        self.shapedirs = body.shapedirs[..., :10][corner].permute(0, 4, 3, 2, 1).contiguous()
        self.posedirs = None
        if body.posedirs is not None:
            self.posedirs = body.posedirs[corner].permute(0, 4, 3, 2, 1).contiguous()
        self.bones = (weights > 0).flatten(0, 2).any(0).nonzero()[:, 0]
        blended = weights[..., self.bones] * bary[..., None]
        self.corner_weights = blended.permute(0, 3, 2, 1).contiguous()  # (B, L, 3 corners, N)
        self.weights = self.corner_weights.sum(2)  # (B, L, N)

    def moved_by(self, descendants: Float[Tensor, "55 55"]) -> frozenset[int]:
        """The joints on which any of the points depends; `descendants` is the tree's ancestor matrix."""
        if self.posedirs is not None:
            return frozenset(range(NUM_JOINTS))
        return frozenset(descendants[:, self.bones].any(1).nonzero()[:, 0].tolist())

    def pose(self, state: State, pose: Pose) -> Posed:
        v = self.corners + (state.betas[:, None] @ self.shapedirs.flatten(2)).view_as(self.corners)
        if self.posedirs is not None:
            feature = (state.rotations[:, 1:] - torch.eye(3, dtype=v.dtype, device=v.device)).flatten(1)
            v = v + (feature[:, None] @ self.posedirs.flatten(2)).view_as(v)
        moments = self.corner_weights[:, :, None, 0] * v[:, None, :, 0]
        moments = moments.addcmul_(self.corner_weights[:, :, None, 1], v[:, None, :, 1])
        moments = moments.addcmul_(self.corner_weights[:, :, None, 2], v[:, None, :, 2])
        R = pose.R_body_joint[:, self.bones]
        offset = pose.centers[:, self.bones] - (R @ pose.rest[:, self.bones, :, None])[..., 0]
        pieces = (R @ moments).addcmul_(offset[..., None], self.weights[:, :, None])
        return Posed(pieces.sum(1), pieces)

    def pull(
        self,
        rows: Float[Tensor, "B m 3 N"],
        posed: Posed,
        state: State,
        pose: Pose,
        descendants: Float[Tensor, "55 55"],
        joints: tuple[int, ...],
        betas: bool,
    ) -> Float[Tensor, "B P m N"]:
        """`rows @ d(points)/d(tangent)` for some joints and, after them, the betas, in body units.

        Args:
            rows: m row vectors of each of N points, body axes.
            posed: The points as `pose` gives them.
            state: The bodies.
            pose: Their joints.
            descendants: The tree's ancestor matrix.
            joints: Whose rotations are asked for.
            betas: Whether the 10 betas are, too.

        Returns:
            Derivatives by P = 3 joints (+ 10) unknowns.
        """
        out = []
        if joints:
            index = torch.tensor(joints, device=rows.device)
            tree = descendants[index][:, self.bones]
            lever = (tree @ posed.pieces.flatten(2)).unflatten(-1, (3, -1))  # (B, A, 3, N)
            lever = lever.addcmul_(
                pose.centers[:, index][..., None], (tree @ self.weights)[:, :, None], value=-1
            )
            # row · (d × lever) = d · (lever × row); then d from the parent's frame into the body's
            turn = lever.new_empty(*lever.shape[:3], *rows.shape[1::2])  # (B, A, 3, m, N)
            for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
                torch.mul(lever[:, :, None, b], rows[:, None, :, c], out=turn[:, :, a])
                turn[:, :, a].addcmul_(lever[:, :, None, c], rows[:, None, :, b], value=-1)
            R = pose.R_body_parent[:, index].transpose(-1, -2)
            turn = (R @ turn.flatten(3)).flatten(1, 2).unflatten(-1, rows.shape[1::2])
            if self.posedirs is not None and any(joints):
                turn = turn + _pull_posedirs(self.posedirs, self._rows_at_rest(rows, pose), state, index)
            out.append(turn)
        if betas:
            rows_rest = self._rows_at_rest(rows, pose).flatten(2, 3)
            shift = pose.d_centers_d_betas - pose.R_body_joint @ pose.d_rest_d_betas
            offset = (
                (shift[:, self.bones].flatten(2).transpose(1, 2) @ self.weights)
                .unflatten(1, (3, 10))
                .transpose(1, 2)
            )
            out.append(_along(rows_rest, self.shapedirs.flatten(2, 3)) + _along(rows, offset))
        return torch.cat(out, dim=1) if out else rows.new_zeros(len(rows), 0, *rows.shape[1::2])

    def _rows_at_rest(self, rows: Float[Tensor, "B m 3 N"], pose: Pose) -> Float[Tensor, "B m 3 3 N"]:
        """Rows in the frame of the unposed corners: (..., 3 axes, 3 corners, N)."""
        R = pose.R_body_joint[:, self.bones].flatten(2).transpose(1, 2)  # (B, 9, L)
        blended = (R @ self.corner_weights.flatten(2)).unflatten(2, (3, -1)).unflatten(1, (3, 3))
        out = rows[:, :, 0, None, None] * blended[:, None, 0]
        for a in (1, 2):
            out = out.addcmul_(rows[:, :, a, None, None], blended[:, None, a])
        return out


def _along(rows: Float[Tensor, "B m i N"], directions: Float[Tensor, "B k i N"]) -> Float[Tensor, "B k m N"]:
    """Scalar products over i, point by point."""
    out = rows[:, None, :, 0] * directions[:, :, None, 0]
    for i in range(1, rows.shape[2]):
        out = out.addcmul_(rows[:, None, :, i], directions[:, :, None, i])
    return out


def _pull_posedirs(
    posedirs: Float[Tensor, "B 486 3 3 N"],
    rows_rest: Float[Tensor, "B m 3 3 N"],
    state: State,
    joints: Tensor,
) -> Float[Tensor, "B A3 m N"]:
    """The part of the pose derivative that goes through the pose-dependent shape correctives."""
    moving = joints[joints > 0]
    R = state.rotations[:, moving]
    d_R = hat(torch.eye(3, dtype=R.dtype, device=R.device)) @ R[:, :, None]  # (B, A, 3 axes, 3, 3)
    features = posedirs.unflatten(1, (54, 9))[:, moving - 1].flatten(1, 2).flatten(2, 3)  # (B, A 9, 9, N)
    g = _along(rows_rest.flatten(2, 3), features).flatten(2).unflatten(1, (len(moving), 9))
    g = (d_R.flatten(-2) @ g).flatten(1, 2).unflatten(-1, (rows_rest.shape[1], -1))
    if len(moving) == len(joints):
        return g
    return torch.cat([torch.zeros_like(g[:, : 3 * (len(joints) - len(moving))]), g], dim=1)
