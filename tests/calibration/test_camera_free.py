"""`fit.py` without a calibration: images of a known body become cameras and a body, with exact proxies."""

import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from diffproxy.calibration.camera_free import spread, with_solved_cameras
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.config import Calibration
from diffproxy.calibration.report import CameraReport
from diffproxy.calibration.solved_rig import solved_rig
from diffproxy.cameras import Rig, load_rig, save_rig
from diffproxy.export import load_result
from diffproxy.generator import DiffProxyOutput
from diffproxy.metrics.points import pa_mpjpe
from diffproxy.pipeline.config import FitOptions, RigOption, SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.take import with_camera_doubts
from diffproxy.proxies import ProxyMaps, save_proxies
from diffproxy.utils.errors import InputError

SIZE = 160


class ExactViews:
    """A generator that knows the picture and not the camera: the exact proxies of each image, whatever it is told."""

    network = SimpleNamespace(config=SimpleNamespace(image_size=SIZE, adapter="t2i", steps=0))

    def __init__(self, maps: ProxyMaps):
        self.maps, self.calls = maps, []

    def encoding_once(self):
        return nullcontext()

    def __call__(self, images, cameras, kinds, *more):
        self.calls.append([c.name for c in cameras])
        rows = [[c.name for c in self.maps.cameras].index(c.name) for c in cameras]
        return DiffProxyOutput(
            replace(self.maps.select(rows), cameras=tuple(cameras)), None, (0,) * len(rows)
        )


@pytest.fixture
def take(person, tmp_path):
    """A folder of images without a calibration, and quick options for it."""
    for c in person.cameras:
        (tmp_path / "take" / "images" / c.name).mkdir(parents=True)
        image = np.full((SIZE, SIZE, 3), 20, np.uint8)
        cv2.imwrite(str(tmp_path / "take" / "images" / c.name / "000003.png"), image)
    save = SaveOptions(mesh="none", overlay=False, report=False, viewer=False)
    return FitOptions(
        rig=RigOption(path=str(tmp_path / "take")), out=str(tmp_path / "out"), save=save, hands=False,
        refine_crops=False, boxes="full", box_margin=1.0, device="cpu",
    )  # fmt: skip


@pytest.fixture(scope="module")
def true_joints(person, body):
    with torch.no_grad():
        return body.joints(person.params)[0, :22].numpy()


def test_images_alone_become_cameras_and_a_body(take, person, true_joints, tmp_path):
    pipe = ExactViews(person.maps)
    options = with_solved_cameras(replace(take, cameras="none", person_height=person.height), tmp_path, pipe)
    assert pipe.calls == [["cam0"], ["cam1"], ["cam2"], ["cam3"]]  # no view leans on another
    rig = load_rig(tmp_path / "out" / "rig.json")
    rigs = compare_rigs(rig.cameras, person.cameras)
    assert rigs["rigid_deg"] < 1 and rigs["up_to_scale_mm"] < 60 and abs(rigs["scale_percent"]) < 3
    focal = [a.K[0, 0] / b.K[0, 0] for a, b in zip(rig.cameras, person.cameras, strict=True)]
    assert np.allclose(focal, 1, atol=0.03) and rig.up_axis == "+Y" and not rig.doubts
    report = json.loads((tmp_path / "out" / "rig.report.json").read_text())
    assert report["frames"] == [3] and report["scale"] == "the person's height"
    assert abs(report["person_height_m"] - person.height) < 0.01

    out = run_fit(options, tmp_path, pipe)
    result = load_result(out / "result.npz")
    assert pa_mpjpe(result.joints[:1, :22], true_joints[None])[0] < 5 and result.status.tolist() == ["ok"]
    assert result.joints[0, 15, 1] - result.joints[0, 7:9, 1].min() > 1.2  # +Y is up
    assert any("cameras=none" in note for note in result.meta["rig_notes"])

    calls = len(pipe.calls)
    again = with_solved_cameras(replace(take, cameras="none", person_height=person.height), tmp_path, pipe)
    run_fit(again, tmp_path, pipe)
    assert len(pipe.calls) == calls  # both steps are finished
    with pytest.raises(InputError, match="overwrite=true"):
        with_solved_cameras(replace(take, cameras="none", person_height=1.5), tmp_path, pipe)


def test_predicted_cameras_are_read_and_corrected(take, person, tmp_path):
    first = person.cameras[0]
    turn = cv2.Rodrigues(np.array([0.0, 0.05, 0.02]))[
        0
    ]  # 3 degrees off, in the unit and world of the predictor
    E = [np.column_stack([c.R_cam_world, c.t_cam_world]) for c in person.cameras]
    E = [np.column_stack([turn @ e[:, :3] if k else e[:, :3], 0.4 * e[:, 3]]) for k, e in enumerate(E)]
    np.savez(
        tmp_path / "vggt.npz",
        extrinsic=E,
        intrinsic=[1.03 * c.K @ np.diag([1, 1, 1 / 1.03]) for c in person.cameras],
    )
    pipe = ExactViews(person.maps)
    options = replace(take, cameras="predicted", predictions=str(tmp_path / "vggt.npz"))
    solved = with_solved_cameras(options, tmp_path, pipe)
    assert pipe.calls == [["cam0", "cam1", "cam2", "cam3"]]
    rig = load_rig(solved.rig.calibration)
    rigs = compare_rigs(rig.cameras, person.cameras)
    assert rigs["rigid_deg"] < 0.5 and rigs["up_to_scale_mm"] < 30 and abs(rigs["scale_percent"]) < 8
    assert rig.cameras[0].K[0, 0] == pytest.approx(first.K[0, 0], rel=0.02) and rig.up_axis == "+Y"
    assert any("body prior" in note for note in rig.notes)


def test_saved_proxies_are_fitted_in_the_solved_cameras(take, person, body, true_joints, tmp_path):
    save_rig(
        Rig("studio", person.cameras), tmp_path / "take"
    )  # its focal lengths are used, its poses are not
    unknown = tuple(replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in person.cameras)
    made = Generated(replace(person.maps, cameras=unknown), ((0.0, 0.0, 160.0, 160.0),) * 4)
    ProxyStore(tmp_path / "proxies", body, must_exist=False).save(3, made)
    options = with_solved_cameras(replace(take, cameras="none", proxies=str(tmp_path / "proxies")), tmp_path)
    rig = load_rig(options.rig.calibration)
    assert all(np.array_equal(a.K, b.K) for a, b in zip(rig.cameras, person.cameras, strict=True))
    result = load_result(run_fit(options, tmp_path) / "result.npz")
    assert pa_mpjpe(result.joints[:1, :22], true_joints[None])[0] < 3 and result.status.tolist() == ["ok"]


def test_the_calibration_of_others_is_not_overwritten(take, person, tmp_path):
    save_rig(Rig("studio", person.cameras), tmp_path / "out")
    with pytest.raises(InputError, match="no calibration of others"):
        with_solved_cameras(replace(take, cameras="none", overwrite=True), tmp_path, ExactViews(person.maps))


def test_saved_proxies_of_other_frames_are_named(take, person, body, tmp_path):
    save_proxies(person.maps, tmp_path / "proxies" / "000008", body)
    with pytest.raises(InputError, match="the images' frames"):
        with_solved_cameras(replace(take, cameras="none", proxies=str(tmp_path / "proxies")), tmp_path)


def test_given_cameras_are_left_alone(take, tmp_path):
    assert with_solved_cameras(take, tmp_path) is take


def test_frames_are_spread_over_the_take():
    assert spread(range(100), 3) == [0, 50, 99] or spread(range(100), 3) == [0, 49, 99]
    assert spread([4, 9], 10) == [4, 9] and spread([7], 3) == [7]


def test_doubts_about_cameras_reach_the_result(person, tmp_path):
    report = CameraReport("cam1", 1, 900, 2.0, 9.0, 0.3, 8.0, 40.0, 193.0, 0.0)
    found = Calibration(person.cameras, [], (report,), (), 1.8, 0.01)
    rig = solved_rig(Rig("studio", person.cameras), person.cameras, found, "solved", "+Y")
    assert (
        load_rig(save_rig(rig, tmp_path)).doubts
        == rig.doubts
        == ["cam1: known to 8.0 degrees, 30% of its pixels agree"]
    )
    body = FrameResult(0, "ok", joints=np.zeros((55, 3), np.float32))
    doubtful = with_camera_doubts(body, rig.doubts)
    assert doubtful.status == "doubtful" and doubtful.reason == rig.doubts[0]
    nobody = FrameResult(0, "no_person", "nobody")
    assert with_camera_doubts(nobody, rig.doubts) is nobody and with_camera_doubts(body, []) is body
