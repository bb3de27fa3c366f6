"""The bodies of a run as one motion: frames at even times, interpolated where a run has none."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation, Slerp

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.params import PARAM_DIMS, POSE_FIELDS
from diffproxy.export.motion import BodyMotion
from diffproxy.export.result import Result
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

MOST_FRAMES = 300_000  # of a motion, some 3 GB; almost three hours at 30 frames per second
SAME_TIME = 1e-6  # of a frame: output times so near to a frame are that frame


@checked
def motion_of_result(
    result: Result, body: BodyModel, frame_rate: float, fps: float = 0.0, name: str = "motion"
) -> BodyMotion:
    """The bodies of a run, evenly spaced in time.

    Args:
        result: The run's result.
        body: Its body model.
        frame_rate: Frames per second of the run's frame numbers.
        fps: Frames per second of the motion; 0: the spacing of the run's frames.
        name: Name of the run.

    Returns:
        From the first to the last frame. Rotations are interpolated on the sphere (slerp), all else linearly; frames
        before the first and after the last body repeat these.

    Raises:
        InputError: a run without any body, a rate that is not above 0, or more than `MOST_FRAMES` frames.
    """
    if not (0 < frame_rate < math.inf and 0 <= fps < math.inf):
        raise InputError("frame rates above 0", f"frame_rate={frame_rate:g}, fps={fps:g}", "write fps=30")
    has_body = result.has_body
    if not has_body.any():
        raise InputError(
            "at least one frame with a body", f"none of {len(has_body)}", "look at the frames' status"
        )
    ids = np.asarray(result.frame_ids, dtype=np.int64)
    step = frame_step(ids)
    rate = fps or frame_rate / step
    count = (ids[-1] - ids[0]) / frame_rate * rate + SAME_TIME + 1
    if count > MOST_FRAMES:
        found = f"{count:.3g} from frame {ids[0]} to {ids[-1]} at {rate:g} a second"
        slower = frame_rate * MOST_FRAMES / (ids[-1] - ids[0] + frame_rate)
        raise InputError(
            f"at most {MOST_FRAMES} frames of a motion", found, f"write fps={slower:.3g} or less"
        )
    times = np.arange(math.floor(count)) / rate * frame_rate + ids[0]  # in frame numbers
    keys, rows = ids[has_body].astype(np.float64), np.flatnonzero(has_body)
    nearest = nearest_rows(ids.astype(np.float64), times)
    observed = result.joint_observed
    return BodyMotion(
        body=body,
        params=_at_times(result.body_params(rows), keys, times),
        known=_is_known(keys, times, step),
        fps=rate,
        up_axis=result.meta.get("up_axis") or "+Y",
        frame_ids=ids[nearest],
        frame_rate=frame_rate,
        name=name,
        joint_std=np.asarray(result.joint_std, np.float64)[nearest],
        joint_observed=None if observed is None else np.asarray(observed, np.float64)[nearest],
    )


def frame_step(frame_ids: Int[np.ndarray, " F"]) -> int:
    """The largest spacing on which all frame numbers lie; 1 for a single frame."""
    return math.gcd(*np.diff(frame_ids).tolist()) if len(frame_ids) > 1 else 1


def nearest_rows(keys: Float[np.ndarray, " K"], times: Float[np.ndarray, " F"]) -> Int[np.ndarray, " F"]:
    """The key nearest to each time, the earlier one of two; keys in rising order."""
    if len(keys) == 1:
        return np.zeros(len(times), dtype=np.int64)
    after = np.searchsorted(keys, times).clip(1, len(keys) - 1)
    return np.where(times - keys[after - 1] <= keys[after] - times, after - 1, after)


def _at_times(
    params: BodyParams, keys: Float[np.ndarray, " K"], times: Float[np.ndarray, " F"]
) -> BodyParams:
    """Parameters at `times` from those at `keys`; those at the keys themselves are unchanged to the bit."""
    times = times.clip(keys[0], keys[-1])
    nearest = nearest_rows(keys, times)
    exact = np.abs(keys[nearest] - times) < SAME_TIME
    if exact.all():
        return BodyParams(**{k: getattr(params, k)[nearest] for k in PARAM_DIMS})
    out = {}
    for name in PARAM_DIMS:
        value = getattr(params, name).double().numpy()
        if name in POSE_FIELDS:
            columns = [_slerp(v, keys, times) for v in np.split(value, value.shape[1] // 3, axis=1)]
            mixed = np.concatenate(columns, axis=1)
        else:
            mixed = np.stack([np.interp(times, keys, column) for column in value.T], axis=1)
        mixed[exact] = value[nearest[exact]]
        out[name] = torch.from_numpy(mixed.astype(np.float32))
    return BodyParams(**out)


def _slerp(
    rotvec: Float[np.ndarray, "K 3"], keys: Float[np.ndarray, " K"], times: Float[np.ndarray, " F"]
) -> Float[np.ndarray, "F 3"]:
    return Slerp(keys, Rotation.from_rotvec(rotvec))(times).as_rotvec()


def _is_known(
    keys: Float[np.ndarray, " K"], times: Float[np.ndarray, " F"], step: int
) -> Bool[np.ndarray, " F"]:
    after = np.searchsorted(keys, times - SAME_TIME).clip(0, len(keys) - 1)
    before = (np.searchsorted(keys, times + SAME_TIME, side="right") - 1).clip(0, len(keys) - 1)
    inside = (times > keys[0] - SAME_TIME) & (times < keys[-1] + SAME_TIME)
    return inside & (keys[after] - keys[before] < step + 0.5)
