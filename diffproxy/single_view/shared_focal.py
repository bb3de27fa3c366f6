"""Levenberg-Marquardt over all people of a picture and the one focal length that they share.

The unknowns are the tangent vectors of P bodies and the log of the focal length. The matrix is an arrow: a block for
each body and one border row for the focal length, so a step costs P solves of a body's size (Schur complement).

A change of the focal length takes the bodies along: their depths change by the same factor (`dolly zoom`), so that the
picture stays nearly as it is. What is left of the derivative is perspective, the only evidence of the focal length in a
picture; far from the camera it vanishes, and the prior on the focal length remains.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.fitting.noise import covariance_noise, noise_level
from diffproxy.fitting.problem import Problem
from diffproxy.fitting.solve import Solution, batched, observation_rows
from diffproxy.fitting.state import TANGENT_DIM, Free, State
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.diffusion_prior import localised
from diffproxy.fitting.terms.priors import Prior, prior_cost, prior_normal, variables_of
from diffproxy.fitting.terms.reprojection import Noise, Observations, Reprojection
from diffproxy.fitting.uncertainty import joint_jacobian
from diffproxy.geometry.levenberg_marquardt import Propose, minimize

ROUNDS, ITERATIONS = 3, 6
"""The noise is estimated afresh in every round, as in the last stage of the fitter."""
TOLERANCE = 1e-3
LARGEST_STEP = 0.3
"""Of the log of the focal length in one iteration."""
EVIDENCE_STD = 2.0
"""By this factor the bodies' evidence of the focal length is less exact than residuals of independent pixels would make
it: errors of proxies are shared by whole limbs, and perspective differs little within a limb. Chosen on unseen subjects
of the training split (docs/results/single_view.md)."""


@dataclass(frozen=True)
class Arrow:
    """Gauss-Newton model over P bodies and the log of the focal length."""

    H: Float[Tensor, "P n n"]
    g: Float[Tensor, "P n"]
    border: Float[Tensor, "P n"]
    corner: float
    corner_g: float

    def solve(self, damping: float) -> tuple[Float[Tensor, "P n"], float]:
        """The damped step of the bodies and of the log of the focal length."""
        to_g, to_border = self._inverse_times(damping)
        schur = self.corner * (1 + damping) - float((self.border * to_border).sum())
        step = -(self.corner_g - float((self.border * to_g).sum())) / max(schur, 1e-9)
        step = float(np.clip(step, -LARGEST_STEP, LARGEST_STEP))
        return -to_g - to_border * step, step

    def focal_variance(self) -> tuple[float, Float[Tensor, "P n"]]:
        """Variance of the log of the focal length, and by how much the bodies follow it."""
        to_border = self._inverse_times(0.0)[1]
        schur = self.corner - float((self.border * to_border).sum())
        return 1.0 / max(schur, 1e-9), -to_border

    def _inverse_times(self, damping: float) -> tuple[Float[Tensor, "P n"], Float[Tensor, "P n"]]:
        diagonal = self.H.diagonal(dim1=-2, dim2=-1)
        floor = 1e-9 * diagonal.amax(-1, keepdim=True).clamp_min(1e-9)
        factor = torch.linalg.cholesky(self.H + torch.diag_embed(damping * diagonal + floor))
        both = torch.cholesky_solve(torch.stack([self.g, self.border], dim=-1), factor)
        return both[..., 0], both[..., 1]


@dataclass(frozen=True)
class FocalFit:
    """What the bodies of a picture say of its focal length.

    Attributes:
        solution: The bodies; its observations are those under the estimated focal length.
        factor: Estimated focal length over the one that the maps' cameras have.
        log_std: Standard deviation of the log of the focal length, prior included.
        joint_shift: Derivative of the joints' positions by the log of the focal length, metres.
    """

    solution: Solution
    factor: float
    log_std: float
    joint_shift: Float[np.ndarray, "P 55 3"]


def fit_shared_focal(problem: Problem, log_prior: float, log_prior_std: float) -> FocalFit:
    """Minimise the residuals of all people over their bodies and one focal length.

    Args:
        problem: One body for each person; all in cameras of one picture whose axes are the world's.
        log_prior: Mean of the prior on the log of (focal length / focal length of the maps' cameras).
        log_prior_std: Its standard deviation, above 0.

    Returns:
        The bodies and the focal length.
    """
    # A prior of a smaller deviation has the same minimum as evidence of a larger one, and leaves the bodies' weights.
    prior_std = log_prior_std / EVIDENCE_STD
    pixels = [subject.pixels for subject in problem.subjects]
    solver = _Solver(problem, pixels, log_prior, prior_std)
    state, log_factor = problem.start, log_prior
    if log_prior:
        state = replace(state, transl=state.transl + solver.dolly(state, log_prior))
    reports: tuple[list[dict], ...] = tuple([] for _ in pixels)
    for _ in range(ROUNDS):
        state, log_factor, report = solver.run(state, log_factor)
        for own in reports:
            own.append(report)
    data = solver.at(log_factor)
    arrow = solver.linearise(state, log_factor, covariance_noise(data, state, problem.config))
    variance, follows = arrow.focal_variance()
    shift = (joint_jacobian(problem.skeleton, state, solver.free).double() @ follows[:, None, :, None])[
        ..., 0
    ]
    shift[..., 2] += solver.depth(state)[:, None]
    solution = Solution(problem, state, data, data, tuple(pixels), reports, {})
    log_std = EVIDENCE_STD * float(np.sqrt(variance))
    return FocalFit(solution, float(np.exp(log_factor)), log_std, shift.cpu().numpy())


class _Solver:
    """The residuals of all people under any focal length."""

    def __init__(self, problem: Problem, pixels: list[Correspondences], prior: float, prior_std: float):
        self.problem, self.prior, self.prior_std = problem, prior, prior_std
        stage = problem.stages[-1]
        self.free: Free = stage.free
        self.columns = self.free.columns()
        self.pelvis = torch.as_tensor(problem.centers[:, 2]).to(problem.start.transl)
        observations = batched(problem, observation_rows(problem, stage, pixels, problem.start))
        self.data = Reprojection(
            problem.observed_body, problem.skeleton, observations, problem.start.expression
        )
        self.middle = _principal_points(problem, observations)

    def at(self, log_factor: float) -> Reprojection:
        """The data term under `exp(log_factor)` times the focal length of the maps' cameras."""
        k, seen = float(np.exp(log_factor)), self.data.observations
        rows = k * seen.P[..., :2, :] + (1 - k) * self.middle[..., None] * seen.P[..., 2:, :]
        data = copy.copy(self.data)
        data.observations = replace(seen, P=torch.cat([rows, seen.P[..., 2:, :]], dim=-2))
        return data

    def depth(self, state: State) -> Float[Tensor, " P"]:
        """Depths of the pelvises, metres."""
        pelvis = self.problem.skeleton.pose(state, by_betas=False).centers[:, 0, 2]
        return self.pelvis + state.log_scale.exp() * pelvis + state.transl[:, 2]

    def dolly(self, state: State, step: float) -> Float[Tensor, "P 3"]:
        """The motion along the optical axis that goes with a step of the log of the focal length."""
        way = torch.zeros_like(state.transl)
        way[:, 2] = self.depth(state) * float(np.expm1(step))
        return way

    def priors(self, state: State) -> list[Prior]:
        return localised(self.problem.priors, variables_of(state), 1.0)

    def cost(self, state: State, log_factor: float, noise: Noise, priors: list[Prior]) -> float:
        cost = self.at(log_factor).cost(state, noise) + prior_cost(priors, variables_of(state))
        return float(cost.sum()) + 0.5 * ((log_factor - self.prior) / self.prior_std) ** 2

    def linearise(self, state: State, log_factor: float, noise: Noise) -> Arrow:
        data = self.at(log_factor)
        residual, J, depth = data.jacobian(state, self.free)
        unit = data.observations.metres_per_pixel[..., None]
        along = residual + (data.observations.pixels - self.middle) * unit  # d residual / d log focal
        z = self.columns.tolist().index(TANGENT_DIM - 1)
        along = along + self.depth(state)[:, None, None] * J[..., z]
        root = data.weights(residual, depth, noise)[1].sqrt()[..., None]
        A = (J * root[..., None]).flatten(1, 2).double()
        b, r = ((x * root).flatten(1).double() for x in (along, residual))
        own = prior_normal(self.priors(state), state, self.columns)
        return Arrow(
            H=A.transpose(1, 2) @ A + own.H.double(),
            g=(A.transpose(1, 2) @ r[..., None])[..., 0] + own.g.double(),
            border=(A.transpose(1, 2) @ b[..., None])[..., 0],
            corner=float(b.square().sum()) + 1 / self.prior_std**2,
            corner_g=float((b * r).sum()) + (log_factor - self.prior) / self.prior_std**2,
        )

    def run(self, state: State, log_factor: float) -> tuple[State, float, dict]:
        """One round with one noise level."""
        noise = noise_level(self.at(log_factor), state, self.problem.config, 0.0)
        priors = self.priors(state)

        def linearize(at: tuple[State, float]) -> Propose[tuple[State, float]]:
            arrow = self.linearise(*at, noise)

            def propose(damping: float) -> tuple[State, float]:
                of_bodies, of_focal = arrow.solve(damping)
                step = state.betas.new_zeros(len(self.pelvis), TANGENT_DIM)
                step[:, self.columns] = of_bodies.to(step)
                moved = at[0].retract(step)
                moved = replace(moved, transl=moved.transl + self.dolly(at[0], of_focal))
                return moved, at[1] + of_focal

            return propose

        found = minimize(
            (state, log_factor), lambda at: self.cost(*at, noise, priors), linearize, ITERATIONS, TOLERANCE
        )
        report = {
            "name": "focal",
            "iterations": found.iterations,
            "cost": found.cost,
            "converged": found.converged,
        }
        return *found.state, {**report, "sigma": float(noise.sigma.min())}


def _principal_points(problem: Problem, observations: Observations) -> Float[Tensor, "P N 2"]:
    """The principal point of each row's map, pixels of the map."""
    points = [np.stack([c.K[:2, 2] for c in s.maps.cameras]) for s in problem.subjects]
    view = observations.view.clamp_min(0).cpu().numpy()
    rows = np.stack([p[v] for p, v in zip(points, view, strict=True)])
    return torch.as_tensor(rows).to(observations.P)
