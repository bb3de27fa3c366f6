import pytest
import torch
from torch import nn

from diffproxy.utils.ema import EMA


def test_average_follows_the_formula_and_can_be_worn_and_taken_off():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    ema = EMA(model, decay=0.5)
    expected = 0.0
    for n, value in enumerate([1.0, 3.0, -2.0], start=1):
        nn.init.constant_(model.weight, value)
        ema.update(model)
        keep = min(0.5, (1 + n) / (10 + n))
        expected = keep * expected + (1 - keep) * value
    with ema.applied(model):
        assert model.weight.item() == pytest.approx(expected, abs=1e-6)
    assert model.weight.item() == -2.0


def test_state_round_trip():
    model = nn.Linear(2, 2)
    ema = EMA(model)
    ema.update(model)
    other = EMA(nn.Linear(2, 2))
    other.load_state_dict(ema.state_dict())
    assert other.updates == 1
    assert all(torch.equal(other.shadow[k], v) for k, v in ema.shadow.items())


def test_frozen_parameters_are_left_alone():
    model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    model[0].requires_grad_(False)
    assert set(EMA(model).shadow) == {"1.weight", "1.bias"}
