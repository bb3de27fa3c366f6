"""Bodies and cameras of one instant from exact proxies: perturbed, rescaled and unknown cameras come back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.joint_fit import (
    body_scale,
    fit_with_cameras,
    in_world_of,
    scaled_about_first,
    with_rig,
)
from diffproxy.cameras.predicted import guessed_cameras
from diffproxy.metrics.points import pa_mpjpe
from tests.calibration.test_calibration_exact import moved


@pytest.fixture(scope="module")
def true_joints(person, body):
    with torch.no_grad():
        return body.joints(person.params)[0, :22].numpy()


def zoomed(camera, factor):
    K = camera.K.copy()
    K[:2, :2] *= factor
    return replace(camera, K=K)


def predicted(cameras):
    """As a network predicts them: wrong by 5 degrees, 10 cm and 4 % of the focal length, in a world and unit of its
    own."""
    wrong = [zoomed(c, f) for c, f in zip(moved(cameras, 5.0, 0.1), (1.04, 0.97, 1.03, 0.96), strict=True)]
    start = replace(wrong[0], R_cam_world=np.eye(3), t_cam_world=np.zeros(3))
    return scaled_about_first(in_world_of(wrong, start), 0.37)


def errors(found, body, cameras, true_joints):
    rigs = compare_rigs(found.cameras, cameras)
    with torch.no_grad():
        joints = body.joints(found.bodies[0])[0, :22].numpy()
    return rigs, float(pa_mpjpe(joints[None], true_joints[None])[0])


def test_predicted_cameras_and_the_body_are_found_together(person, body, true_joints):
    start = predicted(person.cameras)
    before = compare_rigs(start, person.cameras)
    assert before["rigid_deg"] > 4 and before["up_to_scale_mm"] > 60
    maps = with_rig(person.maps, person.cameras, start)
    found = fit_with_cameras([maps], start, body, poses=True, intrinsics=False)
    rigs, pa = errors(found, body, person.cameras, true_joints)
    assert rigs["rigid_deg"] < 0.3 and rigs["up_to_scale_mm"] < 20 and abs(rigs["scale_percent"]) < 6
    assert pa < 4
    for c, true in zip(found.cameras, person.cameras, strict=True):
        assert c.K[0, 0] == pytest.approx(true.K[0, 0], rel=0.01)
    assert np.abs(found.cameras[0].R_cam_world - np.eye(3)).max() < 1e-9  # the world is the first camera's


def test_unknown_poses_are_found_with_the_body(person, body, true_joints):
    first, *others = person.cameras
    start = (first, *(replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in others))
    found = fit_with_cameras(
        [with_rig(person.maps, person.cameras, start)], start, body, poses=False, intrinsics=True
    )
    rigs, pa = errors(found, body, person.cameras, true_joints)
    assert rigs["rigid_deg"] < 0.1 and rigs["up_to_scale_mm"] < 5 and pa < 2
    assert np.abs(found.cameras[0].center_world - first.center_world).max() < 1e-9


def test_the_body_gives_the_unit_of_length(person, body):
    """Bodies of average size that stand where the true one does."""
    start = scaled_about_first(person.cameras, 0.37)
    alone = {}
    for c, camera in enumerate(person.cameras):
        pelvis = body.joints(person.params)[0, 0].detach().double().numpy()
        place = camera.R_cam_world @ pelvis + camera.t_cam_world
        rest = BodyParams.rest(1)
        shift = torch.from_numpy(place).float() - body.joints(rest)[0, 0]
        alone[0, c] = rest.replace(transl=rest.transl + shift)
    away = {
        (1, c): p.replace(transl=p.transl + torch.from_numpy(person.cameras[c].R_cam_world[:, 0]).float())
        for (_, c), p in alone.items()
    }  # a second frame, a metre to the side
    assert body_scale(alone | away, start, body) == pytest.approx(1 / 0.37, rel=1e-4)
    assert body_scale({(0, 0): alone[0, 0]}, start, body) is None


def test_maps_follow_the_cameras_of_their_images(person):
    other = guessed_cameras(person.cameras, 50.0)
    crops = replace(person.maps, cameras=tuple(c.crop((10, 20, 90, 100), (160, 160)) for c in person.cameras))
    moved_maps = with_rig(crops, person.cameras, other)
    for camera, image in zip(moved_maps.cameras, other, strict=True):
        np.testing.assert_allclose(camera.K, image.crop((10, 20, 90, 100), (160, 160)).K, atol=1e-9)
    assert with_rig(crops, person.cameras[:2], other[:2]).num_views == 2
    again = with_rig(moved_maps, other, person.cameras)
    for camera, before in zip(again.cameras, crops.cameras, strict=True):
        np.testing.assert_allclose(camera.K, before.K, atol=1e-9)
