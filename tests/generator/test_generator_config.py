"""Configurations survive JSON and refuse contradictions."""

import pytest
import torch

from diffproxy.generator import GeneratorConfig, nano_config, preset, sd21_config
from diffproxy.generator.network.schedule import (
    add_noise,
    make_scheduler,
    training_target,
)
from diffproxy.utils.errors import InputError


@pytest.mark.parametrize("config", [nano_config(), sd21_config()], ids=lambda c: c.name)
def test_json_round_trip(config):
    assert GeneratorConfig.from_json(config.to_json()) == config


def test_contradictions_and_unknowns_are_refused():
    with pytest.raises(InputError, match="sample_size"):
        nano_config().replace(proxy_size=128)
    with pytest.raises(InputError, match="nano"):
        preset("huge")
    with pytest.raises(InputError, match="version"):
        GeneratorConfig.from_json('{"name": "x"}')


def test_nano_starts_from_pure_noise_and_samples_trailing():
    scheduler = make_scheduler(nano_config())
    assert scheduler.alphas_cumprod[-1] == 0
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 749, 499, 249]


@pytest.mark.parametrize("kind", ["sample", "epsilon", "v_prediction"])
def test_target_and_prediction_are_inverse(kind):
    config = sd21_config()
    scheduler = make_scheduler(config.replace(scheduler={**config.scheduler, "prediction_type": kind}))
    x0, noise, t = torch.randn(5, 2, 3), torch.randn(5, 2, 3), torch.tensor([0, 10, 300, 700, 900])
    xt = add_noise(scheduler, x0, noise, t)
    target = training_target(scheduler, x0, noise, t)
    alpha_bar = scheduler.alphas_cumprod[t].view(5, 1, 1)
    signal, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    inverse = {
        "sample": target,
        "epsilon": (xt - sigma * target) / signal,
        "v_prediction": signal * xt - sigma * target,
    }
    torch.testing.assert_close(inverse[kind], x0, rtol=1e-3, atol=1e-3)
