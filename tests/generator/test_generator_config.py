"""Configurations survive JSON and refuse contradictions."""

import pytest
import torch

from diffproxy.errors import InputError
from diffproxy.generator import GeneratorConfig, nano_config, preset, sd21_config
from diffproxy.generator.schedule import (
    DRAFT_STD,
    add_noise,
    around_draft,
    draft_loss_scale,
    make_scheduler,
    predicted_x0,
    training_target,
)


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
    config = nano_config()
    scheduler = make_scheduler(config.replace(scheduler={**config.scheduler, "prediction_type": kind}))
    x0, noise, t = torch.randn(5, 2, 3), torch.randn(5, 2, 3), torch.tensor([0, 10, 300, 700, 900])
    xt = add_noise(scheduler, x0, noise, t)
    target = training_target(scheduler, x0, noise, t)
    torch.testing.assert_close(predicted_x0(scheduler, target, xt, t), x0, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("t", [0, 50, 300, 749, 999])
def test_around_a_draft_with_normal_errors_nothing_is_left_to_find(t):
    """The mean is the best estimate there is: its error has the stated deviation and no trace of x_t."""
    scheduler, rng = make_scheduler(nano_config()), torch.Generator().manual_seed(t)
    draft = torch.rand(1, 200_000, generator=rng) * 2 - 1
    x0 = draft + DRAFT_STD * torch.randn(draft.shape, generator=rng)
    xt = add_noise(scheduler, x0, torch.randn(draft.shape, generator=rng), torch.tensor([t]))
    found = around_draft(scheduler, xt, draft, torch.tensor([t]))
    error = x0 - found.mean
    assert error.std().item() == pytest.approx(found.unit.item(), rel=0.01)
    scale = draft_loss_scale(scheduler, torch.tensor([t]), xt)
    assert (scale * found.unit).item() == pytest.approx(DRAFT_STD)
    assert found.innovation.std().item() == pytest.approx(1, rel=0.01)
    for known in (found.innovation, draft):
        assert abs(torch.corrcoef(torch.cat([error, known]))[0, 1].item()) < 0.01
    if t == 999:
        assert torch.equal(found.mean, draft) and found.unit.item() == pytest.approx(DRAFT_STD)
