"""Gauge and scale of a calibration, on rigs and bodies moved by known transforms."""

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.calibration.alignment import align_rig, align_world, scale_factor, transform_bodies
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import CalibrationConfig
from diffproxy.calibration.terms import body_height
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.utils.errors import InputError

ROTVEC, SHIFT = torch.tensor([0.3, -1.1, 0.4], dtype=torch.float64), torch.tensor([1.0, -2.0, 0.5]).double()


def test_a_moved_rig_comes_back_on_the_cameras_it_shares(person):
    given = RigState.from_cameras(person.cameras)
    moved = given.moved(rotvec_to_rotmat(ROTVEC), SHIFT)
    moved.center[3] += 5.0  # a camera without a person: its own estimate does not count
    back = align_rig(moved, given, [0, 1, 2])
    assert (back.R_cam_world - given.R_cam_world).abs().max() < 1e-9
    assert (back.center - given.center).abs().max() < 1e-9


def test_known_lengths_give_the_scale(person, body):
    rig, betas = RigState.from_cameras(person.cameras), person.params.betas[0]
    apart = float((rig.center[0] - rig.center[2]).norm())
    by_distance = CalibrationConfig(distance=("cam0", "cam2", 2 * apart), height=9.0)
    assert scale_factor(rig, betas, 1.0, person.cameras, body, by_distance) == pytest.approx(2.0)
    by_height = CalibrationConfig(height=1.5 * body_height(body, betas))
    assert scale_factor(rig, betas, 1.0, person.cameras, body, by_height) == pytest.approx(1.5)
    assert scale_factor(rig, betas, 1.0, person.cameras, body, CalibrationConfig()) == 1.0


def test_bodies_move_with_the_world(person, body):
    R = rotvec_to_rotmat(ROTVEC).float()
    params = person.params.replace(scale=torch.full((1, 1), 1.2))
    with torch.no_grad():
        before = body(params).vertices[0]
        after = body(transform_bodies(params, body, R, SHIFT.float())).vertices[0]
    assert (after - (before @ R.T + SHIFT.float())).abs().max() < 1e-5


def test_the_world_stands_upright_under_the_body_or_is_that_of_the_fixed_camera(person, body):
    tilted = transform_bodies(person.params, body, rotvec_to_rotmat(ROTVEC).float(), SHIFT.float())
    rig = RigState.from_cameras(person.cameras).moved(rotvec_to_rotmat(ROTVEC), SHIFT)
    config = CalibrationConfig(rough=False)
    R, t = (a.float() for a in align_world(rig, tilted, body, person.cameras, config))
    with torch.no_grad():
        out = transform_bodies(tilted, body, R, t)
        joints, vertices = body.joints(out)[0], body(out).vertices[0]
    up = joints[12] - joints[0]
    assert float(up[1] / up.norm()) > 1 - 1e-5
    assert abs(float(vertices[:, 1].min())) < 1e-4  # the floor
    assert joints[0, [0, 2]].abs().max() < 1e-4
    R, t = align_world(rig, tilted, body, person.cameras, CalibrationConfig(fix="cam1"))
    fixed, given = rig.moved(R, t), RigState.from_cameras(person.cameras)
    assert (fixed.center - given.center).abs().max() < 1e-9  # all of them: the rig was moved as a whole
    with pytest.raises(InputError, match="fix=nobody"):
        align_world(rig, tilted, body, person.cameras, CalibrationConfig(fix="nobody"))
    R, t = align_world(rig, BodyParams.rest(1), body, person.cameras, CalibrationConfig())
    assert torch.equal(R, torch.eye(3, dtype=torch.float64)) and np.abs(t.numpy()).max() == 0


@pytest.mark.parametrize("axis", [0, 2])
def test_where_the_body_lies_the_images_say_what_is_up(person, body, axis):
    lying = torch.zeros(3, dtype=torch.float64)
    lying[axis] = np.pi / 2
    down = transform_bodies(person.params, body, rotvec_to_rotmat(lying).float(), torch.zeros(3))
    rig = RigState.from_cameras(person.cameras)
    R, t = (a.double() for a in align_world(rig, down, body, person.cameras, CalibrationConfig(rough=False)))
    assert float(R[1, 1]) > 1 - 1e-5  # +Y, to which the cameras stand upright
    assert (R @ R.T - torch.eye(3)).abs().max() < 1e-5 and float(torch.linalg.det(R)) > 0
    with torch.no_grad():
        vertices = body(transform_bodies(down, body, R.float(), t.float())).vertices[0]
    assert abs(float(vertices[:, 1].min())) < 1e-4
