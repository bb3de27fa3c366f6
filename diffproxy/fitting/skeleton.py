"""Forward kinematics of the 55 joints, with what the Jacobians need."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.state import NUM_JOINTS, State


@dataclass(frozen=True)
class Pose:
    """A posed skeleton in body units (before scale and translation), B bodies."""

    R_body_joint: Float[Tensor, "B 55 3 3"]
    R_body_parent: Float[Tensor, "B 55 3 3"]
    centers: Float[Tensor, "B 55 3"]
    rest: Float[Tensor, "B 55 3"]
    d_rest_d_betas: Float[Tensor, "B 55 3 10"]
    d_centers_d_betas: Float[Tensor, "B 55 3 10"]


class Skeleton:
    """The joint tree of one body model; rest joints are linear in betas, for a fixed expression."""

    def __init__(self, body: BodyModel, expression: Float[Tensor, "B 10"] | None = None):
        parents = [int(p) for p in body.parents]
        parents[0] = -1
        self.parents = parents
        depth = [0] * NUM_JOINTS
        for j in range(1, NUM_JOINTS):
            depth[j] = depth[parents[j]] + 1
        self.levels = [[j for j in range(NUM_JOINTS) if depth[j] == d] for d in range(1, max(depth) + 1)]
        self.level_parents = [[parents[j] for j in level] for level in self.levels]
        like = body.v_template
        descendants = torch.eye(NUM_JOINTS, dtype=like.dtype, device=like.device)
        for j in reversed(range(1, NUM_JOINTS)):
            descendants[parents[j]] += descendants[j]
        self.descendants = descendants  # descendants[k, j] = 1 where joint j hangs on joint k, or is it
        self.parent_index = torch.tensor([max(p, 0) for p in parents], device=like.device)

        probe = BodyParams.rest(11, dtype=like.dtype, device=like.device)
        probe = probe.replace(betas=torch.eye(11, 10, dtype=like.dtype, device=like.device))
        if expression is None or not bool(expression.any()):
            joints = body.rest_joints(probe)[None]
        else:
            rows = [
                body.rest_joints(probe.replace(expression=e.expand(11, 10).contiguous())) for e in expression
            ]
            joints = torch.stack(rows)
        self.rest0 = joints[:, 10]
        self.rest_dirs = (joints[:, :10] - joints[:, 10:]).permute(0, 2, 3, 1).contiguous()

    def pose(self, state: State, by_betas: bool = True) -> Pose:
        """Forward kinematics; without `by_betas` the derivative of the joints by betas is left at zero."""
        rest = self.rest0 + (self.rest_dirs @ state.betas[:, None, :, None])[..., 0]
        rest = rest.expand(len(state.betas), -1, -1)
        dirs = self.rest_dirs.expand(len(rest), -1, -1, -1)
        R, c, dc = torch.empty_like(state.rotations), torch.empty_like(rest), torch.zeros_like(dirs)
        R[:, 0], c[:, 0], dc[:, 0] = state.rotations[:, 0], rest[:, 0], dirs[:, 0]
        for joints, parents in zip(self.levels, self.level_parents, strict=True):
            R_parent = R[:, parents]
            R[:, joints] = R_parent @ state.rotations[:, joints]
            c[:, joints] = (
                c[:, parents] + (R_parent @ (rest[:, joints] - rest[:, parents])[..., None])[..., 0]
            )
            if by_betas:
                dc[:, joints] = dc[:, parents] + R_parent @ (dirs[:, joints] - dirs[:, parents])
        R_parent = R[:, self.parent_index].clone()
        R_parent[:, 0] = torch.eye(3, dtype=R.dtype, device=R.device)
        return Pose(R, R_parent, c, rest, dirs, dc)
