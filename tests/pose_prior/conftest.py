"""A small prior whose truth is a known Gaussian."""

from __future__ import annotations

import pytest
import torch

from diffproxy.pose_prior import PosePrior
from diffproxy.pose_prior.network import BODY, NetConfig, TimeNet, WholeBodyNet


@pytest.fixture
def gaussian_prior():
    """A prior without anything learned: poses are exactly N(mean, covariance). Returns it with both, in radians."""
    torch.manual_seed(0)
    net = WholeBodyNet(TimeNet(NetConfig(BODY, 64, 16, False, 0.0, linear=True)))
    root = 0.3 * torch.randn(BODY, BODY, dtype=torch.float64) / BODY**0.5
    covariance = root @ root.T + 0.01 * torch.eye(BODY, dtype=torch.float64)
    mean = 0.2 * torch.randn(BODY, dtype=torch.float64)
    std = 0.2 + 0.3 * torch.rand(BODY, dtype=torch.float64)
    net.body.linear.set(torch.zeros(BODY), covariance / std[:, None] / std)
    prior = PosePrior(net, mean.float(), std.float()).eval()
    return prior, mean, covariance, std
