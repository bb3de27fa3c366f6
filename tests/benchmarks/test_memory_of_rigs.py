"""The benchmark of memory: rigs like the example's, and a run of `fit.py` with the words given."""

import json
import shutil

import cv2
import numpy as np
import pytest

from diffproxy.cameras import load_rig, open_frames
from diffproxy.export import load_result


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("memory_of_rigs")


def test_cameras_and_images_turn_together(script, tmp_path):
    script.write_rig(tmp_path, 6, (160, 120), 0.0)
    rig, old = load_rig(tmp_path), load_rig(script.EXAMPLE).cameras
    joints = load_result(script.EXAMPLE / "ground_truth.npz").joints[0]
    assert [c.name for c in rig.cameras] == [f"cam0{i}" for i in range(6)]
    for i, camera in enumerate(rig.cameras):
        _, homography = script.turned(old[i % 4], "new", (160, 120), 3.0 * (i // 4))
        pixels = np.concatenate([old[i % 4].project(joints), np.ones((len(joints), 1))], 1) @ homography.T
        np.testing.assert_allclose(camera.project(joints), pixels[:, :2] / pixels[:, 2:], atol=1e-6)
        image = cv2.imread(str(tmp_path / "images" / camera.name / "000000.jpg"))
        assert image.shape == (120, 160, 3) and image.std() > 10
    assert not (rig.cameras[4].R_cam_world == rig.cameras[0].R_cam_world).all()


def test_quick_run(script, tmp_path, monkeypatch):
    started = []

    def run(words):
        started.append(words)
        path, out = (tmp_path / "2_64x48" / name for name in ("rig", "fit"))
        assert words[1:] == [f"rig.path={path}", f"out={out}", "hands=false", "save.viewer=false"]
        frames = open_frames(path)
        assert [c.is_pinhole for c in frames.raw_cameras] == [False, False]
        assert [image.shape for image in frames.read(0)] == [(48, 64, 3)] * 2
        out.mkdir()
        metrics = {"status": {"ok": 1}, "ground_truth": {"mpjpe_mm": 30.0}}
        (out / "metrics.json").write_text(json.dumps(metrics))
        shutil.rmtree(path)
        return {"peak_gb": 0.5}

    monkeypatch.setattr(script, "measured", run)
    words = ["rigs=2:64x48", "k1=0.001", "fit=hands=false save.viewer=false", f"out={tmp_path}"]
    found = json.loads(json.dumps(script.main(words)))
    assert found["rows"] == {"2:64x48": {"peak_gb": 0.5, "status": {"ok": 1}, "mpjpe_mm": 30.0}}
    assert len(started) == 1 and started[0][0].endswith("fit.py")
