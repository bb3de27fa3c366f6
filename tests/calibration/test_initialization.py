"""Camera poses from bodies and from surface points whose answers are known exactly."""

from dataclasses import replace

import numpy as np
import torch

from diffproxy.calibration.alignment import transform_bodies
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.initialization import map_owner, register_cameras, rig_from_views, with_cameras


def placed(rig: RigState, cameras):
    return [rig.place(c, k) for k, c in enumerate(cameras)]


def test_bodies_of_single_views_give_the_relative_poses(person, body):
    """Two frames; camera 3 sees the second alone. Its pose follows through the cameras that share that frame."""
    given = RigState.from_cameras(person.cameras)
    found = {}
    for frame, seen in ((0, (0, 1, 2)), (1, (1, 2, 3))):
        params = person.params.replace(transl=torch.tensor([[0.3 * frame, 0.0, -0.2 * frame]]))
        for c in seen:
            R = given.R_cam_world[c].float()
            t = (-given.R_cam_world[c] @ given.center[c]).float()
            found[frame, c] = transform_bodies(params, body, R, t)
    rig, known = rig_from_views(found, 4, body)
    assert known == [0, 1, 2, 3]
    error = compare_rigs(placed(rig, person.cameras), person.cameras)
    assert error["rigid_deg"] < 1e-2 and error["rigid_mm"] < 0.5
    _, known = rig_from_views({k: v for k, v in found.items() if k[1] != 3}, 4, body)
    assert known == [0, 1, 2]


def test_a_camera_far_off_is_registered_to_the_body(person, body):
    given = RigState.from_cameras(person.cameras)
    step = torch.zeros(4, 7, dtype=torch.float64)
    step[2, :3], step[2, 3:6] = (
        torch.tensor([0.2, 2.0, -0.3]).double(),
        torch.tensor([1.0, 0.5, -1.0]).double(),
    )
    found = register_cameras([person.maps], [person.params], person.cameras, given.retract(step), body, [2])
    error = compare_rigs(placed(found, person.cameras), person.cameras)
    assert error["rigid_deg"] < 0.2 and error["rigid_mm"] < 10
    others = [0, 1, 3]
    assert torch.equal(found.center[others], given.center[others])


def test_maps_take_the_poses_and_focal_lengths_of_their_cameras(person):
    given = RigState.from_cameras(person.cameras)
    rig = RigState(given.R_cam_world, given.center + 1.0, given.log_focal + np.log(1.1))
    maps = with_cameras(person.maps, person.cameras, rig)
    for new, old in zip(maps.cameras, person.maps.cameras, strict=True):
        np.testing.assert_allclose(new.center_world, old.center_world + 1.0, atol=1e-12)
        np.testing.assert_allclose(new.K[:2, :2], 1.1 * old.K[:2, :2])
    stranger = replace(person.maps.cameras[0], name="stranger")
    mixed = replace(person.maps, cameras=(stranger, *person.maps.cameras[1:]))
    assert map_owner(mixed, person.cameras).tolist() == [-1, 1, 2, 3]
