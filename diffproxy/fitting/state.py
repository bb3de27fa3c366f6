"""The unknowns of a fit, as points on a manifold: rotations are matrices, a step is a small tangent vector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from diffproxy.body import BodyParams
from diffproxy.body.names import NUM_BODY_JOINTS, NUM_JOINTS
from diffproxy.geometry.so3 import rotmat_to_rotvec, rotvec_to_rotmat

BETAS = slice(165, 175)
LOG_SCALE = 175
TRANSL = slice(176, 179)
VARIABLES_DIM = 176
TANGENT_DIM = 179
"""Layout of a full tangent vector: 55 joints x 3 | 10 betas | log scale | translation. Priors see the first 176."""

BODY_JOINT_NUMBERS = tuple(range(NUM_BODY_JOINTS))
HAND_JOINT_NUMBERS = tuple(range(25, 55))
HAND_SEGMENTS = (20, 21, *HAND_JOINT_NUMBERS)
"""Joints that move a part of a hand: wrists and fingers."""


@dataclass(frozen=True)
class State:
    """B bodies. `rotations` are local (parent from joint), `expression` is carried along and never changed."""

    rotations: Float[Tensor, "B 55 3 3"]
    betas: Float[Tensor, "B 10"]
    log_scale: Float[Tensor, " B"]
    transl: Float[Tensor, "B 3"]
    expression: Float[Tensor, "B 10"]

    @staticmethod
    def from_params(params: BodyParams) -> State:
        rotations = rotvec_to_rotmat(params.full_pose.reshape(-1, NUM_JOINTS, 3))
        log_scale = params.scale[:, 0].clamp_min(1e-3).log()
        return State(rotations, params.betas, log_scale, params.transl, params.expression)

    def to_params(self) -> BodyParams:
        """Axis-angle parameters; every angle comes out in [0, pi]."""
        pose = BodyParams.split_full_pose(self.rotvecs().flatten(1))
        return BodyParams(
            betas=self.betas,
            expression=self.expression,
            transl=self.transl,
            scale=self.log_scale.exp()[:, None],
            **pose,
        )

    def rotvecs(self) -> Float[Tensor, "B 55 3"]:
        return rotmat_to_rotvec(self.rotations)

    def retract(self, step: Float[Tensor, "B 179"]) -> State:
        """Move along a tangent vector: `R_j <- exp(step_j) R_j` in the parent's frame, the rest by addition."""
        turn = rotvec_to_rotmat(step[:, :165].reshape(-1, NUM_JOINTS, 3))
        return replace(
            self,
            rotations=turn @ self.rotations,
            betas=self.betas + step[:, BETAS],
            log_scale=self.log_scale + step[:, LOG_SCALE],
            transl=self.transl + step[:, TRANSL],
        )

    def where(self, keep: Bool[Tensor, " B"], other: State) -> State:
        """Rows of `self` where `keep`, of `other` elsewhere."""

        def pick(a: Tensor, b: Tensor) -> Tensor:
            return torch.where(keep.reshape(-1, *[1] * (a.dim() - 1)), a, b)

        return State(
            pick(self.rotations, other.rotations),
            pick(self.betas, other.betas),
            pick(self.log_scale, other.log_scale),
            pick(self.transl, other.transl),
            self.expression,
        )


@dataclass(frozen=True)
class Free:
    """Which unknowns a stage may move."""

    joints: tuple[int, ...] = ()
    betas: bool = False
    scale: bool = False
    transl: bool = False

    def columns(self) -> Int64[Tensor, " P"]:
        """Their places in the full tangent vector, in the order in which Jacobians list them."""
        places = [3 * j + a for j in self.joints for a in range(3)]
        places += list(range(BETAS.start, BETAS.stop)) if self.betas else []
        places += [LOG_SCALE] if self.scale else []
        places += list(range(TRANSL.start, TRANSL.stop)) if self.transl else []
        return torch.tensor(places, dtype=torch.int64)


def centered(params: BodyParams, centers: Float[np.ndarray, "F 3"]) -> State:
    """The state whose `transl` counts from each frame's center: single precision serves far from the origin."""
    shift = torch.as_tensor(centers, dtype=torch.float64, device=params.transl.device)
    return State.from_params(params.replace(transl=(params.transl.double() - shift).to(params.transl.dtype)))


def in_world(state: State, centers: Float[np.ndarray, "F 3"]) -> BodyParams:
    """The inverse of `centered`."""
    params = state.to_params()
    shift = torch.as_tensor(centers, dtype=torch.float64, device=params.transl.device)
    return params.replace(transl=(params.transl.double() + shift).to(params.transl))
