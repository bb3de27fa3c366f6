"""The benchmark of `fit.py cameras=none`: the folder that a run gets, and errors of cameras that are known."""

import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Rig, load_rig, save_rig
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
        assert cameras == "none" and boxes == "full" and all(not c.t_cam_world.any() for c in given)
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
