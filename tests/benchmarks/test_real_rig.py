"""The benchmarks of real footage, on the shipped rig as if it were one: its truth, detections and masks are known."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from diffproxy.cameras import load_rig, open_frames
from diffproxy.export import load_result, save_result
from diffproxy.keypoints.layouts import LAYOUTS
from diffproxy.proxies import render_depth_mask

RIG = Path(__file__).parents[2] / "examples/synthetic_rig"
TRUTH = RIG / "ground_truth.npz"


@pytest.fixture(scope="module")
def judge(tmp_path_factory, body):
    """Keypoints and masks that are those of the true body, in the layout of BlazePose's."""
    folder, frames, result = (
        tmp_path_factory.mktemp("judge"),
        open_frames(RIG, load_rig(RIG)),
        load_result(TRUTH),
    )
    vertices, (frame,) = body(result.body_params()).vertices[0].numpy(), result.frame_ids
    for raw, camera in zip(frames.raw_cameras, frames.cameras, strict=True):
        points = np.zeros((33, 3))
        for k, name in enumerate(LAYOUTS["mediapipe33"]):
            if name in result.joint_names and "eye" not in name:
                at = result.joints[0, [result.joint_names.index(name)]].astype(np.float64)
                points[k] = *raw.project(at)[0], 0.9
        written = folder / "keypoints" / camera.name / f"{frame:06d}.json"
        written.parent.mkdir(parents=True)
        written.write_text(json.dumps({"people": [{"pose_keypoints_2d": points.ravel().tolist()}]}))
        mask = folder / "masks" / camera.name / f"{frame:06d}.png"
        mask.parent.mkdir(parents=True)
        cv2.imwrite(str(mask), 255 * render_depth_mask(body, vertices, [camera])[1][0].astype(np.uint8))
    return folder


def test_limb_joints_against_those_that_a_detector_sees(load_benchmark, judge, tmp_path):
    words = [
        f"result={TRUTH}",
        f"keypoints={judge / 'keypoints'}",
        f"rig={RIG}",
        f"npz={tmp_path / 'seen.npz'}",
    ]
    found = json.loads(json.dumps(load_benchmark("detector_joints").main(words)))
    assert (found["frames"], found["frames_with_body"], found["joints_triangulated"]) == (1, 1, "12 of 12")
    assert (
        found["worst_joint_mm"] < 1
        and found["reprojection_px"]["max"] < 0.1
        and found["views_per_joint"] == 4
    )
    with np.load(tmp_path / "seen.npz") as seen:
        truth = load_result(TRUTH)
        rows = [truth.joint_names.index(n) for n in seen["names"]]
        np.testing.assert_allclose(seen["points"][0], truth.joints[0, rows], atol=1e-3)


def test_a_run_is_judged(load_benchmark, judge, tmp_path, monkeypatch):
    """The run's bodies are the true ones; the reference is 2 cm beside them."""
    script, out = load_benchmark("real_rig"), tmp_path / "out"
    metrics = {k: 1 for k in ("frames", "status", "views", "silhouette_iou", "residual_mm", "seconds")}
    started = []

    def run(command, **_):
        started.append(command[1:])
        save_result(replace(truth, meta={**truth.meta, "body": {"name": "anny"}}), out / "result.npz")
        (out / "metrics.json").write_text(json.dumps(metrics))

    truth = load_result(TRUTH)
    points = truth.joints[:, :2].astype(np.float64) + np.array([0.02, 0, 0])
    np.savez(tmp_path / "r.npz", frame_ids=truth.frame_ids, names=truth.joint_names[:2], points=points)
    monkeypatch.setattr(script.subprocess, "run", run)
    words = [f"rig={RIG}", "frames=0", f"out={out}", f"judge={judge}", f"reference={tmp_path / 'r.npz'}"]
    found = json.loads(json.dumps(script.main([*words, "judge_cameras=cam0,cam2"])))
    assert started == [[str(script.ROOT / "fit.py"), f"rig={RIG}", "frames=0", f"out={out}"]]
    assert found["joints"]["mean_mm"] < 1 and found["silhouettes"] == {"cam0": 1, "cam2": 1, "mean": 1}
    assert found["reference_mm"]["mean"] == 20 and found["bone_spread"] == 0
    assert found["left_right_difference"] < 0.05 and 300 < found["bones"]["left_thigh"]["mm"] < 500


def test_masks_lie_where_the_person_is(load_benchmark, judge, tmp_path, monkeypatch):
    """A stand-in for MediaPipe finds what is not dark in the crop that it gets."""
    script, crops = load_benchmark("blazepose_masks"), []

    class Pose:
        def __init__(self, **options):
            assert options["enable_segmentation"] and options["model_complexity"] == 1

        def process(self, crop):
            crops.append(crop)
            return SimpleNamespace(segmentation_mask=(crop[..., 0] > 127).astype(np.float32))

    names = ["mediapipe", "mediapipe.python", "mediapipe.python.solutions", "mediapipe.python.solutions.pose"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[names[-1]].Pose = Pose
    out, white = tmp_path / "out", tmp_path / "rig"
    shutil.copytree(judge / "keypoints", out / "keypoints")
    shutil.copytree(RIG, white)
    for path in white.glob("images/*/*"):
        mask = cv2.imread(str(judge / "masks" / path.parent.name / f"{int(path.stem):06d}.png"))
        cv2.imwrite(str(path), mask)
    script.main([f"rig={white}", "frames=0", f"out={out}", "complexity=1"])
    drawn = sorted(out.glob("masks/*/*.png"))
    assert len(drawn) == len(crops) == 4 and all(c.shape == (512, 512, 3) for c in crops)
    for path in drawn:
        found, true = (cv2.imread(str(f / path.relative_to(out)), 0) > 127 for f in (out, judge))
        assert (found & true).sum() > 0.9 * (found | true).sum()
