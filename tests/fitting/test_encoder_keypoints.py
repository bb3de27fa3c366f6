"""Keypoints of the encoder in the fit: where they lie on the body, how they weigh, what they change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.encoder_keypoints import IMAGE_STD, MIN_CONFIDENCE, EncoderKeypointFitter
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.fitting.sequence.fit_sequence import fit_sequence
from diffproxy.keypoints.landmarks import ENCODER_OFFSETS, with_encoder_keypoints
from diffproxy.keypoints.layouts import COCO17, INDEX
from diffproxy.proxies import render_proxies

ROWS = [INDEX[n] for n in COCO17]
CONFIG = FitConfig(hands=False, max_pixels=200)


@pytest.fixture(scope="module")
def some_params():
    """A stride, the left arm bent."""
    pose = np.zeros((21, 3), np.float32)
    pose[0, 0], pose[1, 0], pose[3, 0], pose[4, 0] = -0.7, 0.3, 0.5, 0.9
    pose[15, 2], pose[16, 2], pose[17, 1], pose[18, 1] = -0.9, 0.8, -0.8, 0.5
    turn = torch.tensor([[0.0, 0.6, 0.0]])
    return BodyParams.rest(1).replace(body_pose=torch.from_numpy(pose).reshape(1, 63), global_orient=turn)


@pytest.fixture(scope="module")
def cameras(body, some_params, make_ring):
    return make_ring(3, size=128, target=tuple(posed(body, some_params).mean(0)))


def posed(body, params):
    with torch.no_grad():
        return body(params).vertices[0].double().numpy()


def exact_keypoints(body, params, cameras, std=1.0):
    """The keypoints of a known body, fully confident."""
    marked, marks = with_encoder_keypoints(body)
    points = posed(marked, params)[marked.faces.numpy()[marks.face[ROWS], 0]]
    more = np.tile([0.9, std], (17, 1))
    return np.stack([np.concatenate([c.project(points), more], 1) for c in cameras])


def test_each_keypoint_is_a_point_fixed_to_its_bone(body, some_params):
    marked, marks = with_encoder_keypoints(body)
    assert (marks.face[ROWS] >= len(body.faces)).all() and (np.delete(marks.face, ROWS) == -1).all()
    places = marked.v_template.numpy()[marked.faces.numpy()[marks.face[ROWS], 0]]
    joints = {n: body.joint_template.numpy()[k] for k, n in enumerate(body.joint_names)}
    for name, place in zip(COCO17, places, strict=True):
        side, _, part = name.rpartition("_")
        joint, _, offset, _ = ENCODER_OFFSETS[part]
        own = joints[joint if joint in joints else f"{side}_{joint}"]
        mirrored = np.array(offset) * [-1 if side == "right" else 1, 1, 1]
        np.testing.assert_allclose(place - own, mirrored, atol=1e-6)
    left, right = (places[COCO17.index(f"{s}_hip")] for s in ("left", "right"))
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=0.01)
    np.testing.assert_array_equal(
        posed(marked, some_params)[: len(body.v_template)], posed(body, some_params)
    )


def test_unsure_keypoints_are_dropped_and_deviations_are_lengths(body, some_params, cameras):
    fitter = EncoderKeypointFitter(body, CONFIG)
    keypoints = exact_keypoints(body, some_params, cameras, 2.0)
    keypoints[1, 5, 2] = MIN_CONFIDENCE - 0.01
    found = fitter.evidence(keypoints)
    assert found is not None and len(found.rows) == 3 * 17 - 1
    assert not (found.rows.face[found.rows.view == 1] == fitter.landmarks.face[ROWS[5]]).any()
    center = posed(body, some_params).mean(0)
    camera = cameras[0]
    unit = (camera.R_cam_world @ center + camera.t_cam_world)[2] / camera.K[0, 0]
    expected = np.hypot(fitter.landmarks.std[ROWS], IMAGE_STD * 2.0 * unit)
    sigma = found.observations(tuple(cameras), center).sigma
    np.testing.assert_allclose(sigma[found.rows.view == 0], expected, rtol=1e-6)
    assert fitter.evidence(keypoints * [1, 1, 0, 1]) is None


def test_exact_keypoints_do_not_change_a_fit_to_exact_proxies(body, some_params, cameras):
    maps = render_proxies(body, posed(body, some_params), cameras)
    with torch.no_grad():
        true = body.joints(some_params)[0].numpy()
    result = EncoderKeypointFitter(body, CONFIG).fit(maps, exact_keypoints(body, some_params, cameras))
    assert result.status == "ok" and np.linalg.norm(result.joints - true, axis=-1)[:22].mean() < 0.004
    assert (result.joint_std[:22] < 0.1).all() and result.inlier_ratio > 0.9


def without_left_forearm(body, maps):
    """The maps without a word on the left forearm and hand."""
    arm = [k for k, n in body.atlas.palette.names.items() if n.endswith(("forearm_l", "hand_l"))]
    gone = np.isin(maps.labels, arm)
    assert gone.any()
    labels, weight = np.where(gone, 0, maps.labels).astype(np.uint8), np.where(gone, 0, maps.weight)
    return replace(maps, labels=labels, weight=weight.astype(np.float32))


def test_keypoints_place_a_limb_that_the_proxies_do_not_show(body, some_params, cameras):
    """Proxies without the left forearm and hand: the encoder's keypoints say where the wrist is."""
    maps = without_left_forearm(body, render_proxies(body, posed(body, some_params), cameras))
    keypoints = exact_keypoints(body, some_params, cameras, 0.3)
    with torch.no_grad():
        true = body.joints(some_params)[0].numpy()[20]
    without = np.linalg.norm(fit(maps, body, CONFIG).joints[20] - true)
    fitted = EncoderKeypointFitter(body, CONFIG).fit(maps, keypoints)
    assert fitted.has_body and np.linalg.norm(fitted.joints[20] - true) < min(0.03, 0.5 * without)


def test_keypoints_count_in_every_step_of_a_sequence(body, some_params, cameras):
    """Key frames, all frames of one shape and the smoother see the wrist that the proxies do not show."""
    maps = without_left_forearm(body, render_proxies(body, posed(body, some_params), cameras))
    fitter = EncoderKeypointFitter(body, CONFIG)
    found = fitter.evidence(exact_keypoints(body, some_params, cameras, 0.3))
    with torch.no_grad():
        true = body.joints(some_params)[0].numpy()[20]
    off = {}
    for smooth in (0.0, 1.0):
        for keypoints in (None, found):
            frames = [ShownFrame(maps, keypoints)] * 3
            result = fit_sequence(frames, body, CONFIG, SequenceConfig(smooth=smooth, shape_frames=2))
            off[smooth, keypoints is found] = np.linalg.norm(result.frames[1].joints[20] - true)
    for smooth in (0.0, 1.0):
        assert off[smooth, True] < min(0.03, 0.5 * off[smooth, False])
