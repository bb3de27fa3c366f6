"""Sequences: known motion in, exact or missing proxies, smooth and complete motion out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.corruption import blobs
from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.fitting.sequence.contacts import Floor, contacts, find_floor, foot_slide, jitter
from diffproxy.fitting.sequence.fit_sequence import fit_sequence, waves
from diffproxy.fitting.sequence.interpolation import interpolate_pose
from diffproxy.fitting.sequence.motion_residuals import MotionResiduals
from diffproxy.fitting.sequence.smoother import stretches
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.block_banded import BlockBandedMatrix
from diffproxy.fitting.state import Free, State
from diffproxy.proxies import render_proxies
from diffproxy.utils.errors import InputError

UP = np.array([0.0, 1.0, 0.0])


def swing(frames: int) -> BodyParams:
    """An arm that rises evenly while the body drifts, frame by frame."""
    params = BodyParams.rest(frames)
    body = params.body_pose.clone().reshape(frames, 21, 3)
    body[:, 15, 2] = torch.linspace(-1.0, 0.2, frames)
    body[:, 16, 2] = 1.2
    transl = torch.zeros(frames, 3)
    transl[:, 0] = 0.02 * torch.arange(frames)
    betas = torch.tensor([1.0, -0.5] + [0.0] * 8).expand(frames, -1).contiguous()
    return params.replace(body_pose=body.flatten(1), transl=transl, betas=betas)


@pytest.fixture(scope="module")
def filmed(body, make_ring):
    truth = swing(7)
    with torch.no_grad():
        vertices = body(truth).vertices.numpy()
    cameras = make_ring(3, target=tuple(vertices.mean((0, 1))))
    return truth, [render_proxies(body, v, cameras) for v in vertices]


def test_every_frame_lies_between_earlier_ones():
    order = waves(10, [0, 9])
    assert sorted(i for wave in order for i in wave) == list(range(10))
    done = set(order[0])
    for wave in order[1:]:
        assert all(min(done) < i < max(done) for i in wave)
        done |= set(wave)
    assert waves(0, []) == [] and sorted(i for wave in waves(5, []) for i in wave) == list(range(5))


def test_blend_ends_where_it_should():
    params = swing(3)
    assert torch.allclose(
        interpolate_pose(params[0], params[2], 0.0).body_pose, params[0].body_pose, atol=1e-5
    )
    assert torch.allclose(
        interpolate_pose(params[0], params[2], 1.0).body_pose, params[2].body_pose, atol=1e-5
    )
    assert torch.allclose(
        interpolate_pose(params[0], params[2], 0.5).body_pose, params[1].body_pose, atol=1e-5
    )


def test_stretches_end_at_long_gaps():
    times = np.arange(20) / 10
    assert stretches(times, [0, 1, 4, 12, 13], 0.5) == [[0, 1, 2, 3, 4], [12, 13]]


def test_gradient_of_the_ties_is_that_of_their_cost(random_body):
    rng = np.random.default_rng(0)
    frames = 4
    params = BodyParams.rest(frames, dtype=torch.float64)
    params = params.replace(
        body_pose=torch.as_tensor(0.02 * rng.normal(size=(frames, 63))),
        transl=torch.as_tensor(0.1 * rng.normal(size=(frames, 3))),
    )
    state = State.from_params(params)
    free = Free((0, 4, 16), transl=True)
    floor = Floor(UP, 0.1, np.full(4, 0.05))
    standing = np.ones((frames, 4), dtype=bool)
    times = np.array([0.0, 0.1, 0.2, 0.4])
    motion = MotionResiduals(Skeleton(random_body), free, times, np.zeros((frames, 3)), 2.0, floor, standing)

    def cost(step: np.ndarray) -> float:
        full = torch.zeros(frames, 179, dtype=torch.float64)
        full[:, free.columns()] = torch.as_tensor(step)
        return motion.add(state.retract(full), BlockBandedMatrix(frames, 12), np.zeros((frames, 12)))

    gradient = np.zeros((frames, 12))
    motion.add(state, BlockBandedMatrix(frames, 12), gradient)
    numeric = np.zeros_like(gradient)
    for f in range(frames):
        for p in range(12):
            d = np.zeros_like(gradient)
            d[f, p] = 1e-5
            numeric[f, p] = (cost(d) - cost(-d)) / 2e-5
    assert np.allclose(gradient, numeric, rtol=0.05, atol=0.02 * np.abs(numeric).max())


def test_feet_on_the_floor():
    times = np.arange(6) / 30
    joints = np.ones((6, 55, 3))
    joints[:, [7, 8], 1], joints[:, [10, 11], 1] = 0.28, 0.22  # standing on a floor at 0.2
    joints[:, 11, 0] += times  # the right foot slides at 1 m/s
    floor = find_floor(joints, UP, np.array([0.08, 0.08, 0.02, 0.02]))
    assert floor.height == pytest.approx(0.2)
    assert contacts(joints, times, floor).all(0).tolist() == [True, True, True, False]
    assert foot_slide(joints, times, floor) == pytest.approx(50.0)
    joints[:, :, 1] += 1.0
    assert foot_slide(joints, times, floor) is None


def test_jitter_is_the_second_difference():
    times = np.array([0.0, 0.1, 0.2, 0.4])
    place = np.zeros((4, 2, 3))
    place[:, :, 0] = (times**2)[:, None]
    assert jitter(place, times, 0.1) == pytest.approx(1000 * 0.1**2 * 2.0)
    assert jitter(place[:2], times[:2], 0.1) is None


def test_a_sequence_is_smooth_whole_and_of_one_shape(body, filmed):
    truth, maps = filmed
    empty = replace(maps[3], labels=np.zeros_like(maps[3].labels))
    shown = [ShownFrame(m) for m in (*maps[:3], empty, *maps[4:])]
    config = FitConfig(hands=False, max_pixels=150, num_initial_rotations=96)
    result = fit_sequence(shown, body, config, SequenceConfig(smooth=1.0, ground="auto", shape_frames=3))
    assert [f.status for f in result.frames] == ["ok"] * 3 + ["filled"] + ["ok"] * 3
    joints = body.joints(truth).numpy()
    for i, frame in enumerate(result.frames):
        error = np.linalg.norm(frame.joints[:22] - joints[i, :22], axis=-1)
        assert error.mean() < (0.01 if i == 3 else 0.003), i
        assert np.allclose(frame.params.betas[0].numpy(), result.report["betas"], atol=1e-3)
    assert result.frames[3].joint_std[:22].mean() > 2 * result.frames[1].joint_std[:22].mean()
    assert result.report["filled"] == [3] and result.report["jitter_mm"] < 3.0
    assert "between its neighbours" in result.frames[3].reason


def test_without_smoothing_an_empty_frame_says_so(body, filmed):
    _, maps = filmed
    empty = replace(maps[1], labels=np.zeros_like(maps[1].labels))
    config = FitConfig(hands=False, max_pixels=100, num_initial_rotations=96)
    result = fit_sequence(
        [ShownFrame(maps[0]), ShownFrame(empty)], body, config, SequenceConfig(shape_frames=2)
    )
    assert [f.status for f in result.frames] == ["ok", "no_person"] and result.frames[1].reason
    assert fit_sequence([], body).frames == []


@pytest.mark.parametrize(
    "wrong", [{"shape": "both"}, {"smooth": -1.0}, {"ground": "floor"}, {"shape": "per_frame", "smooth": 1.0}]
)
def test_wrong_options_say_what_to_write(wrong):
    with pytest.raises(InputError, match=r"write|add"):
        SequenceConfig(**wrong)


def test_whatever_the_frames_hold_every_one_has_an_answer(body, filmed):
    """NaN, nonsense, nothing, another person's maps, in any order: no frame is lost, no body is not finite."""
    _, maps = filmed
    nan = replace(maps[0], uv=np.full_like(maps[0].uv, np.nan))
    unknown = replace(maps[0], labels=np.full_like(maps[0].labels, 250))
    nonsense = blobs(maps[0], np.random.default_rng(0), 1.0)
    kinds = [maps[1], None, nan, unknown, nonsense, maps[5], maps[2]]
    config = FitConfig(hands=False, max_pixels=60, num_initial_rotations=48)
    for seed in range(3):
        order = [kinds[k] for k in np.random.default_rng(seed).permutation(len(kinds))]
        shown = [None if m is None else ShownFrame(m) for m in order]
        result = fit_sequence(shown, body, config, SequenceConfig(smooth=1.0, ground="auto", shape_frames=3))
        assert len(result.frames) == len(kinds)
        for given, frame in zip(order, result.frames, strict=True):
            assert np.isfinite(frame.joints).all() and torch.isfinite(frame.params.full_pose).all()
            assert frame.status in ("ok", "one_view", "no_person", "failed", "filled")
            assert frame.status == "ok" or frame.reason
            if given is None or given is nan or given is unknown or given is nonsense:
                assert frame.status in ("no_person", "failed", "filled")
