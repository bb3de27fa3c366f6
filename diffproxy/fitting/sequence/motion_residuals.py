"""What ties frames together: limbs turn without jerks, standing feet stay where they are, on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.fitting.sequence.contacts import FEET, Floor
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.block_banded import BlockBandedMatrix
from diffproxy.fitting.state import Free, State
from diffproxy.fitting.uncertainty import joint_jacobian

ACCELERATION = (
    10, 16, 16, 8, 10, 10, 6, 20, 20, 7, 25, 25, 6, 3, 3, 6, 16, 16, 12, 12, 20, 20,
)  # fmt: skip
"""Usual angular acceleration of each body joint, rad/s² per axis: medians over motion capture at 30 Hz, times 1.2."""
FINGERS = 20.0
PLACE = 2.0
"""Of the pelvis, m/s²."""
TAIL = 5.0
"""Degrees of freedom of a Student t: sudden moves are rare, not forbidden."""
STANDS = 0.003
"""Metres that a standing foot may move from frame to frame."""
SOLE = 0.01
"""Metres that a standing foot may be off the floor, or any foot inside it."""


@dataclass(frozen=True)
class MotionResiduals:
    """The terms between F frames at `times` (seconds, rising), told how strong: `smooth` multiplies their weight."""

    skeleton: Skeleton
    free: Free
    times: Float[np.ndarray, " F"]
    centers: Float[np.ndarray, "F 3"]
    smooth: float = 1.0
    floor: Floor | None = None
    standing: Bool[np.ndarray, "F 4"] | None = None

    def add(self, state: State, band: BlockBandedMatrix, gradient: Float[np.ndarray, "F P"]) -> float:
        """Add the Gauss-Newton model around `state` to `band` and `gradient`; returns the cost."""
        cost = self._acceleration(state, band, gradient) if self.smooth > 0 and len(self.times) > 2 else 0.0
        if self.floor is not None and self.standing is not None:
            cost += self._feet(state, band, gradient)
        return cost

    def _sigmas(self) -> Float[np.ndarray, " K"]:
        """One for each free rotation and one for the place."""
        joints = [ACCELERATION[j] if j < len(ACCELERATION) else FINGERS for j in self.free.joints]
        return np.array([*joints, PLACE]) / np.sqrt(max(self.smooth, 1e-12))

    def _acceleration(self, state: State, band: BlockBandedMatrix, gradient: np.ndarray) -> float:
        h = np.diff(self.times)
        middle = 0.5 * (h[1:] + h[:-1])
        velocity = self._steps(state) / h[:, None, None]
        unit = 1.0 / (middle[:, None] * self._sigmas())  # (F-2, K)
        e = np.diff(velocity, axis=0) * unit[..., None]
        square = (e**2).sum(-1)
        # Student t as reweighted least squares
        weight = 1.0 / (1.0 + square / TAIL)
        cost = 0.5 * TAIL * np.log1p(square / TAIL).sum()
        inverse = 1.0 / h
        c = (
            np.stack([inverse[:-1], -(inverse[:-1] + inverse[1:]), inverse[1:]])[..., None] * unit
        )  # (3, F-2, K)
        count = len(e)
        places = np.arange(gradient.shape[1])
        for a in range(3):
            gradient[a : a + count] += ((weight * c[a])[..., None] * e).reshape(count, -1)
            for b in range(a + 1):
                term = np.repeat(weight * c[a] * c[b], 3, axis=1)
                band.H[a - b][b : b + count, places, places] += term
        return float(cost)

    def _steps(self, state: State) -> Float[np.ndarray, "S K 3"]:
        """How far each free joint turns (radians) and the pelvis moves (metres) from frame to frame."""
        import roma

        R = state.rotations[:, list(self.free.joints)].double()
        turn = roma.rotmat_to_rotvec(R[1:] @ R[:-1].transpose(-1, -2)).cpu().numpy()
        place = np.diff(state.transl.double().cpu().numpy() + self.centers, axis=0)
        return np.concatenate([turn, place[:, None]], axis=1)

    def _feet(self, state: State, band: BlockBandedMatrix, gradient: np.ndarray) -> float:
        floor, standing = self.floor, self.standing
        if floor is None or standing is None:
            return 0.0
        up, feet = floor.up, list(FEET)
        J = joint_jacobian(self.skeleton, state, self.free)[:, feet].double().cpu().numpy()
        p = self._world_joints(state)[:, feet]
        over = p @ up - floor.height - floor.rest
        cost = 0.0
        for f, k in np.argwhere(standing | (over < 0)).tolist():
            r, row = over[f, k] / SOLE, (up @ J[f, k] / SOLE)[None]
            band.add(f, [row])
            gradient[f] += r * row[0]
            cost += 0.5 * r * r
        for f, k in np.argwhere(standing[1:] & standing[:-1]).tolist():
            r = (p[f + 1, k] - p[f, k]) / STANDS
            ahead, behind = J[f + 1, k] / STANDS, -J[f, k] / STANDS
            band.add(f, [behind, ahead])
            gradient[f] += behind.T @ r
            gradient[f + 1] += ahead.T @ r
            cost += 0.5 * float(r @ r)
        return cost

    def _world_joints(self, state: State) -> Float[np.ndarray, "F 55 3"]:
        return world_joints(self.skeleton, state).double().cpu().numpy() + self.centers[:, None]


def world_joints(skeleton: Skeleton, state: State) -> Float[Tensor, "F 55 3"]:
    """Joint positions, metres, relative to where `transl` counts from."""
    with torch.no_grad():
        pose = skeleton.pose(state, by_betas=False)
    return state.log_scale.exp()[:, None, None] * pose.centers + state.transl[:, None]
