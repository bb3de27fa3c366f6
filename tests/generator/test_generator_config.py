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


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"image_size": "banana"}, "image_size as int, as 256"),
        ({"image_size": 7}, "divisible by proxy_size"),
        ({"num_labels": 0}, "num_labels as a whole number of 1 to"),
        ({"unet": 3}, "unet as a mapping"),
        ({"frozen": "encoder"}, "frozen as tuple"),
        ({"attention": 3}, "attention switches"),
    ],
)
def test_changes_of_other_kinds_are_refused(changes, match):
    with pytest.raises(InputError, match=match):
        nano_config().changed(changes)


def test_sizes_in_a_file_are_bounded():
    with pytest.raises(InputError, match="image_size as a whole number"):
        GeneratorConfig.from_json(nano_config().to_json().replace('"image_size": 256', '"image_size": 0'))


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
