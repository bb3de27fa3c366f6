"""The diffusion prior as a term of the fit: exact for Gaussians, the same for both solvers."""

import numpy as np
import pytest
import torch

from benchmarks.corruption import drop_labels
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.terms.diffusion_prior import (
    DiffusionPrior,
    LocalGaussian,
    denoiser_jacobian,
    localised,
)
from diffproxy.fitting.terms.paper_objective import published_weight
from diffproxy.fitting.terms.priors import Prior, default_priors, pose_priors
from diffproxy.pose_prior import PosePrior, load_prior, sde
from diffproxy.pose_prior.network import BODY, NetConfig, TimeNet, WholeBodyNet
from diffproxy.utils.errors import InputError


@pytest.fixture
def gaussian():
    """A prior that is exactly N(mean, covariance) over body poses, double precision, with these two."""
    torch.manual_seed(0)
    root = 0.3 * torch.randn(BODY, BODY, dtype=torch.float64) / BODY**0.5
    covariance = root @ root.T + 0.01 * torch.eye(BODY, dtype=torch.float64)
    mean, std = (
        0.2 * torch.randn(BODY, dtype=torch.float64),
        0.5 + 0.3 * torch.rand(BODY, dtype=torch.float64),
    )
    prior = PosePrior(
        WholeBodyNet(TimeNet(NetConfig(BODY, 64, 16, False, 0.0, linear=True))).double(), mean, std
    )
    prior.net.body.linear.set(torch.zeros(BODY), covariance / std[:, None] / std)
    return prior.double().eval(), mean, covariance, std


def test_around_a_gaussian_it_is_that_gaussian_blurred(gaussian):
    """With curvature the local model is the Gaussian prior itself, its covariance widened by the noise."""
    model, mean, covariance, std = gaussian
    t = sde.time_of(0.5)
    variables = 0.5 * torch.randn(2, 176, dtype=torch.float64)
    local = DiffusionPrior(model, times=(t, t)).around(variables, 0.3, "lm")
    assert isinstance(local, LocalGaussian) and isinstance(local, Prior)
    precision = torch.linalg.inv(covariance + torch.diag((0.5 * std).square()))
    assert torch.allclose(
        local.A.transpose(1, 2) @ local.A, precision.expand(2, -1, -1), rtol=1e-4, atol=1e-3
    )
    assert torch.allclose(local.mean, mean.expand(2, -1), atol=1e-4)


@pytest.mark.parametrize("draws", [0, 3])
def test_both_forms_have_the_gradient_of_the_log_density(gaussian, draws):
    model, mean, covariance, std = gaussian
    t = sde.time_of(0.4)
    variables = 0.4 * torch.randn(1, 176, dtype=torch.float64)
    precision = torch.linalg.inv(covariance + torch.diag((0.4 * std).square()))
    expected = precision @ (variables[0, 3:66] - mean)
    for curvature in (True, False):
        local = DiffusionPrior(model, times=(t, t), curvature=curvature, draws=draws).around(
            variables, 1.0, "lm"
        )
        gradient = (local.jacobian(variables).transpose(1, 2) @ local.residual(variables)[..., None])[0, :, 0]
        assert torch.allclose(gradient[3:66], expected, rtol=1e-4, atol=1e-4)
        assert not gradient[:3].any() and not gradient[66:].any()


def test_denoiser_jacobian_against_autograd(random_prior):
    x, t = torch.randn(2, 153), torch.tensor([0.25])

    def clean(one: torch.Tensor) -> torch.Tensor:
        return random_prior.denoise(sde.alpha(t) * one[None], t)[0]

    expected = torch.stack([torch.autograd.functional.jacobian(clean, row) for row in x])
    assert torch.allclose(denoiser_jacobian(random_prior, x, t), expected, atol=1e-4)


def test_adam_sees_a_stopped_gradient(random_prior):
    term = DiffusionPrior(
        random_prior, weight=0.7, times=(0.3, 0.1), generator=torch.Generator().manual_seed(0)
    )
    term = term.around(torch.zeros(2, 176), 0.5, "adam")
    assert isinstance(term, DiffusionPrior) and term.time() == pytest.approx(0.2)
    variables = (0.3 * torch.randn(2, 176)).requires_grad_()
    r = term.residual(variables)
    (0.5 * r.square().sum()).backward()
    expected = (term.jacobian(variables.detach()).transpose(1, 2) @ r.detach()[..., None])[..., 0]
    assert variables.grad is not None and torch.allclose(variables.grad, expected, atol=1e-4)
    assert not torch.equal(r, term.residual(variables))  # fresh noise


def test_constant_priors_stay_what_they_are(body):
    terms = default_priors(body.v_template, FitConfig())
    assert all(a is b for a, b in zip(terms, localised(terms, torch.zeros(1, 176), 0.5), strict=True))


def test_published_weight():
    assert [round(published_weight(t), 2) for t in (0.05, 0.1, 0.15, 0.5)] == [16.74, 4.59, 2.15, 0.52]


def test_choosing_a_prior(body, tmp_path):
    like = body.v_template
    assert pose_priors(like, "none", 1.0) == [] and len(pose_priors(like, "gaussian", 1.0)) == 3
    (term,) = pose_priors(like, "diffusion", 2.0)
    assert isinstance(term, DiffusionPrior) and term.weight == 2.0 and term.model.net.dim == 153
    with pytest.raises(InputError, match="prior=diffusion"):
        pose_priors(like, str(tmp_path / "none"), 1.0)


def test_packaged_prior_prefers_real_poses():
    """Held-out poses are denoised better than by doing nothing, and knees that bend forward cost more."""
    from diffproxy.motion.pose_bank.sampler import load_pose_bank

    prior = load_prior()
    bank = load_pose_bank()
    rows = bank.rows("test")[::8]
    hands = np.concatenate([bank.left_hand_pose[:1], bank.right_hand_pose[:1]], axis=1).repeat(len(rows), 0)
    pose = torch.as_tensor(np.concatenate([bank.body_pose[rows], hands], axis=1))
    x = prior.normalise(pose)
    t = torch.full((len(x),), 0.25)
    x_t = sde.diffuse(x, t, torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))
    error = (prior.denoise(x_t, t) - x).square().mean()
    assert error < 0.5 * (x_t / sde.alpha(t)[:, None] - x).square().mean()
    drawn = prior.sample(16, torch.Generator().manual_seed(0), steps=40)
    assert torch.isfinite(drawn).all() and (drawn[:, 9] > -0.3).float().mean() > 0.9  # left knees


def test_an_unseen_arm_stays_human(make_scene):
    scene = make_scene(1)
    arm = [i for i, n in scene.body.atlas.palette.names.items() if n.endswith("_l") and "arm" in n]
    config = FitConfig(hands=False, max_pixels=120, num_initial_rotations=96, prior="diffusion")
    result = fit(drop_labels(scene.maps, arm), scene.body, config)
    assert result.status == "ok" and np.isfinite(result.joint_std).all()
    seen = [j for j in range(22) if j not in (16, 18, 20)]
    assert np.linalg.norm(result.joints[seen] - scene.joints[seen], axis=-1).mean() < 0.01
    assert np.linalg.norm(result.joints[20] - scene.joints[20]) < 0.6
    assert result.joint_std[20] > 5 * result.joint_std[21]
