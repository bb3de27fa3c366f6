"""The benchmark of `fit.py cameras=none`: the folder that a run gets, and errors of cameras that are known."""

import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Rig, load_rig, save_rig
from diffproxy.datasets.shards import ShardView
from tests.evaluation.conftest import write_shards


def test_rows_hold_the_errors_of_the_solved_cameras(
    load_benchmark, body, make_ring, tmp_path, monkeypatch, capsys
):
    script = load_benchmark("camera_free")
    true, params = make_ring(3, size=128, radius=3.2), BodyParams.rest(1)
    shards = write_shards(tmp_path / "shards", body, true, [params])
    with torch.no_grad():
        joints = body.joints(params).numpy()
    turn = cv2.Rodrigues(np.array([0.0, 0.7, 0.0]))[0]  # another world, a tenth larger
    solved = [
        replace(c, name=f"cam{k}", R_cam_world=c.R_cam_world @ turn.T,
                t_cam_world=1.1 * c.t_cam_world)
        for k, c in enumerate(true)
    ]  # fmt: skip

    def fit(folder, out, cameras, boxes, **more):
        given = load_rig(folder).cameras
        assert cameras == "none" and json.loads(boxes.read_text())["cam1"] == [0, 0, 128, 128]
        assert all(not c.t_cam_world.any() for c in given)
        assert [c.K.tolist() for c in given] == [c.K.tolist() for c in true]
        assert cv2.imread(str(folder / "images" / "cam2" / "000000.png")).shape == (128, 128, 3)
        save_rig(Rig("solved", tuple(solved), doubts=["cam1: far off"]), out)
        return SimpleNamespace(joints=1.1 * joints @ turn.T, status=["doubtful"])

    monkeypatch.setattr(script, "fit_rig", fit)
    out = tmp_path / "out"
    assert script.main([f"shards={shards}", "views=3", f"out={out}"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row == json.loads((out / "rows.json").read_text())[0]
    assert row["camera_deg"] < 0.01 and row["camera_mm"] < 0.1 and row["pa_mpjpe_mm"] < 0.1
    assert (row["scale_percent"], row["status"], row["doubts"]) == (10.0, "doubtful", ["cam1: far off"])


def test_crops_go_back_into_their_images(load_benchmark, make_ring):
    """Without focal lengths a run gets whole images; the crop lies where it was, and the camera projects the same."""
    script, camera = load_benchmark("camera_free"), make_ring(1, size=200)[0]
    full = replace(camera, width=300, height=200)
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 255, (10, 15, 3), dtype=np.uint8), (300, 200))
    crop = (60.0, 40.0, 140.0, 120.0)
    part = cv2.resize(picture[40:120, 60:140], (160, 160))
    labels = np.zeros((160, 160), np.uint8)
    view = ShardView(part, labels, np.zeros((160, 160, 2)), labels, full.crop(crop, (160, 160)), "body",
                     {"crop": list(crop), "source": [300, 200]})  # fmt: skip
    image, found = script.whole_image(view)
    assert np.allclose(found.K, full.K) and (found.width, found.height) == (300, 200)
    assert image.shape == (200, 300, 3) and not image[:38].any() and not image[:, 142:].any()
    inner = np.abs(image[45:115, 65:135].astype(float) - picture[45:115, 65:135])
    assert inner.mean() < 2 and inner.max() < 12


def test_errors_of_one_focal_length_for_all(load_benchmark, make_ring, tmp_path):
    script, true = load_benchmark("camera_free"), make_ring(2, size=100)
    K = true[0].K * [[1.1], [1.1], [1.0]]
    K[:2, 2] = true[0].K[:2, 2]
    found = [replace(c, K=K) for c in true]
    (tmp_path / "rig.report.json").write_text(json.dumps({"cameras": [{"focal_std_percent": 4.26}]}))
    row = script.focal_errors(Rig("a", tuple(found)), Rig("b", true), tmp_path)
    assert row == {"true_fov_deg": [45.0, 45.0], "fov_deg": 41.3, "focal_percent": 10.0,
                   "focal_mean_percent": 10.0, "focal_std_percent": 4.3}  # fmt: skip
