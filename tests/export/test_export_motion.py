"""Runs as evenly spaced motions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export import motion_of_result
from diffproxy.utils.errors import InputError
from tests.export.conftest import some_bodies


def test_frames_of_a_run_are_kept_to_the_bit(motion_of):
    motion, params = motion_of(4), some_bodies(4)
    assert (motion.params.full_pose == params.full_pose).all() and (
        motion.params.transl == params.transl
    ).all()
    assert motion.known.all() and motion.fps == 30.0 and motion.frame_ids.tolist() == [0, 1, 2, 3]


def test_the_world_is_turned(motion_of):
    for up in ("+Z", "-Y"):
        motion = motion_of(3, up_axis=up)
        turned = motion.with_up_axis("+Y")
        np.testing.assert_allclose(turned.joints, motion.joints @ rotation_to_y_up(up).T, atol=1e-5)
        np.testing.assert_allclose(turned.with_up_axis(up).joints, motion.joints, atol=1e-5)


def test_rates_are_changed_by_interpolation_on_the_sphere(motion_of):
    motion = motion_of(3, fps=60.0)
    assert len(motion) == 5 and motion.fps == 60.0 and motion.known.all()
    params = some_bodies(3)
    assert (motion.params.body_pose[::2] == params.body_pose).all()
    half = motion.params.body_pose[1].reshape(-1, 3).numpy()
    ends = [Rotation.from_rotvec(p.reshape(-1, 3).numpy()) for p in params.body_pose[:2]]
    way = (ends[0].inv() * ends[1]).as_rotvec()
    assert (
        ends[0] * Rotation.from_rotvec(way / 2) * Rotation.from_rotvec(half).inv()
    ).magnitude().max() < 1e-5
    np.testing.assert_allclose(motion.params.transl[1], params.transl[:2].mean(0), atol=1e-6)


def test_gaps_are_bridged_and_told(motion_of):
    motion = motion_of(6, missing=(0, 3, 5))
    assert motion.known.tolist() == [False, True, True, False, True, False]
    transl = some_bodies(6).transl
    np.testing.assert_allclose(motion.params.transl[3], (transl[2] + transl[4]) / 2, atol=1e-6)
    assert (motion.params.transl[0] == transl[1]).all() and (motion.params.transl[5] == transl[4]).all()


def test_the_spacing_of_frames_gives_the_rate(motion_of):
    motion = motion_of(4, frame_ids=[10, 20, 30, 60])
    assert motion.fps == pytest.approx(3.0) and motion.frame_ids.tolist() == [10, 20, 30, 30, 60, 60]
    assert motion.known.tolist() == [True, True, True, False, False, True]
    one = motion_of(1)
    assert len(one) == 1 and one.fps == 30.0


def test_runs_without_bodies_and_bad_rates_are_told(body, result_of):
    with pytest.raises(InputError, match="none of 2"):
        motion_of_result(result_of(some_bodies(2), missing=(0, 1)), body, 30.0)
    with pytest.raises(InputError, match="frame rates above 0"):
        motion_of_result(result_of(some_bodies(2)), body, 0.0)


def test_a_motion_of_more_frames_than_memory_holds_is_told_before_it_is_made(body, result_of):
    far = result_of(some_bodies(3), frame_ids=[0, 1, 900_000_000])
    with pytest.raises(InputError, match=r"9e\+08 from frame 0 to 900000000 at 30 a second.*\n.*fps=0.01"):
        motion_of_result(far, body, 30.0)
    assert len(motion_of_result(far, body, 30.0, fps=0.009)) > 1


def test_deviation_and_support_follow_the_frames(motion_of):
    motion = motion_of(3, fps=60.0)
    assert motion.joint_observed.shape == (5, 55) and motion.joint_std.shape == (5, 55)
    assert motion.take(np.array([1, 3])).joint_observed.shape == (2, 55)
    assert motion.shown.all() and not replace(motion, min_observed=0.5).shown[:, 4].any()
