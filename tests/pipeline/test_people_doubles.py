"""Fitted people who are one person."""

from dataclasses import replace

import numpy as np

from diffproxy.body import BodyParams
from diffproxy.pipeline.people_doubles import double_of
from diffproxy.pipeline.results import FrameResult, params_to_arrays


def frames(off: list[float]) -> list[FrameResult]:
    """A person `off` metres to the right in each frame; NaN: no body."""
    params = params_to_arrays(BodyParams.rest(1))
    joints = np.zeros((55, 3), np.float32)
    return [FrameResult(k, "ok", params=params, joints=joints + np.float32(x)) for k, x in enumerate(off)]


def test_bodies_at_one_place_in_most_frames_are_one_person():
    side = 1 / np.sqrt(3)  # an offset of 1 in each axis is sqrt(3) long
    one = frames([0.0, 0.0, 0.0])
    assert double_of(one, {}) is None
    assert double_of(one, {4: frames([0.14 * side] * 3)}) == 4
    assert double_of(one, {4: frames([0.16 * side] * 3)}) is None
    assert double_of(one, {4: frames([9.0] * 3), 7: frames([9.0, 0.1 * side, 0.0])}) == 7
    assert double_of(one, {4: frames([0.0])}) is None  # a third of the frames says too little
    assert double_of(one, {4: [replace(r, status="no_person") for r in one]}) is None
