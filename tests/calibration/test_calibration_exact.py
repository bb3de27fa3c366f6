"""Known cameras found again from exact proxies."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffproxy.calibration import CalibrationConfig, calibrate
from diffproxy.calibration.__main__ import main
from diffproxy.calibration.compare import compare_rigs
from diffproxy.cameras import load_rig
from diffproxy.proxies import save_proxies
from diffproxy.utils.errors import InputError


def moved(cameras, degrees: float, metres: float):
    rng = np.random.default_rng(1)
    out = []
    for c in cameras:
        axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
        R = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix() @ c.R_cam_world
        out.append(replace(c, R_cam_world=R, t_cam_world=-R @ (c.center_world + metres * way)))
    return tuple(out)


def test_rough_cameras_come_back(person, body):
    start = moved(person.cameras, 5.0, 0.1)
    before = compare_rigs(start, person.cameras)
    found = calibrate([person.maps], start, body, CalibrationConfig(height=person.height))
    after = compare_rigs(found.cameras, person.cameras)
    assert before["rigid_deg"] > 4 and before["rigid_mm"] > 80
    assert after["rigid_deg"] < 0.1 and after["rigid_mm"] < 5
    assert abs(found.height - person.height) < 0.004
    for report in found.reports:
        assert report.error_px < 0.3 and report.inliers > 0.9 and report.rotation_std_deg < 0.5


def test_a_fixed_camera_keeps_its_pose_and_a_distance_gives_the_scale(person, body):
    start = (person.cameras[0], *moved(person.cameras, 5.0, 0.1)[1:])
    apart = float(np.linalg.norm(person.cameras[0].center_world - person.cameras[1].center_world))
    config = CalibrationConfig(fix="cam0", distance=("cam0", "cam1", apart))
    found = calibrate([person.maps], start, body, config)
    assert np.abs(found.cameras[0].R_cam_world - start[0].R_cam_world).max() < 1e-9
    assert np.abs(found.cameras[0].center_world - start[0].center_world).max() < 1e-9
    for c, true in zip(found.cameras, person.cameras, strict=True):  # no alignment: the world is that of cam0
        assert np.linalg.norm(c.center_world - true.center_world) < 0.008
    with torch.no_grad():
        miss = body.joints(found.bodies[0]) - body.joints(person.params)
    assert float(miss[0, :22].norm(dim=-1).mean()) < 0.006


def test_the_command_finds_cameras_from_nothing(person, body, tmp_path, capsys):
    """Images without a calibration (black: the proxies are given), unknown focal length, known height."""
    for c in person.cameras:
        (tmp_path / "images" / c.name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / c.name / "000000.png"), np.zeros((160, 160, 3), np.uint8))
    folder = tmp_path / "proxies" / "000000"
    save_proxies(person.maps, folder, body)
    boxes = [[0.0, 0.0, 160.0, 160.0]] * 4
    (folder / "capture.json").write_text(json.dumps({"boxes": boxes, "notes": [], "hands": {}}))
    words = [f"rig={tmp_path}", f"proxies={tmp_path / 'proxies'}", f"height={person.height}", "fov=55"]
    assert main(words) == 0, capsys.readouterr().err
    rig = load_rig(tmp_path)
    found = compare_rigs(rig.cameras, person.cameras)
    assert found["rigid_deg"] < 0.5 and found["up_to_scale_mm"] < 15
    assert rig.up_axis == "+Y" and rig.cameras[0].K[0, 0] == pytest.approx(
        person.cameras[0].K[0, 0], rel=0.01
    )
    assert all(c.center_world[1] > 0.5 for c in rig.cameras)  # above the floor that the person stands on
    report = json.loads((tmp_path / "rig.report.json").read_text())
    assert report["person_height_m"] == pytest.approx(person.height, abs=0.01)
    assert [c["name"] for c in report["cameras"]] == [c.name for c in rig.cameras]
    # never over a calibration that is there
    assert main(words) == 2 and "out=FILE" in capsys.readouterr().err


def test_one_camera_is_not_enough(person, body):
    with pytest.raises(InputError, match="two cameras"):
        calibrate([person.maps.select([0])], person.cameras[:1], body)
    with pytest.raises(InputError, match=r"see nobody\n.*cam2, cam3 out: views=cam0,cam1"):
        calibrate([person.maps.select([0, 1])], person.cameras, body, CalibrationConfig(rough=False))


@pytest.mark.parametrize(
    "words", [["rig"], ["rig=a", "hight=1"], ["rig=a", "height=x"], ["rig=/nowhere/at/all"], []]
)
def test_wrong_words(words, capsys):
    assert main(words) == (2 if words else 0)
    out = capsys.readouterr()
    assert ("fix:" in out.err) if words else ("usage" in out.out)
