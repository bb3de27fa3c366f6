"""The numbers of a camera report, on an exact scene and with one camera off by a known angle."""

import copy

import numpy as np
import pytest
import torch

from diffproxy.calibration.body_bundle_adjustment import Bundle, FrameObservations
from diffproxy.calibration.bundle_solver import free_columns
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.report import camera_reports
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.correspondences import sample_correspondences


@pytest.fixture(scope="module")
def scene(person, body):
    exact = copy.deepcopy(body).to(torch.float64)
    found = sample_correspondences(person.maps, body, 60)
    params = person.params.to(torch.float64)
    center = exact.joints(params)[0, 0]
    frame = FrameObservations(
        found, person.cameras, np.arange(4), center.numpy(), np.full(len(found), np.nan)
    )
    bundle = Bundle(exact, [frame], [], [], params.expression)
    return bundle, State.from_params(params.replace(transl=params.transl - center))


def test_exact_cameras_have_no_error_and_an_error_is_named_at_its_camera(scene, person):
    bundle, bodies = scene
    given = RigState.from_cameras(person.cameras)
    bundle.set_cameras(given, measure=True)
    noise = bundle.noise(bodies, 0.05, 0.001, 1.0)
    free = free_columns(4)
    reports = camera_reports(bundle, bodies, given, noise, free, person.cameras)
    assert [r.name for r in reports] == [c.name for c in person.cameras]
    for report, camera in zip(reports, person.cameras, strict=True):
        assert report.error_px < 0.05 and report.inliers > 0.99 and report.frames == 1
        assert report.focal_px == pytest.approx(camera.K[0, 0]) and report.focal_std_percent == 0
        assert 0 < report.rotation_std_deg < 10 and report.translation_std_mm > 0
    step = torch.zeros(4, 7, dtype=torch.float64)
    step[1, 1] = np.radians(2.0)
    off = camera_reports(bundle, bodies, given.retract(step), noise, free, person.cameras)
    # a turn about an image axis moves points by the focal length times its tangent
    assert off[1].error_px == pytest.approx(person.cameras[1].K[0, 0] * np.tan(np.radians(2.0)), rel=0.1)
    assert max(off[c].error_px for c in (0, 2, 3)) < 0.05
