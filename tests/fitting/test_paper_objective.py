"""The paper's Eq. 6 and 7: the data term and the prior's loss by hand, and the settings of `preset=paper`."""

from dataclasses import replace

import pytest
import torch

from diffproxy.commands import evaluate_command, fit_command
from diffproxy.fitting.config import FitConfig, schedule
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.state import HAND_JOINT_NUMBERS, State
from diffproxy.fitting.terms.diffusion_prior import DiffusionPrior
from diffproxy.fitting.terms.paper_objective import eq6_factor, published_weight, squared_pixels
from diffproxy.fitting.terms.priors import LinearPrior, default_priors
from diffproxy.fitting.terms.reprojection import Reprojection
from diffproxy.pipeline.take import fit_config
from diffproxy.pose_prior import load_prior


def test_the_data_term_is_the_weighted_sum_of_squared_pixels(random_body, random_params, random_observations):
    expression = random_params.expression
    skeleton = Skeleton(random_body, expression)
    term = Reprojection(random_body, skeleton, random_observations, expression)
    state = State.from_params(random_params)
    points = random_body.surface_points(random_params, random_observations.faces, random_observations.bary)
    homogeneous = torch.cat([points, torch.ones_like(points[..., :1])], -1)
    projected = (random_observations.P @ homogeneous[..., None])[..., 0]
    assert (projected[..., 2] > 0.1).all()
    d = projected[..., :2] / projected[..., 2:] - random_observations.pixels
    by_hand = (random_observations.weight * d.square().sum(-1)).sum(-1)
    torch.testing.assert_close(
        term.cost(state, squared_pixels(random_observations)), by_hand, rtol=1e-5, atol=0
    )


def test_coarser_maps_count_like_the_papers():
    """At half the side there are a quarter of the pixels, and the same distance is half as many."""
    assert eq6_factor(256) == 1 and eq6_factor(128) == 4 * 2**2


def test_the_prior_has_the_published_loss():
    """Half the squared residual is lambda times the weight times the squared difference of pose and denoised pose."""
    term = DiffusionPrior(
        load_prior(), 0.1, published=True, now=0.0, generator=torch.Generator().manual_seed(0)
    )
    ours = replace(term, published=False, weight=1.0, generator=torch.Generator().manual_seed(0))
    x = 0.1 * torch.randn(1, 176, generator=torch.Generator().manual_seed(1))
    ratio = term.residual(x).square().sum() / ours.residual(x).square().sum()
    spread2 = 1 / (ours.factor() ** 2)
    torch.testing.assert_close(float(ratio), 2 * 0.1 * published_weight(0.35) * spread2, rtol=1e-4, atol=0)


@pytest.mark.parametrize("command", [fit_command, evaluate_command])
def test_the_preset_sets_the_papers_fit_and_can_be_changed(command):
    options = command().compose(["preset=paper", "samples=1"])
    assert (options.samples, options.tta_flip, options.crop_source) == (1, False, "segmentation")
    config = fit_config(options.solver, options.hands, options.prior)
    assert (config.solver, config.objective, config.prior, config.pose_weight) == (
        "adam",
        "paper",
        "diffusion",
        0.1,
    )
    stages = schedule(config, free_shape=True, hands=True)
    assert [s.name for s in stages] == ["place", "body", "hands"]
    assert [s.threshold for s in stages] == [0.1, 0.01, 0.01]
    assert not set(stages[1].free.joints) & set(HAND_JOINT_NUMBERS) and stages[1].free.betas
    shape = [
        p for p in default_priors(torch.zeros(1), config) if isinstance(p, LinearPrior) and p.A.shape[1] < 11
    ]
    assert all(float(p.A.abs().max()) <= 1e-6 for p in shape)
    assert command().compose([]).solver.settings == {} and FitConfig().objective == "robust"
