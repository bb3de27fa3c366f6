"""Priors of a calibration as least-squares terms: approximate cameras, a camera distance, the person's height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.camera_parameters import PER_CAMERA, RigState
from diffproxy.fitting.state import State
from diffproxy.geometry.so3 import rotmat_to_rotvec

SHARED = 11
"""Unknowns shared by all frames: 10 betas and the log scale."""


@runtime_checkable
class RigTerm(Protocol):
    """A least-squares term over (cameras | betas, log scale)."""

    def linearise(self, rig: RigState, bodies: State) -> tuple[Tensor, Tensor, Tensor]:
        """Gauss-Newton matrix (n, n), gradient (n,), cost; n = 7 a camera + 11."""
        ...


def _normal(r: Tensor, J: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return J.T @ J, J.T @ r, 0.5 * r.square().sum()


@dataclass(frozen=True)
class PriorCameras:
    """Gaussian prior around given cameras: standard deviations in radians, metres, and of the log focal length."""

    given: RigState
    rotation_std: float
    translation_std: float
    focal_std: float

    def linearise(self, rig: RigState, bodies: State) -> tuple[Tensor, Tensor, Tensor]:
        turn = rotmat_to_rotvec(rig.R_cam_world @ self.given.R_cam_world.mT)
        r = torch.cat(
            [
                turn / self.rotation_std,
                (rig.center - self.given.center) / self.translation_std,
                ((rig.log_focal - self.given.log_focal) / self.focal_std)[:, None],
            ],
            dim=-1,
        )
        std = r.new_tensor([*[self.rotation_std] * 3, *[self.translation_std] * 3, self.focal_std])
        J = torch.zeros(r.numel(), r.numel() + SHARED, dtype=r.dtype)
        J[:, : r.numel()] = torch.diag((1 / std).repeat(len(rig)))
        return _normal(r.flatten(), J)


@dataclass(frozen=True)
class CommonFocal:
    """All cameras share one change of the log focal length, up to `std`."""

    std: float

    def linearise(self, rig: RigState, bodies: State) -> tuple[Tensor, Tensor, Tensor]:
        n = len(rig)
        mix = (torch.eye(n, dtype=torch.float64) - 1 / n) / self.std
        J = torch.zeros(n, PER_CAMERA * n + SHARED, dtype=torch.float64)
        J[:, 6 : PER_CAMERA * n : PER_CAMERA] = mix
        return _normal(mix @ rig.log_focal, J)


@dataclass(frozen=True)
class KnownDistance:
    """Cameras a and b stand `metres` apart."""

    a: int
    b: int
    metres: float
    std: float = 0.001

    def linearise(self, rig: RigState, bodies: State) -> tuple[Tensor, Tensor, Tensor]:
        apart = rig.center[self.a] - rig.center[self.b]
        length = apart.norm().clamp_min(1e-6)
        J = torch.zeros(1, PER_CAMERA * len(rig) + SHARED, dtype=torch.float64)
        J[0, PER_CAMERA * self.a + 3 : PER_CAMERA * self.a + 6] = apart / length / self.std
        J[0, PER_CAMERA * self.b + 3 : PER_CAMERA * self.b + 6] = -apart / length / self.std
        return _normal(((length - self.metres) / self.std)[None], J)


@dataclass(frozen=True)
class KnownHeight:
    """The person is `metres` tall: from sole to crown in the rest pose. Linear in the betas."""

    low: Float[Tensor, "11"]
    high: Float[Tensor, "11"]
    """Height of the lowest and the highest vertex: at zero betas | by each beta."""
    metres: float
    std: float = 0.002

    @staticmethod
    def of(body: BodyModel, metres: float, std: float = 0.002) -> KnownHeight:
        y = body.v_template[:, 1]
        rows = [int(y.argmin()), int(y.argmax())]
        low, high = (torch.cat([y[i : i + 1], body.shapedirs[i, 1, :10]]).double() for i in rows)
        return KnownHeight(low, high, metres, std)

    def linearise(self, rig: RigState, bodies: State) -> tuple[Tensor, Tensor, Tensor]:
        betas, scale = bodies.betas[0], bodies.log_scale[0].exp()
        span = self.high - self.low
        height = scale * (span[0] + span[1:] @ betas)
        J = torch.zeros(1, PER_CAMERA * len(rig) + SHARED, dtype=torch.float64)
        J[0, -SHARED:-1] = scale * span[1:] / self.std
        J[0, -1] = height / self.std
        return _normal(((height - self.metres) / self.std)[None], J)


def body_height(body: BodyModel, betas: Float[Tensor, "10"], scale: float = 1.0) -> float:
    """Sole to crown in the rest pose, metres."""
    rest = BodyParams.rest(1, dtype=body.v_template.dtype)
    with torch.no_grad():
        y = body(rest.replace(betas=betas.to(rest.betas).reshape(1, 10))).vertices[0, :, 1]
    return scale * float(y.max() - y.min())
