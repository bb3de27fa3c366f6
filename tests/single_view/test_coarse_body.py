"""Bodies by the regressor in pictures, crops and rigs, and one focal length for the people of a picture."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffproxy.cameras import Camera
from diffproxy.fitting.result import FITTED
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.single_view.coarse_body import CoarseBodies, CoarseBody, picture_view
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.regress_people import regress_people, shared_focal
from diffproxy.single_view.regressor import BodyRegressor, RegressedBody, RegressorConfig


class KnowsThePerson(BodyRegressor):
    """Stands in for the network: returns one body in the camera, whatever it is shown, and keeps that."""

    def __init__(self, params, pelvis, log_focal=0.0):
        super().__init__(RegressorConfig(8, 1))
        self.params, self.pelvis, self.log_focal = params, torch.as_tensor(pelvis).float(), log_focal

    def forward(self, keypoints, camera):
        self.shown, n = (keypoints, camera), len(keypoints)
        turns = rotvec_to_rotmat(self.params.full_pose[:, :66].reshape(-1, 22, 3))
        factor = (camera[:, 3] * self.log_focal).exp()
        return RegressedBody(
            turns[:, 0].expand(n, -1, -1), turns[:, 1:].expand(n, -1, -1, -1), self.params.betas.expand(n, -1),
            self.pelvis.expand(n, -1), torch.full((n,), 0.1), camera[:, 2] * factor, 0.5 * camera[:, 3],
            torch.full((n, 22), 0.05), torch.full((n,), 0.8), torch.zeros(n, 64), torch.zeros(n, 64),
        )  # fmt: skip


@pytest.fixture
def person(body, two_people):
    """The nearer person of the picture: parameters, pelvis, and the 17 keypoints in its pixels."""
    params = two_people.params[0]
    with torch.no_grad():
        turns = rotvec_to_rotmat(params.full_pose[:, :66].reshape(-1, 22, 3))
        pelvis = body.joints(params)[0, 0].numpy()
        points = KeypointBody(body)(turns, params.betas)[1][0].numpy() + pelvis
    pixels = two_people.camera.project(points.astype(np.float64))
    keypoints = np.concatenate([pixels, np.tile([0.8, 3.0], (17, 1))], axis=1)
    return SimpleNamespace(params=params, pelvis=pelvis, keypoints=keypoints)


def test_keypoints_of_a_crop_are_those_of_the_picture(two_people, person):
    box = (100.0, -40.0, 500.0, 360.0)
    crop = two_people.camera.crop(box, (64, 64))
    zoom = 64 / 400
    in_crop = person.keypoints * [zoom, zoom, 1, zoom] - [box[0] * zoom, box[1] * zoom, 0, 0]
    points, camera = picture_view(in_crop, crop, box, 0.2)
    np.testing.assert_allclose(points, person.keypoints, atol=1e-9)
    np.testing.assert_allclose(camera, [640, 480, 330, 0.2], atol=1e-9)


def test_the_body_is_placed_in_the_world_by_the_camera(body, two_people, person):
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    camera = Camera("a", 640, 480, two_people.camera.K, turn, np.array([0.3, -0.1, 2.0]))
    coarse = CoarseBodies(body, KnowsThePerson(person.params, person.pelvis))
    (found,) = coarse.of_pictures([(person.keypoints, np.array([640, 480, 330, 0.0]))], [camera])
    with torch.no_grad():
        true = body.joints(person.params)[0].numpy()
    np.testing.assert_allclose(found.joints @ turn.T + camera.t_cam_world, true, atol=1e-4)
    assert found.joint_std.shape == (55,) and found.joint_std[0] == pytest.approx(
        np.hypot(3**0.5 * 0.05, 0.1 * person.pelvis[2]), rel=1e-4
    )


def test_views_without_enough_keypoints_give_no_body(body, two_people, person):
    coarse = CoarseBodies(body, KnowsThePerson(person.params, person.pelvis))
    hidden = person.keypoints.copy()
    hidden[3:, 2] = 0.1
    views = [(k, np.array([640, 480, 330, 0.0])) for k in (hidden, person.keypoints)]
    found = coarse.of_pictures(views, [two_people.camera] * 2)
    assert found[0] is None and found[1] is not None and found[1].seen == 17


def test_everybody_shares_one_focal_length(body, two_people, person):
    network = KnowsThePerson(person.params, person.pelvis, log_focal=0.5)
    box, camera = (0.0, 0.0, 640.0, 640.0), picture_camera(640, 480, 330.0)
    prior = FocalPrior(330.0, 0.3, "usual lenses")
    found = regress_people(
        np.stack([person.keypoints] * 2), [box] * 2, 640, camera, prior, CoarseBodies(body, network)
    )
    # Twice the evidence of a deviation of half the prior's: 1 + 3 + 3 parts of the prior's certainty.
    assert found.log_std == pytest.approx(0.3 / 7**0.5, rel=1e-4)
    assert found.focal == pytest.approx(330 * np.exp(0.5 * 0.3 * 8 / 7), rel=1e-4)
    assert all(p.result.status in FITTED and p.observed is None for p in found.people)
    assert float(network.shown[1][0, 2]) == pytest.approx(found.focal, rel=1e-5), (
        "once more, with that focal length"
    )
    assert not network.shown[1][:, 3].any()


def test_a_given_focal_length_is_kept(body, two_people, person):
    network = KnowsThePerson(person.params, person.pelvis, log_focal=0.5)
    prior = FocalPrior(330.0, 0.0, "given", fixed=True)
    found = regress_people(
        person.keypoints[None],
        [(0.0, 0.0, 640.0, 640.0)],
        640,
        two_people.camera,
        prior,
        CoarseBodies(body, network),
    )
    assert found.focal == 330.0 and found.log_std == 0.0
    assert shared_focal([], FocalPrior(500.0, 0.35, "usual lenses")) == (0.0, 0.35)


def test_packaged_weights_know_the_depth_of_exact_keypoints(body, two_people, person):
    """A person 1.1 m from a known lens, all keypoints exact."""
    coarse = CoarseBodies(body)
    (found,) = coarse.of_pictures([(person.keypoints, np.array([640, 480, 330, 0.0]))], [two_people.camera])
    assert isinstance(found, CoarseBody)
    assert abs(np.log(found.joints[0, 2] / person.pelvis[2])) < 0.25
    assert found.log_depth_std < 0.5
