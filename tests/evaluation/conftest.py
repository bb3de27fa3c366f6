"""The rigs and made-up generators of the pipeline's tests, and shards of bodies that are known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardView
from diffproxy.evaluation import table1, tables
from diffproxy.evaluation.table_files import METRICS
from diffproxy.proxies import render_proxies
from tests.pipeline.conftest import oracle_of, params_of  # noqa: F401

SIZE = 128


def write_shards(folder, body, cameras, bodies, grey: int = 20):
    """Shards with one subject for each given body (grey images, so that the oracle knows it)."""
    with ShardWriter(folder / "s.tar") as writer:
        for k, params in enumerate(bodies):
            with torch.no_grad():
                maps = render_proxies(body, body(params).vertices[0].numpy(), cameras)
            rgb = np.full((SIZE, SIZE, 3), (k + 1) * grey, np.uint8)
            views = [
                ShardView(rgb, maps.labels[v], maps.uv[v], (maps.labels[v] > 0).astype(np.uint8), c, "body")
                for v, c in enumerate(cameras)
            ]
            writer.add(f"k{k}", views, params, {"topology": body.topology_id})
    return folder


@pytest.fixture(scope="session")
def ring_of_four(make_ring):
    return make_ring(4, size=SIZE, radius=3.2)


@pytest.fixture
def shards_of(tmp_path, body, ring_of_four):
    """Factory: `write_shards` into the test's own folder."""
    return lambda bodies, grey=20: write_shards(tmp_path / "shards", body, ring_of_four, bodies, grey)


@pytest.fixture
def evaluate(monkeypatch):
    """Stands in for `evaluate.py`; the errors tell data set and configuration."""
    calls = []

    def run(full):
        words = dict(w.split("=", 1) for w in full)
        calls.append(words)
        base = (
            10 * ("dataset.partial" in words) + (words.get("hands") == "true") + int(words.get("samples", 1))
        )
        summary = {key: {"mean": base + k / 10} for k, key in enumerate(METRICS)}
        Path(words["out"]).write_text(json.dumps({"summary": summary}))

    monkeypatch.setattr(tables, "run_evaluate", run)
    monkeypatch.setattr("diffproxy.evaluation.kept_report.inputs_of", lambda words: "")
    monkeypatch.setattr(table1, "draws_samples", lambda words: True)
    return calls
