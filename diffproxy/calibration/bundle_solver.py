"""Levenberg-Marquardt on the bodies of all frames and all cameras together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from diffproxy.calibration.body_bundle_adjustment import FREE, POSE, Bundle
from diffproxy.calibration.camera_parameters import PER_CAMERA, RigState
from diffproxy.calibration.terms import SHARED
from diffproxy.fitting.state import BETAS, LOG_SCALE, TANGENT_DIM, TRANSL, State
from diffproxy.fitting.terms.reprojection import Noise
from diffproxy.geometry.levenberg_marquardt import Propose, minimize


@dataclass(frozen=True)
class Solution:
    """State after `solve`: bodies relative to their frame's centre, cameras, and how well all fit."""

    bodies: State
    rig: RigState
    cost: float
    iterations: int


def free_columns(count: int, poses: bool = True, focal: bool = False) -> Int64[Tensor, " k"]:
    """The shared unknowns of `count` cameras that may move: the shape, and of the cameras what is said."""
    places = [PER_CAMERA * c + k for c in range(count) for k in range(6) if poses]
    places += [PER_CAMERA * c + 6 for c in range(count) if focal]
    places += [PER_CAMERA * count + k for k in range(SHARED)]
    return torch.tensor(sorted(places), dtype=torch.int64)


def solve(
    bundle: Bundle,
    bodies: State,
    rig: RigState,
    noise: list[Noise],
    free: Int64[Tensor, " k"],
    iterations: int = 20,
    tolerance: float = 1e-4,
) -> Solution:
    """Levenberg-Marquardt on frames and cameras together.

    Args:
        bundle: The problem.
        bodies: Where the bodies of the F frames start, relative to their frames' centres.
        rig: Where the cameras start.
        noise: Of each frame's residuals.
        free: Shared unknowns that may move (`free_columns`).
        iterations: Most steps that are tried.
        tolerance: Relative change of the cost below which the last step was enough.
    """

    def linearize(at: tuple[State, RigState]) -> Propose[tuple[State, RigState]]:
        def propose(damping: float) -> tuple[State, RigState] | None:
            S, s, back, _ = bundle.normal(*at, noise, free, damping)
            diagonal = S.diagonal()
            S = S + torch.diag(damping * diagonal + 1e-8 * diagonal.max().clamp_min(1e-12))
            factor, failed = torch.linalg.cholesky_ex(S)
            if int(failed) or not bool(torch.isfinite(s).all()):
                return None
            shared = s.new_zeros(PER_CAMERA * len(rig) + SHARED)
            shared[free] = torch.cholesky_solve(-s[:, None], factor)[:, 0]
            return _step(*at, shared, back)

        return propose

    found = minimize((bodies, rig), lambda at: bundle.cost(*at, noise), linearize, iterations, tolerance)
    bundle.set_cameras(found.state[1])
    return Solution(*found.state, found.cost, found.iterations)


def _step(
    bodies: State, rig: RigState, shared: Tensor, back: list[tuple[Tensor, Tensor, Tensor]]
) -> tuple[State, RigState]:
    count = PER_CAMERA * len(rig)
    full = shared.new_zeros(len(back), TANGENT_DIM)
    columns = FREE.columns()
    for f, (W, w, _) in enumerate(back):
        own = -w - W @ shared
        full[f, columns[:POSE]] = own[:POSE]
        full[f, TRANSL] = own[POSE:]
        full[f, BETAS.start : LOG_SCALE + 1] = shared[count:]
    return bodies.retract(full), rig.retract(shared[:count].reshape(-1, PER_CAMERA))
