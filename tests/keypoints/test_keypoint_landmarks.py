"""Keypoints on the body."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.body.names import JOINT_NAMES
from diffproxy.keypoints.landmarks import encoder_points, with_encoder_keypoints, with_landmarks
from diffproxy.keypoints.layouts import COCO17, INDEX, NAMES


@pytest.fixture(scope="module")
def marked(body):
    return with_landmarks(body)


def places(marked, params: BodyParams) -> np.ndarray:
    body, marks = marked
    known = np.flatnonzero(marks.face >= 0)
    assert len(known) == len(NAMES)
    faces, bary = torch.from_numpy(marks.face)[None], torch.from_numpy(marks.bary)[None].float()
    return body.surface_points(params, faces, bary)[0].numpy()


def posed_params() -> BodyParams:
    g = torch.Generator().manual_seed(0)
    return BodyParams.rest(1).replace(
        body_pose=0.4 * torch.randn(1, 63, generator=g), betas=torch.randn(1, 10, generator=g),
        left_hand_pose=0.4 * torch.randn(1, 45, generator=g), global_orient=torch.tensor([[0.3, 1.0, -0.2]]),
        transl=torch.tensor([[1.0, 2.0, 3.0]]), scale=torch.tensor([[1.1]]),
    )  # fmt: skip


def test_the_encoders_points_are_where_the_fitter_puts_them(body):
    params, (marked, marks) = posed_params(), with_encoder_keypoints(body)
    rows = [INDEX[name] for name in COCO17]
    faces, bary = torch.from_numpy(marks.face[rows])[None], torch.from_numpy(marks.bary[rows])[None].float()
    fitted = marked.surface_points(params, faces, bary)[0].numpy()
    assert np.abs(encoder_points(body, params) - fitted).max() < 1e-5


def test_joints_are_points_that_follow_pose_shape_and_scale(body, marked):
    params = posed_params()
    x, joints = places(marked, params), body.joints(params)[0].numpy()
    for name in ("left_elbow", "right_knee", "left_hip", "right_wrist", "left_ankle"):
        assert np.abs(x[INDEX[name]] - joints[JOINT_NAMES.index(name)]).max() < 1e-5
    assert np.abs(x[INDEX["left_hand_ring2"]] - joints[JOINT_NAMES.index("left_ring2")]).max() < 1e-5
    middle = 0.5 * (joints[1] + joints[2])
    assert np.abs(x[INDEX["mid_hip"]] - middle).max() < 1e-5


def test_spots_of_the_surface_are_where_they_should_be(marked):
    x = places(marked, BodyParams.rest(1))
    at = {n: x[INDEX[n]] for n in NAMES}
    assert at["head_top"][1] > at["left_eye"][1] > at["nose"][1] > at["neck"][1]
    assert at["nose"][2] > at["left_eye"][2] > at["left_ear"][2]
    for side, sign in (("left", 1), ("right", -1)):
        assert sign * at[f"{side}_ear"][0] > sign * at[f"{side}_eye"][0] > 0
        assert at[f"{side}_big_toe"][2] > at[f"{side}_ankle"][2] > at[f"{side}_heel"][2]
        assert sign * at[f"{side}_small_toe"][0] > sign * at[f"{side}_big_toe"][0]
        assert 0.2 < at[f"{side}_big_toe"][2] - at[f"{side}_heel"][2] < 0.32
        tip, base = at[f"{side}_hand_middle4"], at[f"{side}_hand_middle1"]
        assert sign * (tip - base)[0] > 0.05


def test_left_mirrors_right(marked):
    x = places(marked, BodyParams.rest(1))
    for name in NAMES:
        if name.startswith("left_"):
            twin = x[INDEX[name.replace("left_", "right_", 1)]] * [-1, 1, 1]
            assert np.abs(x[INDEX[name]] - twin).max() < 0.006, name
