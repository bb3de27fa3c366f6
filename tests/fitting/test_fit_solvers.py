"""Levenberg-Marquardt and Adam on the same cost."""

import numpy as np
import pytest
import torch

from diffproxy.fitting import FitConfig
from diffproxy.fitting.observations import ObservationRows, batch_observations
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.adam import adam
from diffproxy.fitting.solvers.levenberg_marquardt import levenberg_marquardt, solve_damped, total_normal
from diffproxy.fitting.state import BODY_JOINT_NUMBERS, TANGENT_DIM, Free, State
from diffproxy.fitting.terms.correspondences import sample_correspondences
from diffproxy.fitting.terms.priors import default_priors, prior_cost, variables_of
from diffproxy.fitting.terms.reprojection import Noise, Reprojection

FREE = Free(BODY_JOINT_NUMBERS, transl=True)


@pytest.fixture()
def problem(make_scene):
    """60 pixels a view, a state a tenth of a radian off the truth, priors, noise of a centimetre."""
    scene = make_scene()
    found = sample_correspondences(scene.maps, scene.body, 60)
    like = scene.body.v_template
    center = scene.joints[0].astype(np.float64)
    seen = batch_observations([ObservationRows.of(found)], [scene.maps.cameras], [center], scene.body)
    state = State.from_params(
        scene.params.replace(transl=scene.params.transl - torch.as_tensor(center).float())
    )
    g = torch.Generator().manual_seed(0)
    step = torch.zeros(1, TANGENT_DIM)
    step[:, FREE.columns()] = 0.1 * torch.randn(1, len(FREE.columns()), generator=g)
    noise = Noise(torch.full_like(seen.weight, 0.01), torch.full_like(seen.weight, 0.1))
    return (
        Reprojection(scene.body, Skeleton(scene.body), seen),
        default_priors(like, FitConfig()),
        state,
        step,
        noise,
    )


def cost(data: Reprojection, priors: list, state: State, noise: Noise) -> float:
    return float(data.cost(state, noise) + prior_cost(priors, variables_of(state)))


def test_lm_descends_to_a_stationary_point(problem):
    data, priors, truth, step, noise = problem
    before = truth.retract(step)
    after, report = levenberg_marquardt(data, priors, before, FREE, noise, iterations=15, tolerance=1e-6)
    assert bool(report.converged.all()) and report.iterations < 15
    least, first = cost(data, priors, after, noise), cost(data, priors, before, noise)
    assert least <= cost(data, priors, truth, noise) < 0.1 * first
    normal = total_normal(data, priors, after, FREE, noise)
    scaled = normal.g / normal.H.diagonal(dim1=-2, dim2=-1).sqrt()
    assert scaled.abs().max() < 0.05
    assert float(report.cost) == pytest.approx(least, rel=1e-4)


def test_lm_moves_only_what_is_free(problem):
    data, priors, truth, step, noise = problem
    before = truth.retract(step)
    after, _ = levenberg_marquardt(data, priors, before, Free((3, 18)), noise, iterations=3)
    still = [j for j in range(55) if j not in (3, 18)]
    assert torch.allclose(after.rotations[:, still], before.rotations[:, still], atol=1e-6)
    assert torch.equal(after.betas, before.betas) and torch.equal(after.transl, before.transl)


def test_adam_descends_and_lm_beats_it(problem):
    data, priors, truth, step, noise = problem
    before = truth.retract(step)
    slow, report = adam(data, priors, before, FREE, noise, iterations=40)
    quick, _ = levenberg_marquardt(data, priors, before, FREE, noise, iterations=8)
    assert report.iterations <= 40
    assert cost(data, priors, slow, noise) < 0.6 * cost(data, priors, before, noise)
    assert cost(data, priors, quick, noise) <= cost(data, priors, slow, noise)


def test_a_singular_or_broken_system_gives_no_step(problem):
    data, priors, truth, _, noise = problem
    normal = total_normal(data, priors, truth, FREE, noise)
    normal.H[:, 0] = torch.nan
    normal.cost[:] = torch.nan
    assert torch.equal(solve_damped(normal, torch.ones(1)), torch.zeros(1, len(FREE.columns())))
