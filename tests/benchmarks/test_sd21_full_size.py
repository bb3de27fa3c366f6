"""The benchmark of the paper's network at full size, here of a few channels: all stages, once each."""

import dataclasses
import json
import resource

import pytest
import yaml

from diffproxy.training.config import TrainConfig
from diffproxy.training.trainer import train
from tests.generator.test_pretrained import tiny_sd21
from tests.training.conftest import shards_of, tiny_shards  # noqa: F401


@pytest.fixture
def script(load_benchmark, monkeypatch, request):
    # it imports `generate` where it samples
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    return load_benchmark("sd21_full_size")


def test_a_generator_is_built_trained_loaded_and_sampled(script, tiny_shards, tmp_path, monkeypatch, capsys):  # noqa: F811
    started = []

    def in_this_process(words):
        started.append(words)
        if words[0] == "train_generator.py":
            given = {name: yaml.safe_load(value) for name, _, value in (w.partition("=") for w in words[1:])}
            train(TrainConfig(**given))
            return {}
        assert script.main(words[1:]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    monkeypatch.setattr(script, "measured", in_this_process)
    network = json.dumps(dataclasses.asdict(tiny_sd21()))
    words = [f"shards={tiny_shards}", f"out={tmp_path}", f"network={network}", "samples=2", "views=1,3"]
    assert script.main(words) == 0
    rows = json.loads((tmp_path / "sd21.json").read_text())
    assert rows == json.loads(capsys.readouterr().out)
    assert [*rows] == [
        "public",
        "build",
        "train",
        "sample, 1 views, K=2, 2 steps",
        "sample, 3 views, K=2, 2 steps",
    ]
    assert 0 < rows["build"]["trained"] < rows["build"]["parameters"] < 1e6
    assert [row["proxies"] for name, row in rows.items() if "sample" in name] == [[1, 64, 64], [3, 64, 64]]
    assert [*(tmp_path / "train/checkpoints").iterdir()] == [tmp_path / "train/checkpoints/step_0000001.pt"]
    assert script.main(words) == 0 and len(started) == 5  # finished stages are not repeated


def test_the_peak_is_of_the_process_that_was_started(script):
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # forks inherit it
    code = f"memory = bytearray(b'1') * {own + 10**8}; print('{{\"found\": 0.123456}}')"
    row = script.measured(["-c", code])
    assert (own + 1e8) / 1e9 - 0.01 < row["peak_gb"] < (own + 3e8) / 1e9 and row["found"] == 0.12
    assert row["cpu_seconds"] > 0 and row["seconds"] > 0
    with pytest.raises(script.subprocess.CalledProcessError):
        script.measured(["-c", "raise SystemExit(3)"])
