"""The calibration report: exact on made-up statements, and end to end on a tiny network."""

import json

import numpy as np
import pytest

from diffproxy.generator import DiffProxyPipeline
from diffproxy.utils.errors import InputError


@pytest.fixture(scope="module")
def uncertainty(load_benchmark):
    return load_benchmark("uncertainty")


def test_a_perfect_statement_has_no_area_and_a_constant_one_that_of_chance(uncertainty):
    error = np.random.default_rng(0).exponential(size=5000)
    right = np.ones(5000)
    perfect = uncertainty.calibration(error, error, right)
    assert perfect["rank"] == pytest.approx(1) and perfect["ause"] == pytest.approx(0)
    means = [b["error_mean_mm"] for b in perfect["bins"]]
    assert means == sorted(means) and [b["stated"] for b in perfect["bins"]] == pytest.approx(means)
    assert sum(b["share"] for b in perfect["bins"]) == pytest.approx(1) and len(means) == 10
    silent = uncertainty.calibration(np.zeros(5000), error, right)
    assert silent["rank"] == 0 and len(silent["bins"]) == 1
    assert silent["ause"] == pytest.approx(silent["ause_random"])
    wrong = uncertainty.calibration(-error, error, right)
    assert wrong["rank"] == pytest.approx(-1) and wrong["ause"] > silent["ause"]


def test_the_spread_of_surface_points_is_in_millimetres(uncertainty, body):
    """Two samples a known distance apart on the rest body: their deviation is that distance over the root of 2."""
    from diffproxy.metrics.proxies import rest_points

    label = body.atlas.palette.body_ids[0]
    candidates = np.random.default_rng(0).uniform(0.2, 0.8, (200, 2)).astype(np.float32)
    points, ok = rest_points(np.full(200, label, np.uint8), candidates, body)
    a, b = np.flatnonzero(ok)[:2]
    labels = np.full((2, 1, 1, 2), label, np.uint8)
    labels[1, 0, 0, 1] = 0
    uv = np.stack([candidates[[a, a]], candidates[[b, b]]])[:, None, None]
    spread = uncertainty.spread_mm(labels, uv, body)
    expected = 1000 * np.linalg.norm(points[a] - points[b]) / np.sqrt(2)
    np.testing.assert_allclose(spread[0, 0], [expected, 0], rtol=1e-4)


def test_the_report_of_a_tiny_network(uncertainty, tiny_shards, tiny_generator, tmp_path):
    pipe = DiffProxyPipeline.from_pretrained(tiny_generator, precision="fp32")
    result = uncertainty.report(pipe, str(tiny_shards), 2, 1, 1, tmp_path / "u")
    assert set(result["stated"]) == {"uv", "label", "spread", "weight"} and result["pixels"] > 10
    stored = json.loads((tmp_path / "u" / "uncertainty.json").read_text())
    assert stored["stated"]["weight"]["bins"] == result["stated"]["weight"]["bins"]
    assert (tmp_path / "u" / "uncertainty.png").stat().st_size > 1000
    with pytest.raises(InputError, match="samples >= 2"):
        uncertainty.report(pipe, str(tiny_shards), 1, 1, 1, tmp_path / "u")


def test_the_direct_head_states_one_minus_its_probability(uncertainty, tiny_shards, tiny_generator, tmp_path):
    pipe = DiffProxyPipeline.from_pretrained(tiny_generator, precision="fp32")
    result = uncertainty.report(pipe, str(tiny_shards), 1, 0, 1, tmp_path / "u")
    assert set(result["stated"]) == {"weight"}
    assert all(0 <= b["stated"] <= 1 for b in result["stated"]["weight"]["bins"])
    with pytest.raises(InputError, match="samples=1 with steps=0"):
        uncertainty.report(pipe, str(tiny_shards), 3, 0, 1, tmp_path / "u")
