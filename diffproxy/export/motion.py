"""The bodies of a run as one motion: evenly spaced frames without gaps, in a world whose up axis a format wants."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation, Slerp

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import NUM_JOINTS
from diffproxy.body.params import PARAM_DIMS, POSE_FIELDS
from diffproxy.cameras.up_axis import up_vector
from diffproxy.export.result import Result
from diffproxy.geometry.directions import rotation_between
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr

UNCHANGED = 1e-5  # metres; files need no animation of bones whose length changes less
MOST_FRAMES = 300_000  # of a motion, some 3 GB; almost three hours at 30 frames per second
SAME_TIME = 1e-6  # of a frame: output times so near to a frame are that frame


@dataclass(frozen=True)
class BodyMotion:
    """F evenly spaced bodies.

    Args:
        body: The body model.
        params: F parameter sets without NaN, metres and radians, in a world with `up_axis` up.
        known: (F,) frames with a body of their own, or between two such neighbours; the others are interpolated over a
            gap, or repeat the first or last body.
        fps: Frames per second.
        up_axis: Up axis of the world, such as "+Y".
        frame_ids: (F,) number of the run's frame nearest in time.
        frame_rate: Frame numbers per second.
        name: Name of the run.
    """

    body: BodyModel
    params: BodyParams
    known: Bool[np.ndarray, " F"]
    fps: float
    up_axis: str
    frame_ids: Int[np.ndarray, " F"]
    frame_rate: float
    name: str = "motion"

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.params)

    def take(self, rows: Int[np.ndarray, " N"]) -> BodyMotion:
        """Some of the frames, which need not be evenly spaced."""
        params = BodyParams(**{k: getattr(self.params, k)[rows] for k in PARAM_DIMS})
        return replace(self, params=params, known=self.known[rows], frame_ids=self.frame_ids[rows])

    def with_up_axis(self, up_axis: str) -> BodyMotion:
        """The same motion in a world whose up axis is another one."""
        R_new_old = torch.from_numpy(rotation_between(up_vector(self.up_axis), up_vector(up_axis)))
        params = self.params
        with torch.no_grad():
            pelvis = params.scale * self.body.rest_joints(params)[:, 0]
        turned = _turned(params.global_orient, R_new_old.numpy())
        R = R_new_old.to(pelvis)
        moved = params.replace(global_orient=turned, transl=(pelvis + params.transl) @ R.T - pelvis)
        return replace(self, params=moved, up_axis=up_axis)

    @cached_property
    def joints(self) -> Float[np.ndarray, "F 55 3"]:
        """Joint positions, metres."""
        with torch.no_grad():
            return self.body.joints(self.params).double().numpy()

    @cached_property
    def local_rotations(self) -> Float[np.ndarray, "F 55 3 3"]:
        """Rotation of each joint relative to its parent; of the pelvis relative to the world."""
        pose = self.params.full_pose.double().numpy().reshape(-1, 3)
        return Rotation.from_rotvec(pose).as_matrix().reshape(-1, NUM_JOINTS, 3, 3)

    @cached_property
    def rest_joints(self) -> Float[np.ndarray, "F 55 3"]:
        """Joints of each frame's shape in the rest pose, metres, with the frame's scale."""
        with torch.no_grad():
            return (self.params.scale[:, None] * self.body.rest_joints(self.params)).double().numpy()

    def vertices(self, row: int) -> Float[np.ndarray, "Nv 3"]:
        """Posed vertices of one frame, metres."""
        with torch.no_grad():
            return self.body(self.params[row]).vertices[0].double().numpy()

    def median_shape(self) -> BodyParams:
        """The rest pose with the medians of shape, expression and scale over the frames, as a batch of one."""
        middle = {k: getattr(self.params, k).median(dim=0, keepdim=True).values
                  for k in ("betas", "expression", "scale")}  # fmt: skip
        return BodyParams.rest(1).replace(**middle)

    def median_rest(self) -> tuple[Float[np.ndarray, "Nv 3"], Float[np.ndarray, "55 3"]]:
        """Vertices and joints of `median_shape`, metres: what files with one mesh for all frames are skinned from."""
        shape = self.median_shape()
        with torch.no_grad():
            vertices = self.body(shape).vertices[0].double().numpy()
            joints = (shape.scale[:, None] * self.body.rest_joints(shape))[0].double().numpy()
        return vertices, joints

    def joint_translations(self) -> tuple[Float[np.ndarray, "F 55 3"], Float[np.ndarray, "F 1"]]:
        """Places that put the joints of `median_rest` where the bodies have theirs, and the scale of the pelvis.

        Returns:
            (F, 55, 3) metres: of the pelvis in the world, of each other joint relative to its parent before the scale;
            (F, 1) scale relative to the median, 1 where it does not change.
        """
        size = self.params.scale.double().numpy() / float(self.median_shape().scale)
        if np.ptp(size) <= UNCHANGED:
            size = np.ones_like(size)
        parents = np.asarray(self.body.parents.tolist())[1:]
        bones = (self.rest_joints[:, 1:] - self.rest_joints[:, parents]) / size[..., None]
        return np.concatenate([self.joints[:, :1], bones], axis=1), size

    @property
    def bone_change(self) -> float:
        """The largest difference of a bone's length between a frame and the median over the frames, metres."""
        parents = np.asarray(self.body.parents.tolist())[1:]
        lengths = np.linalg.norm(self.rest_joints[:, 1:] - self.rest_joints[:, parents], axis=-1)
        return float(np.abs(lengths - np.median(lengths, axis=0)).max())


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
    return BodyMotion(
        body=body,
        params=_at_times(result.body_params(rows), keys, times),
        known=_is_known(keys, times, step),
        fps=rate,
        up_axis=result.meta.get("up_axis") or "+Y",
        frame_ids=ids[nearest_rows(ids.astype(np.float64), times)],
        frame_rate=frame_rate,
        name=name,
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


def _turned(rotvec: torch.Tensor, R: Float[np.ndarray, "3 3"]) -> torch.Tensor:
    turned = Rotation.from_matrix(R) * Rotation.from_rotvec(rotvec.double().numpy())
    return torch.from_numpy(turned.as_rotvec().astype(np.float32))
