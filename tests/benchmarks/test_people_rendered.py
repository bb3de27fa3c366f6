"""The benchmark of groups with images: its accounting, on a pipeline whose reports are known."""

import json

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams, load_body
from diffproxy.cameras import Camera, load_rig
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import FULL, ShardIndex, ShardView, params_to_json
from diffproxy.detector.person_detector import Candidate
from diffproxy.keypoints.landmarks import encoder_points


@pytest.fixture
def benchmark(load_benchmark, monkeypatch):
    module = load_benchmark("people_rendered")
    monkeypatch.setattr(module, "opened", lambda *_: None)
    return module


def at(x: float) -> BodyParams:
    return BodyParams.rest(1).replace(transl=torch.tensor([[x, 1.0, 0.0]]))


def view(number: int, seen: list[float]) -> ShardView:
    K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
    camera = Camera(f"cam{number}", 64, 48, K, np.eye(3), np.array([0.1 * number, -1.0, 4.0]))
    none, grey = np.zeros((48, 64), np.uint8), np.full((48, 64, 3), 9, np.uint8)
    info = {"people": [{"visible": v, "in_frame": 1.0} for v in seen]}
    return ShardView(grey, none, np.zeros((48, 64, 2), np.float32), none, camera, FULL, info)


@pytest.fixture
def shards(tmp_path):
    """A group of three, the last of whom one frame shows; a person alone; a group of two that comes too late."""
    three = [view(n, [1.0, 0.5, 0.8 if n == 0 else 0.2]) for n in range(4)]
    others = {"others": [params_to_json(at(x)) for x in (0.8, 1.6)], "group": True, "layout": "ring"}
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("s0", [view(n, [1.0]) for n in range(4)], at(0.0), {"others": [], "layout": "ring"})
        writer.add("s1", three, at(0.0), others)
        writer.add("s2", three, at(0.0), others)
    return tmp_path


def test_who_is_found_missed_and_made_up(benchmark, shards, monkeypatch):
    joints = [load_body("anny").joints(at(x))[0, :22].numpy() for x in (0.0, 0.8, 1.6)]

    def reported(folder, networks):
        rig = load_rig(folder)
        stored = [ShardIndex(shards).view(1, j).camera for j in range(4)]
        for a, b in zip(rig.cameras, stored, strict=True):
            np.testing.assert_allclose(a.K, b.K)
            np.testing.assert_allclose(a.t_cam_world, b.t_cam_world)
            assert (folder / "images" / a.name / "000000.png").is_file()
        near, far = joints[0] + np.array([0.03, 0, 0]), joints[1] + np.array([0, 0.6, 0])
        said = [
            ("ok", near),
            ("doubtful", far),
            ("no_person", None),
            ("one_view", joints[2]),
            ("no result", None),
        ]
        return [{"id": i, "status": s, "reason": "", "joints": j} for i, (s, j) in enumerate(said)]

    monkeypatch.setattr(benchmark, "reported", reported)
    out = shards / "out.jsonl"
    got = json.loads(json.dumps(benchmark.main([f"shards={shards}", "quick=1", f"out={out}"])))
    assert (got["groups"], got["people"], got["found"], got["missed"]) == (1, 2, 1, 1)
    # the third person; the far one and the one without body; the one without a result
    assert (got["found_uncounted"], got["ghosts"], got["left_out"]) == (1, 2, 1)
    assert got["statuses"] == {"ok": 1} and got["ghost_statuses"] == {"doubtful": 1, "no_person": 1}
    assert got["mpjpe"] == {"n": 1, "mean": 30.0, "median": 30.0, "worst": 30.0} == got["by_seen"]["0.9-1"]
    (row,) = map(json.loads, out.read_text().splitlines())
    assert row["key"] == "s1" and [p["counted"] for p in row["people"]] == [True, True, False]
    monkeypatch.setattr(benchmark, "reported", None)  # a second run reads what the first one wrote
    assert benchmark.main([f"shards={shards}", "quick=1", f"out={out}"]) == got


def test_the_subject_in_the_group_and_alone(benchmark, shards, monkeypatch):
    joints = load_body("anny").joints(at(0.0))[0, :22].numpy()
    errors = iter([0.06, 0.02])

    def reported(folder, networks):
        moved = joints + np.array([0, 0, next(errors)])
        return [{"id": 0, "status": "ok", "reason": "", "joints": moved}]

    monkeypatch.setattr(benchmark, "reported", reported)
    got = benchmark.main([f"shards={shards}", "quick=1", f"alone={shards}"])["subjects"]
    assert (got["group"]["mean"], got["alone"]["mean"], got["ratio"]) == (60.0, 20.0, 3.0)


def test_whom_detector_and_association_find(load_benchmark, shards, monkeypatch):
    module = load_benchmark("people_found")
    points = np.stack([encoder_points(load_body("anny"), at(x)) for x in (0.0, 0.8)])
    cameras = [ShardIndex(shards).view(1, j).camera for j in range(4)]

    class Detector:
        """Sees the second person exactly, and the first 5 cm beside the place, in all views but the last."""

        def locate(self, images):
            moved = points + np.array([[[0.05, 0.0, 0.0]], [[0.0, 0.0, 0.0]]])
            shown = [np.concatenate([c.project(moved), np.ones((2, 17, 1))], -1) for c in cameras]
            shown[-1] = shown[-1][:1]
            return [
                [Candidate((0.0, 0.0, 1.0, 1.0), 0.9, k.astype(np.float32)) for k in view] for view in shown
            ]

    monkeypatch.setattr(module, "open_finder", lambda name, body: Detector())
    got = module.main([f"shards={shards}", "limit=1", "detectors=multipose"])["multipose"]
    assert {k: got[k] for k in ("groups", "people", "found", "missed", "ghosts")} == {
        "groups": 1, "people": 2, "found": 2, "missed": 0, "ghosts": 0,
    }  # fmt: skip
    assert got["error"]["mean"] == pytest.approx(25.0, abs=0.5) and got["error"]["worst"] == pytest.approx(
        50, abs=1
    )
    # The group's second person is free in the last view, and the first one stands beside.
    assert got["crops"] == {"seen": 1, "denied": 0, "unseen": 0, "given": 0}
