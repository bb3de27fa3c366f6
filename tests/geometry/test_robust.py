"""The robust loss, and the noise level of contaminated residuals."""

import numpy as np
import torch

from diffproxy.geometry.robust import geman_mcclure, rayleigh_sigma


def test_weight_is_the_derivative_of_the_loss_in_numpy_and_torch():
    square, scale = torch.tensor([0.0, 0.01, 1.0, 50.0], dtype=torch.float64, requires_grad=True), 0.7
    loss, weight = geman_mcclure(square, scale)
    (slope,) = torch.autograd.grad(loss.sum(), square)
    loss, weight = loss.detach(), weight.detach()
    assert torch.allclose(slope, weight) and float(weight[0]) == 1.0
    assert (loss < scale**2).all() and float(loss[-1]) > 0.98 * scale**2
    for ours, theirs in zip(geman_mcclure(square.detach().numpy(), scale), (loss, weight), strict=True):
        assert (ours == theirs.numpy()).all()


def test_noise_level_ignores_half_of_the_residuals():
    rng = np.random.default_rng(0)
    distance = np.linalg.norm(0.02 * rng.normal(size=(4000, 2)), axis=-1)
    weight = np.ones(4000)
    assert abs(rayleigh_sigma(distance, weight) / 0.02 - 1) < 0.05
    distance[:2000] += 10.0
    assert rayleigh_sigma(distance, weight) < 0.04
    assert rayleigh_sigma(np.array([np.nan, 1.0]), np.array([1.0, 0.0])) == np.inf
