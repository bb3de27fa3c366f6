"""Costs of a reproduction are linear in what they are made of; the toy run starts each command once."""

import json
from types import SimpleNamespace

import pytest

from diffproxy.utils.errors import InputError


def test_hours_and_disk(load_benchmark, tmp_path, capsys):
    script = load_benchmark("reproduction_costs")
    assert script.main(["gpus=1,4,8", f"out={tmp_path / 'c.json'}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "c.json").read_text())
    assert (
        found["hours"]["4"]["train"] == 36 and found["hours"]["8"]["decoder"] is None
    )  # the paper's 36 hours
    one, eight = (script.hours(script.CostOptions(), n) for n in (1, 8))
    assert all(h == pytest.approx(8 * eight[k]) for k, h in one.items() if h is not None)
    small = script.CostOptions(subjects=1, views=8, hands=2, cores_per_gpu=1)
    assert script.hours(small, 1)["render_1024"] == pytest.approx(73 / 3600)  # ten views of 7.3 seconds
    assert all(cost["source"] for cost in found["costs"].values())
    with pytest.raises(InputError, match="cores_per_gpu"):
        script.CostOptions(cores_per_gpu=0)


def test_the_toy_run_goes_on_where_it_stopped(load_benchmark, tmp_path, monkeypatch, capsys):
    script, started = load_benchmark("reproduce_toy"), []

    def start(words):
        started.append(words[1:])
        return SimpleNamespace(returncode=3 if len(started) == 3 else 0)

    monkeypatch.setattr(script.subprocess, "run", start)
    assert script.main([f"out={tmp_path}"]) == 3
    assert script.main([f"out={tmp_path}"]) == 0 and script.main([f"out={tmp_path}"]) == 0
    steps = list(script.steps(tmp_path).values())
    assert started == [*steps[:3], *steps[2:]]
    costs = json.loads((tmp_path / "toy.json").read_text())
    assert costs.keys() == script.steps(tmp_path).keys()
    assert all(cost.keys() == {"seconds", "cpu_seconds"} for cost in costs.values())
