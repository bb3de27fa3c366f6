"""Limbs that cannot have moved so: which frames are dropped, and what takes their place."""

import numpy as np
import torch

from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.fitting.sequence.fit_sequence import fit_sequence
from diffproxy.fitting.sequence.outlier_limbs import (
    FASTEST,
    LIMBS,
    SLACK,
    longest_consistent_run,
    outlier_limbs_of,
    relink_limb,
)
from diffproxy.proxies import render_proxies

TIMES = np.arange(9) / 30


def line(*x: float) -> np.ndarray:
    """One point at these places on the x axis."""
    return np.array(x)[:, None, None] * np.array([1.0, 0.0, 0.0])


def test_single_jumps_and_a_short_stay_elsewhere_are_dropped():
    away = longest_consistent_run(line(0, 0.1, 2, 0.2, 0.3, -2, -2, 0.4, 0.5), TIMES)
    assert away.tolist() == [True, True, False, True, True, False, False, True, True]
    assert longest_consistent_run(line(*np.linspace(0, 2, 9)), TIMES).all()


def test_a_chain_may_go_exactly_as_fast_as_a_limb_can():
    step = FASTEST / 30 + SLACK
    assert longest_consistent_run(line(0, step * 0.999), TIMES[:2]).tolist() == [True, True]
    assert longest_consistent_run(line(0, step * 1.001), TIMES[:2]).sum() == 1
    assert longest_consistent_run(line(0, step * 1.001), TIMES[[0, 2]]).tolist() == [True, True]


def test_moving_with_the_trunk_is_no_jump():
    joints = np.zeros((9, 55, 3))
    joints[4:] += 5.0  # everybody walks through a cut
    assert not any(jumps.any() for jumps in outlier_limbs_of(joints, TIMES).values())
    joints[6, 20] += 1.0
    assert {k: np.flatnonzero(v).tolist() for k, v in outlier_limbs_of(joints, TIMES).items() if v.any()} == {
        "left arm": [6]
    }


def test_a_dropped_limb_lies_halfway_between_its_neighbours():
    params = BodyParams.rest(5)
    pose = params.body_pose.clone().reshape(5, 21, 3)
    pose[:, 15, 2] = torch.tensor([0.0, 0.2, 3.0, 0.6, 0.8])  # left shoulder
    pose[:, 3, 0] = torch.tensor([0.0, 0.1, 0.9, 0.1, 0.0])  # left knee: none of its business
    params = params.replace(body_pose=pose.flatten(1))
    outliers = np.array([True, False, True, False, True])
    got = relink_limb(params, LIMBS["left arm"], outliers).body_pose.reshape(5, 21, 3)
    assert torch.allclose(got[:, 15, 2], torch.tensor([0.2, 0.2, 0.4, 0.6, 0.6]), atol=1e-5)
    assert torch.allclose(got[:, 3], pose[:, 3], atol=1e-6)


def test_an_arm_seen_in_the_wrong_place_for_a_frame(body, make_ring):
    """In one frame all views show the arm elsewhere: the neighbours decide, and the doubt says so."""
    truth = BodyParams.rest(7)
    pose = truth.body_pose.clone().reshape(7, 21, 3)
    pose[:, 15, 2] = torch.linspace(-1.2, -0.9, 7)
    pose[:, 16, 2] = 1.2
    seen = pose.clone()
    seen[3, 15, 2] = 1.2
    with torch.no_grad():
        joints = body.joints(truth.replace(body_pose=pose.flatten(1))).numpy()
        vertices = body(truth.replace(body_pose=seen.flatten(1))).vertices.numpy()
    cameras = make_ring(3, target=tuple(vertices.mean((0, 1))))
    maps = [render_proxies(body, v, cameras) for v in vertices]
    config = FitConfig(hands=False, max_pixels=150, num_initial_rotations=96)
    result = fit_sequence(
        [ShownFrame(m) for m in maps], body, config, SequenceConfig(smooth=1.0, shape_frames=3)
    )
    error = [
        np.linalg.norm(f.joints[:22] - j[:22], axis=-1).max()
        for f, j in zip(result.frames, joints, strict=True)
    ]
    assert max(error) < 0.03
    assert "left arm" in result.frames[3].warning and not any(
        f.warning for i, f in enumerate(result.frames) if i != 3
    )
    assert result.frames[3].status == "doubtful" and "left arm" in result.frames[3].reason
    assert result.frames[3].joint_observed[18] == 0 and result.frames[2].joint_observed[18] > 0.5
    assert result.frames[3].joint_std[20] > 2 * result.frames[2].joint_std[20]
