"""The benchmark of the person detector: its groups, its arithmetic, and its quick runs."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from diffproxy.body import load_body
from diffproxy.cameras import load_rig, open_frames
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardView
from diffproxy.export import load_result
from diffproxy.proxies import render_proxies

RIG = Path(__file__).parents[2] / "examples/synthetic_rig"


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("detector")


def test_recall_overlap_and_false_people(script) -> None:
    boxes = [[(0, 0, 10, 10), (40, 0, 50, 10)], [(0, 0, 10, 6)], []]
    frames = [script.Frame(np.zeros((1, 1, 3), np.uint8), (0, 0, 10, 10), (), ("all",)) for _ in boxes]
    answers = iter(boxes)
    detector = SimpleNamespace(locate=lambda images: [[SimpleNamespace(box=b) for b in next(answers)]])
    row = script.judge(detector, iter(frames))["all"]
    assert row["frames"] == 3 and row["recall"] == row["best_first"] == pytest.approx(2 / 3, abs=1e-3)
    assert row["iou"] == pytest.approx(1.6 / 3, abs=1e-3) and row["iou_found"] == pytest.approx(0.8)
    assert row["false_people"] == pytest.approx(1 / 3, abs=1e-3)


def test_groups(script, make_ring) -> None:
    camera = make_ring(1, size=100)[0]
    assert script.groups_of((10, 10, 30, 90), (), camera, 10.0) == ("all", "upright")
    assert script.groups_of((0, 10, 20, 30), ((1, 1, 2, 2),), camera, 170.0) == (
        *("all", "upside_down", "cut_off", "bystanders", "small"),
    )
    joints = np.zeros((55, 3))
    joints[script.NECK, 1] = 0.5
    assert script.tilt(joints, camera) == pytest.approx(0, abs=2)
    assert script.tilt(-joints, camera) == pytest.approx(180, abs=2)


def test_the_shipped_rig_as_shards_and_as_a_rig(script, tmp_path) -> None:
    result, body = load_result(RIG / "ground_truth.npz"), load_body("anny")
    frames, params = open_frames(RIG, load_rig(RIG)), result.body_params()
    maps = render_proxies(body, body(params).vertices[0].numpy(), frames.cameras)
    with ShardWriter(tmp_path / "s.tar") as writer:
        views = [
            ShardView(i, maps.labels[v], maps.uv[v], (maps.labels[v] > 0).astype(np.uint8), c, "full")
            for v, (i, c) in enumerate(zip(frames.read(0), frames.cameras, strict=True))
        ]
        writer.add("k0", views, params, {"topology": body.topology_id})
    out = tmp_path / "out.json"
    for words in ([f"shards={tmp_path}"], [f"rig={RIG}", f"result={RIG / 'ground_truth.npz'}"]):
        report = script.main([*words, "sides=256", f"out={out}"])
        row = report["256"]["all"]
        assert row["frames"] == 4 and row["recall"] == 1 and row["iou"] > 0.85 and row["false_people"] == 0
        assert json.loads(out.read_text()) == report
    assert report["256"]["associated"]["views"] == 4 and report["256"]["associated"]["iou"] > 0.85
