"""Derivatives, gauge and comparison."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyParams
from diffproxy.calibration.body_bundle_adjustment import POSE, SHARED, Bundle, FrameObservations
from diffproxy.calibration.camera_parameters import PER_CAMERA, RigState, rigid_gauge
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.keypoint_observations import with_keypoints
from diffproxy.calibration.point_bundle_adjustment import adjust_points
from diffproxy.calibration.terms import CommonFocal, KnownDistance, KnownHeight, PriorCameras, body_height
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.correspondences import sample_correspondences
from diffproxy.fitting.terms.reprojection import Noise
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.keypoints import Person2D
from diffproxy.keypoints.landmarks import with_landmarks


@pytest.fixture(scope="module")
def bundle(person, body):
    """A frame around the truth, in double precision, with cameras a little off."""
    exact = copy.deepcopy(body).to(torch.float64)
    found = sample_correspondences(person.maps, body, 40)
    params = person.params.to(torch.float64)
    center = exact.joints(params)[0, 0]
    local = params.replace(transl=params.transl - center)
    seen = FrameObservations(found, person.cameras, np.arange(4), center.numpy(), np.full(len(found), np.nan))
    made = Bundle(exact, [seen], [], [], params.expression)
    rig = RigState.from_cameras(person.cameras).retract(
        0.02 * torch.randn(4, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )
    made.set_cameras(rig, measure=True)
    return made, State.from_params(local), rig


def noise_of(bundle: Bundle) -> Noise:
    scale = torch.full_like(bundle.data[0].observations.weight, 0.2)
    return Noise(scale / 3, scale)


def test_gradient_by_cameras_and_bodies(bundle):
    made, bodies, rig = bundle
    noise = noise_of(made)
    _, g, _ = made.linearise(0, bodies, rig, noise)
    step = 1e-6
    for column in (0, 1, 2, 3, 4, 5, 6, PER_CAMERA + 2, PER_CAMERA + 4, 4 * PER_CAMERA - 1):
        d = torch.zeros(4 * PER_CAMERA, dtype=torch.float64)
        d[column] = step
        high, low = (made.cost(bodies, rig.retract(s * d.reshape(4, -1)), [noise]) for s in (1, -1))
        assert (high - low) / (2 * step) == pytest.approx(float(g[POSE + 3 + column]), rel=1e-4, abs=1e-3)
    for k in range(3):  # place in the world
        d = torch.zeros(1, 179, dtype=torch.float64)
        d[0, 176 + k] = step
        high, low = (made.cost(bodies.retract(s * d), rig, [noise]) for s in (1, -1))
        assert (high - low) / (2 * step) == pytest.approx(float(g[POSE + k]), rel=1e-4, abs=1e-3)


def test_moving_the_whole_world_changes_nothing(bundle):
    """The gauge of `rigid_gauge` is that of the data: camera steps along it cost what moving the body costs."""
    _, _, rig = bundle
    G = rigid_gauge(rig)
    w, shift = torch.tensor([1e-5, -2e-5, 3e-5]).double(), torch.tensor([2e-5, 1e-5, -1e-5]).double()
    small = rig.retract((G @ torch.cat([w, shift])).reshape(4, -1))
    exact = rig.moved(rotvec_to_rotmat(w), shift)
    assert (small.R_cam_world - exact.R_cam_world).abs().max() < 1e-8
    assert (small.center - exact.center).abs().max() < 1e-8


@pytest.mark.parametrize("spoilt", [0, 12])
def test_keypoints_as_free_points(person, body, spoilt):
    """Exact keypoints of one frame (some wrong): cameras a degree and 2 cm off come back, up to the rig as a whole."""
    exact, landmarks = with_landmarks(copy.deepcopy(body).to(torch.float64))
    params = person.params.to(torch.float64)
    faces, bary = torch.from_numpy(landmarks.face)[None], torch.from_numpy(landmarks.bary)[None]
    x = exact.surface_points(params, faces, bary)[0].numpy()
    people = [[Person2D(np.column_stack([c.project(x), np.full(len(x), 0.9)]))] for c in person.cameras]
    people[2][0].points[:spoilt, :2] += 15.0
    found = sample_correspondences(person.maps, body, 10)
    center = exact.joints(params)[0, 0].numpy()
    frame = FrameObservations(found, person.cameras, np.arange(4), center, np.zeros(0))
    rig = RigState.from_cameras(person.cameras).retract(
        0.02 * torch.randn(4, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        * torch.tensor([1.0] * 6 + [0.0], dtype=torch.float64)
    )  # fmt: skip
    seen = with_keypoints(frame, people, person.cameras, rig, exact, landmarks, params)
    assert np.isfinite(seen.sigma).sum() == 4 * len(x)
    made = Bundle(exact, [seen], [], [], params.expression)
    better = adjust_points(made, rig)
    before, after = (
        compare_rigs([r.place(c, k) for k, c in enumerate(person.cameras)], person.cameras)
        for r in (rig, better)
    )
    assert before["rigid_deg"] > 1 and before["up_to_scale_mm"] > 20
    assert after["rigid_deg"] < (0.02 if spoilt == 0 else 0.1)
    assert after["up_to_scale_mm"] < (1 if spoilt == 0 else 6)
    assert (
        adjust_points(
            Bundle(exact, [replace(frame, sigma=np.full(len(found), np.nan))], [], [], params.expression), rig
        )
        is None
    )


def test_terms_are_linearised_exactly(person, body):
    g = torch.Generator().manual_seed(1)
    given = RigState.from_cameras(person.cameras)
    rig = given.retract(0.01 * torch.randn(4, 7, generator=g, dtype=torch.float64))
    bodies = State.from_params(
        BodyParams.rest(1, dtype=torch.float64).replace(
            betas=torch.randn(1, 10, generator=g, dtype=torch.float64),
            scale=torch.full((1, 1), 1.1, dtype=torch.float64),
        )
    )
    terms = [
        PriorCameras(given, 0.1, 0.2, 0.05), CommonFocal(0.01), KnownDistance(0, 2, 3.0),
        KnownHeight.of(body, 1.9, 0.01),
    ]  # fmt: skip
    for term in terms:
        _, gradient, _ = term.linearise(rig, bodies)
        for column in range(0, 4 * PER_CAMERA + SHARED, 2):
            d = torch.zeros(4 * PER_CAMERA + SHARED, dtype=torch.float64)
            d[column] = 1e-6
            full = torch.zeros(1, 179, dtype=torch.float64)
            full[0, 165:176] = d[-SHARED:]
            cost = [
                float(
                    term.linearise(rig.retract(s * d[:-SHARED].reshape(4, -1)), bodies.retract(s * full))[2]
                )
                for s in (1, -1)
            ]
            # a turn is off by the curvature of the rotations, which the Gauss-Newton model leaves out
            slack = 2e-2 if isinstance(term, PriorCameras) else 1e-5
            assert (cost[0] - cost[1]) / 2e-6 == pytest.approx(float(gradient[column]), rel=slack, abs=slack)


def test_known_height_is_that_of_the_body(body):
    betas = torch.zeros(10)
    term = KnownHeight.of(body, body_height(body, betas))
    bodies = State.from_params(BodyParams.rest(1, dtype=torch.float64))
    rig = RigState(torch.eye(3).double()[None], torch.zeros(1, 3).double(), torch.zeros(1).double())
    assert float(term.linearise(rig, bodies)[2]) < 1e-6


def test_rigs_are_compared_wherever_they_lie(person):
    R = Rotation.from_rotvec([0.3, -1.2, 0.5]).as_matrix()
    t, scale = np.array([1.0, 2.0, 3.0]), 1.3
    other = []
    for c in person.cameras:
        turned = c.R_cam_world @ R.T
        other.append(replace(c, R_cam_world=turned, t_cam_world=-turned @ (scale * R @ c.center_world + t)))
    found = compare_rigs(other, person.cameras)
    assert found["rigid_deg"] < 1e-5 and found["up_to_scale_mm"] < 1e-6
    assert found["scale_percent"] == pytest.approx(30.0) and found["rigid_mm"] > 500
    axis = Rotation.from_rotvec([0, 0, np.radians(4.0)]).as_matrix()
    first = replace(person.cameras[0], R_cam_world=axis @ person.cameras[0].R_cam_world)
    off = compare_rigs([first, *person.cameras[1:]], person.cameras)
    assert 2.5 < off["rigid_deg"] < 4.0  # the others give way a little
