"""`fit.py` without a calibration: images of a known body become cameras and a body, with exact proxies."""

import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from diffproxy.calibration import camera_free
from diffproxy.calibration import solved_rig as solved_rig_module
from diffproxy.calibration.camera_free import spread, with_solved_cameras
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.config import Calibration
from diffproxy.calibration.report import CameraReport
from diffproxy.calibration.solved_rig import solved_rig
from diffproxy.cameras import Rig, load_rig, save_rig
from diffproxy.export import load_result
from diffproxy.generator import DiffProxyOutput
from diffproxy.metrics.points import pa_mpjpe
from diffproxy.pipeline import inputs
from diffproxy.pipeline.config import FitOptions, RigOption, SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.frame_source import with_camera_doubts
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
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


@pytest.fixture(autouse=True)
def body_is_read_once(body, monkeypatch):
    """Reading it takes as long as a fit."""
    monkeypatch.setattr(inputs, "open_body", lambda option: body)


@pytest.fixture
def take(person, tmp_path):
    """A folder of images without a calibration, and quick options for it."""
    return take_of(person.cameras, tmp_path)


def take_of(cameras, folder):
    for c in cameras:
        (folder / "take" / "images" / c.name).mkdir(parents=True)
        image = np.full((SIZE, SIZE, 3), 20, np.uint8)
        cv2.imwrite(str(folder / "take" / "images" / c.name / "000003.png"), image)
    save = SaveOptions(mesh="none", overlay=False, report=False, viewer=False)
    return FitOptions(
        rig=RigOption(path=str(folder / "take")), out=str(folder / "out"), save=save, hands=False,
        refine_crops=False, boxes="full", box_margin=1.0, device="cpu",
    )  # fmt: skip


@pytest.fixture
def solver(person, monkeypatch):
    """In the place of `fit_with_cameras`, which test_joint_fit.py proves: the true cameras. It keeps its arguments."""
    calls = []

    def solve(frames, cameras, body, poses, intrinsics, people, height, upright):
        calls.append(
            SimpleNamespace(
                frames=frames,
                cameras=cameras,
                poses=poses,
                intrinsics=intrinsics,
                height=height,
                upright=upright,
            )
        )
        reports = [
            CameraReport(c.name, 1, 900, 0.5, 2.0, 0.9, 0.4, 8.0, c.K[0, 0], 6.0) for c in person.cameras
        ]
        return Calibration(person.cameras, [], tuple(reports), (), 1.8, 0.01)

    monkeypatch.setattr(camera_free, "fit_with_cameras", solve)
    return calls


@pytest.fixture(scope="module")
def true_joints(person, body):
    with torch.no_grad():
        return body.joints(person.params)[0, :22].numpy()


def test_images_alone_become_cameras_and_a_body(person, true_joints, tmp_path):
    cameras = person.cameras[:3]
    take, pipe = take_of(cameras, tmp_path), ExactViews(person.maps)
    options = with_solved_cameras(
        replace(take, cameras="none", person_height=person.height), tmp_path, Networks(pipe)
    )
    assert pipe.calls == [["cam0"], ["cam1"], ["cam2"]]  # no view leans on another
    rig = load_rig(tmp_path / "out" / "rig.json")
    rigs = compare_rigs(rig.cameras, cameras)
    assert rigs["rigid_deg"] < 1 and rigs["up_to_scale_mm"] < 60 and abs(rigs["scale_percent"]) < 3
    focal = [a.K[0, 0] / b.K[0, 0] for a, b in zip(rig.cameras, cameras, strict=True)]
    assert np.allclose(focal, 1, atol=0.03) and rig.up_axis == "+Y" and not rig.doubts
    assert any("one field of view estimated for all cameras: 45 degrees" in note for note in rig.notes)
    report = json.loads((tmp_path / "out" / "rig.report.json").read_text())
    assert report["frames"] == [3] and report["scale"] == "the person's height"
    assert abs(report["person_height_m"] - person.height) < 0.01

    out = run_fit(options, tmp_path, Networks(pipe))
    result = load_result(out / "result.npz")
    assert pa_mpjpe(result.joints[:1, :22], true_joints[None])[0] < 5 and result.status.tolist() == ["ok"]
    assert result.joints[0, 15, 1] - result.joints[0, 7:9, 1].min() > 1.2  # +Y is up
    assert any("cameras=none" in note for note in result.meta["rig_notes"])

    calls = len(pipe.calls)
    again = with_solved_cameras(
        replace(take, cameras="none", person_height=person.height), tmp_path, Networks(pipe)
    )
    run_fit(again, tmp_path, Networks(pipe))
    assert len(pipe.calls) == calls  # both steps are finished
    with pytest.raises(InputError, match="overwrite=true"):
        with_solved_cameras(replace(take, cameras="none", person_height=1.5), tmp_path, Networks(pipe))


def test_predicted_cameras_are_read_and_corrected(take, person, solver, tmp_path):
    E = [
        np.column_stack([c.R_cam_world, 0.4 * c.t_cam_world]) for c in person.cameras
    ]  # the predictor's unit
    zoom = np.diag([1.03, 1.03, 1.0])
    np.savez(tmp_path / "vggt.npz", extrinsic=E, intrinsic=[zoom @ c.K for c in person.cameras],
             image_size=[1.03 * SIZE, 1.03 * SIZE])  # fmt: skip
    pipe = ExactViews(person.maps)
    options = replace(take, cameras="predicted", predictions=str(tmp_path / "vggt.npz"))
    solved = with_solved_cameras(options, tmp_path, Networks(pipe))
    assert pipe.calls == [["cam0", "cam1", "cam2", "cam3"]]
    (asked,) = solver
    assert asked.poses and not asked.intrinsics and asked.height is None and asked.upright
    for start, maps, true in zip(asked.cameras, asked.frames[0].cameras, person.cameras, strict=True):
        assert np.allclose(start.R_cam_world, true.R_cam_world) and np.allclose(start.K, true.K)
        assert np.allclose(start.t_cam_world, 0.4 * true.t_cam_world)
        assert np.allclose(maps.R_cam_world, start.R_cam_world) and np.allclose(maps.K, start.K)
    rig = load_rig(solved.rig.calibration)
    rigs = compare_rigs(rig.cameras, person.cameras)
    assert rigs["rigid_deg"] < 1e-4 and rigs["rigid_mm"] < 1e-4 and rig.up_axis == "+Y"
    assert np.allclose([c.K for c in rig.cameras], [c.K for c in person.cameras])
    assert any("body prior" in note for note in rig.notes)
    assert not any("field of view" in note for note in rig.notes)


def test_saved_proxies_are_fitted_in_the_solved_cameras(take, person, body, true_joints, solver, tmp_path):
    # its focal lengths are used, its poses are not
    save_rig(Rig("studio", person.cameras), tmp_path / "take")
    unknown = tuple(replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in person.cameras)
    made = Generated(replace(person.maps, cameras=unknown), ((0.0, 0.0, 160.0, 160.0),) * 4)
    ProxyStore(tmp_path / "proxies", body, must_exist=False).save(3, made)
    options = with_solved_cameras(
        replace(take, cameras="none", boxes="auto", proxies=str(tmp_path / "proxies")), tmp_path
    )
    (asked,) = solver
    assert asked.intrinsics and not asked.poses and asked.upright
    assert all(np.array_equal(a.K, b.K) for a, b in zip(asked.cameras, person.cameras, strict=True))
    rig = load_rig(options.rig.calibration)
    assert all(np.array_equal(a.K, b.K) for a, b in zip(rig.cameras, person.cameras, strict=True))
    result = load_result(run_fit(options, tmp_path) / "result.npz")
    assert pa_mpjpe(result.joints[:1, :22], true_joints[None])[0] < 3 and result.status.tolist() == ["ok"]


def test_a_report_is_never_left_beside_cameras_of_another_run(take, person, solver, tmp_path, monkeypatch):
    """A run that is killed between writing report and cameras leaves no cameras; one that fails, those before."""
    pipe, out = ExactViews(person.maps), tmp_path / "out"
    first = replace(take, cameras="none", person_height=1.7)
    with_solved_cameras(first, tmp_path, Networks(pipe))
    before = (out / "rig.json").read_bytes()

    def fails(*_, **__):
        raise InputError("two cameras that see the person", "none", "add frames")

    again = replace(first, person_height=1.8, overwrite=True)
    with monkeypatch.context() as patch:
        patch.setattr(camera_free, "fit_with_cameras", fails)
        with pytest.raises(InputError, match="two cameras"):
            with_solved_cameras(again, tmp_path, Networks(pipe))
    assert (out / "rig.json").read_bytes() == before and with_solved_cameras(first, tmp_path, Networks(pipe))
    assert len(solver) == 1

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(solved_rig_module, "save_rig", killed)
        with pytest.raises(KeyboardInterrupt):
            with_solved_cameras(again, tmp_path, Networks(pipe))
    assert not (out / "rig.json").exists()
    with_solved_cameras(replace(again, overwrite=False), tmp_path, Networks(pipe))
    assert [asked.height for asked in solver] == [1.7, 1.8, 1.8] and (out / "rig.json").exists()


def test_images_turned_otherwise_are_solved_anew(take, person, solver, tmp_path):
    with_solved_cameras(replace(take, cameras="none"), tmp_path, Networks(ExactViews(person.maps)))
    turned = replace(take, cameras="none", rig=replace(take.rig, rotate="cam1:180"))
    with pytest.raises(InputError, match="overwrite=true"):
        with_solved_cameras(turned, tmp_path, Networks(ExactViews(person.maps)))


def test_several_people_need_cameras_first():
    with pytest.raises(
        InputError, match=r"people=one out=out/one[\s\S]*people=all rig.calibration=out/one/rig.json"
    ):
        FitOptions(cameras="none", people="all")


def test_the_calibration_of_others_is_not_overwritten(take, person, tmp_path):
    save_rig(Rig("studio", person.cameras), tmp_path / "out")
    with pytest.raises(InputError, match="no calibration of others"):
        with_solved_cameras(
            replace(take, cameras="none", overwrite=True), tmp_path, Networks(ExactViews(person.maps))
        )


def test_saved_proxies_of_other_frames_are_named(take, person, body, tmp_path):
    save_proxies(person.maps, tmp_path / "proxies" / "000008", body)
    with pytest.raises(InputError, match="the images' frames"):
        with_solved_cameras(
            replace(take, cameras="none", boxes="auto", proxies=str(tmp_path / "proxies")), tmp_path
        )


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
