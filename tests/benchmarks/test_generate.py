"""The benchmark of the generator's stages, with a tiny network, and that of digests, with two files."""

import json

import numpy as np
import pytest

from tests.training.conftest import tiny_generator  # noqa: F401


def test_stages_of_a_tiny_generator(load_benchmark, tiny_generator):  # noqa: F811
    words = [f"generator={tiny_generator}", "views=2", "samples=2", "steps=1", "runs=1"]
    found = json.loads(json.dumps(load_benchmark("generate").main(words)))
    (row,) = found["cases"]
    assert (row["views"], row["samples"], row["steps"], found["generator"]) == (2, 2, 1, "tiny")
    stages = [row[k] for k in ("condition", "denoise", "decode", "aggregate")]
    assert min(stages) > 0 and row["total_s"] == pytest.approx(sum(stages), abs=1e-3) and row["dense"] > 0
    assert found["parameters"].keys() == {"unet", "adapter", "encoder", "codec"} and row["peak_mib"] >= 0


def test_digests_of_images_alone_are_made(load_benchmark, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    for name in ("images/a.png", "b.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(1500))
    load_benchmark("digests").main([str(tmp_path)])
    row = json.loads(capsys.readouterr().out)
    assert (row["folder"], row["files"], row["MB"]) == (str(tmp_path), 2, 0.003)
    assert 0 <= row["again"] <= row["first"] + 0.01
