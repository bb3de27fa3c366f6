"""What a fit returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyParams

Status = Literal["ok", "doubtful", "one_view", "filled", "no_person", "failed"]
FITTED: tuple[Status, ...] = ("ok", "doubtful", "one_view")
"""Statuses of a body that the frame's own pixels gave."""


@dataclass(frozen=True)
class FitResult:
    """One fitted body (batch of one), world frame, metres.

    status: "ok"; "doubtful": fitted, but `reason` says why not to trust it; "one_view": fitted, but depth rests on the
    size of an average body; "filled": a frame of a sequence without a body of its own, interpolated from its
    neighbours; "no_person": too few foreground pixels, the parameters are the rest pose; "failed": the parameters are
    the best there is, do not trust them. `reason` says why whenever the status is not "ok"; it also names the parts
    of an "ok" body that no view shows.
    """

    params: BodyParams
    joints: Float[np.ndarray, "55 3"]
    joint_std: Float[np.ndarray, "55"]
    """One standard deviation of each joint's position (root of the covariance's trace), given the noise found."""
    status: Status
    reason: str = ""
    residual_px: float = float("nan")
    """Median reprojection distance over the used pixels, pixels of their maps."""
    sigma: float = float("nan")
    """Noise of the proxies per axis, metres at the subject."""
    inlier_ratio: float = float("nan")
    """Share of pixels (by weight) within 4 sigma."""
    robust_loss: float = float("nan")
    """Mean robust loss of the pixels: 0 where all meet their points, towards 1 where all miss by more than 12 cm."""
    flip_ratio: float = float("nan")
    """Share of pixels that were read on the side which they do not state."""
    view_residuals: tuple[float, ...] = ()
    """Median distance of each map's pixels from their points, metres at the subject; NaN where it shows too little."""
    warning: str = ""
    """What speaks against the body: the proxies contradict it, or each other. Strong doubts make it `doubtful`."""
    objective: float = float("nan")
    """Cost under one fixed noise: comparable between starts of the same subject."""
    used_pixels: int = 0
    vertices: Float[np.ndarray, "Nv 3"] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds per step."""
    stages: list[dict[str, Any]] = field(default_factory=list)
    """Per solver stage: name, iterations, cost, sigma."""
    joint_observed: Float[np.ndarray, "55"] = field(default_factory=lambda: np.zeros(55))
    """How far pixels support each joint, in [0, 1] (`joint_support`); 0: its place comes from the priors."""

    @property
    def has_body(self) -> bool:
        """Whether the frame's own pixels gave a body."""
        return self.status in FITTED
