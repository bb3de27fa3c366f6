"""The diffusion and the networks against the numbers that the reference states."""

import pytest
import torch

from diffproxy.pose_prior import sde
from diffproxy.pose_prior.network import NetConfig, TimeNet, embedding


@pytest.mark.parametrize(
    ("t", "alpha", "sigma", "ratio"),
    [
        (0.05, 0.9852, 0.0294, 33.5),
        (0.1, 0.9467, 0.1037, 9.13),
        (0.15, 0.8874, 0.2125, 4.18),
        (0.5, 0.2812, 0.9209, 0.31),
    ],
)
def test_noise_schedule(t, alpha, sigma, ratio):
    at = torch.tensor(t, dtype=torch.float64)
    assert float(sde.alpha(at)) == pytest.approx(alpha, abs=5e-5)
    assert float(sde.sigma(at)) == pytest.approx(sigma, abs=5e-5)
    assert float(1 / sde.spread(at)) == pytest.approx(ratio, rel=2e-2)
    assert sde.time_of(float(sde.spread(at))) == pytest.approx(t, abs=1e-9)


@pytest.mark.parametrize(("dim", "millions"), [(63, 7.228), (45, 7.191), (103, 7.310), (100, 7.304)])
def test_published_sizes(dim, millions):
    net = TimeNet(NetConfig(dim))
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=6e-4)
    assert len(net.state_dict()) == 35 and len(list(net.parameters())) == 34
    assert float(net.sigmas[0]) == pytest.approx(50.0) and float(net.sigmas[999]) == pytest.approx(0.01)


def test_correction_size():
    net = TimeNet(NetConfig(256, 512, 256, input=4096))
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(4.008, abs=1e-3)


def test_time_embedding_is_sines_then_cosines():
    e = embedding(torch.tensor([0.0, 2.0]), 8)
    assert e.shape == (2, 8) and e[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert float(e[1, 0]) == pytest.approx(0.9093, abs=1e-4) and float(e[1, 3]) == pytest.approx(
        2e-4, abs=1e-6
    )


def test_scaled_output_is_divided_by_the_table():
    torch.manual_seed(0)
    net = TimeNet(NetConfig(5, 32, 8)).eval()
    x, t = torch.randn(3, 5), torch.full((3,), 0.1)
    plain = TimeNet(NetConfig(5, 32, 8, scaled=False)).eval()
    plain.load_state_dict(net.state_dict())
    assert torch.allclose(net(x, t) * net.sigmas[99], plain(x, t), rtol=1e-5)
