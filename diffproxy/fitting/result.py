"""What a fit returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from diffproxy.body import BodyParams
from diffproxy.utils.short_repr import short_repr

Status = Literal["ok", "doubtful", "one_view", "filled", "no_person", "failed"]
FITTED: tuple[Status, ...] = ("ok", "doubtful", "one_view")
"""Statuses of a body that was fitted to the frame's own pixels."""


@dataclass(frozen=True)
class FitResult:
    """One fitted body (batch of one), in world coordinates, metres.

    Attributes:
        params: SMPL-X parameters.
        joints: (55, 3) joint positions.
        joint_std: (55,) standard deviation of each joint's position (root of the covariance's trace).
        status: `ok`; `doubtful`: fitted, but not to be trusted, see `reason`; `one_view`: fitted, but the depth is that
            of a body of average size; `filled`: a frame of a sequence without a body of its own, interpolated;
            `no_person`: too few foreground pixels, the parameters are the rest pose; `failed`: not to be used.
        reason: Why the status is not `ok`, and which parts of the body no view shows.
        residual_px: Median reprojection distance of the used pixels, in pixels of their maps.
        sigma: Noise level of the proxies along each axis, metres at the subject.
        inlier_ratio: Ratio of pixels, by weight, within four noise levels.
        robust_loss: Mean robust loss of the pixels: 0 where all meet their surface points, towards 1 where all miss
            them by more than 12 cm.
        flip_ratio: Ratio of pixels that were assigned to the other body side than their labels state.
        view_residuals: Median distance of each map's pixels from their surface points, metres at the subject; NaN for
            maps with too few pixels.
        warning: Signs of a wrong fit: the proxies contradict the body, or each other. Part of `reason`.
        objective: Cost under one fixed noise level, comparable between fits of the same subject.
        used_pixels: Number of pixels in the last stage.
        vertices: (Nv, 3) if `FitConfig.vertices`.
        timings: Seconds per stage.
        stages: Per run of the solver: name, iterations, cost, sigma, converged.
        joint_observed: (55,) how far pixels support each joint, in [0, 1] (`joint_support`); 0: its position comes from
            the priors.
        joint_cameras: (55,) how many cameras support each joint by themselves (`supporting_cameras`).
    """

    params: BodyParams
    joints: Float[np.ndarray, "55 3"]
    joint_std: Float[np.ndarray, "55"]
    status: Status
    reason: str = ""
    residual_px: float = float("nan")
    sigma: float = float("nan")
    inlier_ratio: float = float("nan")
    robust_loss: float = float("nan")
    flip_ratio: float = float("nan")
    view_residuals: tuple[float, ...] = ()
    warning: str = ""
    objective: float = float("nan")
    used_pixels: int = 0
    vertices: Float[np.ndarray, "Nv 3"] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    stages: list[dict[str, Any]] = field(default_factory=list)
    joint_observed: Float[np.ndarray, "55"] = field(default_factory=lambda: np.zeros(55))
    joint_cameras: Int[np.ndarray, "55"] = field(default_factory=lambda: np.zeros(55, dtype=np.int64))

    __repr__ = short_repr

    @property
    def has_body(self) -> bool:
        """Whether a body was fitted to the frame's own pixels."""
        return self.status in FITTED
