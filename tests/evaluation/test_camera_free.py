"""Evaluation without the true cameras: what is assumed, what is found with the body, and what is said of it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from diffproxy.calibration.report import CameraReport
from diffproxy.evaluation import camera_free
from diffproxy.evaluation.camera_free import CameraFree
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.evaluate import run_evaluation
from diffproxy.evaluation.simulated_predictions import perturbed, write_predictions
from diffproxy.geometry.rotations import rotation_angle
from diffproxy.utils.errors import InputError


@pytest.fixture
def options(shards_of, params_of, tmp_path):
    return EvaluateOptions(
        shards=str(shards_of([params_of(0)])), proxies="exact", hands=False, out=str(tmp_path / "e.json")
    )


def test_predicted_cameras_are_corrected_with_the_body(options, body, tmp_path):
    predicted = replace(options, cameras="predicted", predictions=str(tmp_path / "p"))
    with pytest.raises(InputError, match="nothing at"):
        run_evaluation(predicted)
    assert write_predictions(options, body, tmp_path / "p") == 1
    row = run_evaluation(predicted)["subjects"][0]
    # the size is an average body's
    assert row["status"] == "ok" and row["pa_mpjpe"] < 5 and row["ra_mpjpe"] < 40
    assert row["camera_deg"] < 0.3 and row["camera_mm"] < 20 and row["focal_percent"] < 1
    assert row["part_accuracy"] == 1  # on the true pixel grids


def test_a_body_of_cameras_that_are_not_to_be_trusted_is_doubtful(options, body, monkeypatch):
    (subject,) = (s.load() for s in open_dataset(options, body))
    unsure = CameraReport("cam0", 1, 100, 1.0, 10.0, 0.2, 1.0, 5.0, 500.0, 0.0)
    found = SimpleNamespace(cameras=subject.cameras, reports=(unsure,))
    monkeypatch.setattr(camera_free, "fit_with_cameras", lambda *_: found)
    row = run_evaluation(replace(options, cameras="none"))["subjects"][0]
    assert row["status"] == "doubtful" and row["mpjpe"] < 5
    assert row["reason"] == "cam0: known to 1.0 degrees, 20% of its pixels agree"


def test_without_cameras_only_the_first_pose_is_used(options, body):
    (subject,) = (s.load() for s in open_dataset(options, body))
    for fov in (0.0, 50.0):
        known = CameraFree(replace(options, cameras="none", fov=fov), body).assumed(subject)
        first, *others = known.cameras
        assert np.array_equal(first.R_cam_world, subject.cameras[0].R_cam_world)
        assert all(np.array_equal(c.R_cam_world, np.eye(3)) and not c.t_cam_world.any() for c in others)
        same = [a.K[0, 0] == b.K[0, 0] for a, b in zip(known.cameras, subject.cameras, strict=True)]
        assert all(same) == (fov == 0) and known.exact.cameras[1].K[0, 0] == others[0].K[0, 0]


def test_simulated_predictions_have_the_stated_errors(make_ring):
    cameras = make_ring(4)
    rng, turns = np.random.default_rng(0), []
    for _ in range(100):
        found = perturbed(cameras, rng)
        assert np.allclose(found[0].R_cam_world, np.eye(3)) and np.abs(found[0].center_world).max() < 1e-12
        relative = [c.R_cam_world @ found[0].R_cam_world.T for c in found[1:]]
        true = [c.R_cam_world @ cameras[0].R_cam_world.T for c in cameras[1:]]
        turns += [np.degrees(rotation_angle(a, b)) for a, b in zip(relative, true, strict=True)]
    assert np.sqrt(np.mean(np.square(turns))) == pytest.approx(3 * np.sqrt(2), rel=0.1)  # of two cameras


@pytest.mark.parametrize(
    "more",
    [
        {"cameras": "predicted"},
        {"predictions": "p"},
        {"cameras": "none", "images": "full"},
        {"cameras": "no"},
    ],
)
def test_options_that_do_not_fit_are_explained(more):
    with pytest.raises(InputError):
        EvaluateOptions(**more)
