"""Joints and keypoints by bones alone agree with the body model and with the points that the fitter uses."""

import torch

from diffproxy.body import BodyParams
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.keypoints.landmarks import with_encoder_keypoints
from diffproxy.single_view.keypoint_body import KeypointBody


def test_joints_and_keypoints_are_those_of_the_fitter(body):
    random = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(*shape, generator=random)

    params = BodyParams.rest(3).replace(
        betas=draw(3, 10), body_pose=0.4 * draw(3, 63), global_orient=2 * draw(3, 3), transl=draw(3, 3)
    )
    marked, _ = with_encoder_keypoints(body)
    with torch.no_grad():
        posed = marked(params)
        turns = rotvec_to_rotmat(params.full_pose[:, :66].reshape(-1, 22, 3))
        joints, points = KeypointBody(body)(turns, params.betas)
    pelvis = posed.joints[:, :1]
    torch.testing.assert_close(joints, posed.joints[:, :22] - pelvis, atol=1e-5, rtol=0)
    torch.testing.assert_close(points, posed.vertices[:, -17:] - pelvis, atol=1e-5, rtol=0)
