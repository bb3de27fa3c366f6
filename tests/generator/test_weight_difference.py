"""A fine-tuned encoder stored as its rounded difference to the packaged one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from diffproxy.generator import build_generator, load_saved_generator, nano_config, save_generator
from diffproxy.generator.checkpoint import DIFFERENCE, INDEX
from diffproxy.generator.weight_difference import (
    LEVELS,
    MAX_ROUNDING,
    add_difference,
    rounded_difference,
)
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_npz
from tests.generator.test_packaged_encoder import PALETTE


@pytest.fixture
def published():
    rng = torch.Generator().manual_seed(0)
    return {
        "a": torch.randn(5, 4, 3, 3, generator=rng),
        "b": torch.randn(7, generator=rng),
        "c": torch.ones(2),
    }


def fine_tuned(state, size=0.01):
    rng = torch.Generator().manual_seed(1)
    changed = {k: v + size * torch.randn(v.shape, generator=rng) for k, v in state.items() if k != "c"}
    return {**state, **changed}


def test_steps_of_a_known_difference():
    start = {"w": torch.ones(2, 3)}
    change = torch.tensor([[0.0, 1.0, -0.4], [0.02, 0.0, 0.008]])
    arrays = rounded_difference({"w": start["w"] + change * 1e-3 * LEVELS}, start)
    np.testing.assert_array_equal(arrays["w"], [[0, LEVELS, -51], [LEVELS, 0, 51]])
    np.testing.assert_allclose(arrays["w.scale"], [1e-3, 2e-5], rtol=1e-3)
    assert arrays["w"].dtype == np.int8


def test_the_round_trip_is_as_exact_as_stated_and_leaves_out_what_is_equal(published):
    state = fine_tuned(published)
    arrays = rounded_difference(state, published)
    assert set(arrays) == {"a", "a.scale", "b", "b.scale"}
    again = add_difference(published, arrays, "a test")
    for name, tensor in state.items():
        assert torch.linalg.norm(again[name] - tensor) <= MAX_ROUNDING * torch.linalg.norm(tensor)
    assert torch.equal(again["c"], published["c"])
    assert rounded_difference(again, published).keys() == arrays.keys()
    assert all(
        np.array_equal(v, arrays[k])
        for k, v in rounded_difference(again, published).items()
        if v.dtype == np.int8
    )


def test_weights_far_from_the_published_ones_are_refused(published):
    with pytest.raises(InputError, match="close to the published"):
        rounded_difference(fine_tuned(published, 1.0), published)
    with pytest.raises(InputError, match="of another shape"):
        rounded_difference({**published, "b": torch.ones(3)}, published)


@pytest.mark.parametrize("damage", ["unknown", "shape", "no scale"])
def test_a_difference_of_another_network_is_refused(published, damage):
    arrays = rounded_difference(fine_tuned(published), published)
    if damage == "unknown":
        arrays["d"], arrays["d.scale"] = arrays.pop("a"), arrays.pop("a.scale")
    elif damage == "shape":
        arrays["b"] = arrays["b"][:-1]
    else:
        del arrays["b.scale"]
    with pytest.raises(InputError, match="does not fit"):
        add_difference(published, arrays, "a test")


def test_a_saved_generator_with_a_difference_comes_back(thunder_generator, tmp_path):
    trained = build_generator(thunder_generator.config.replace(frozen=()))
    trained.load_state_dict(thunder_generator.state_dict())
    with torch.no_grad():
        for parameter in trained.encoder.net.last.parameters():
            parameter += 1e-3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    folder = save_generator(trained, PALETTE, tmp_path / "g", half=True, difference=True)
    assert [p.name for p in (folder / "encoder").iterdir()] == ["difference.npz"]
    again, _ = load_saved_generator(folder)
    for key, value in trained.encoder.state_dict().items():
        norm = torch.linalg.norm(value)
        assert torch.linalg.norm(again.encoder.state_dict()[key] - value) <= MAX_ROUNDING * norm
    assert not torch.equal(again.encoder.net.last.weight, thunder_generator.encoder.net.last.weight)
    # Saved in whole, it needs no packaged weights any more.
    whole = save_generator(again, PALETTE, tmp_path / "whole")
    assert json.loads((whole / INDEX).read_text())["sources"] == {}
    (tmp_path / "damaged").mkdir()
    write_npz(folder / DIFFERENCE, {"last.weight": np.zeros(3, np.int8)})
    with pytest.raises(InputError, match="a different file"):
        load_saved_generator(folder)


def test_only_encoders_of_the_package_have_a_difference(thunder_generator, tmp_path):

    config = nano_config().replace(
        unet=thunder_generator.config.unet, encoder="efficientnet_lite0", frozen=()
    )
    with pytest.raises(InputError, match="an encoder of the package"):
        save_generator(build_generator(config), PALETTE, tmp_path / "g", difference=True)
