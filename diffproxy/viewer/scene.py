"""What both viewers show: people over time between cameras, in which colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera, stack_cameras
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export.motion import BodyMotion
from diffproxy.export.result import UNOBSERVED
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_each, within
from diffproxy.utils.short_repr import short_repr
from diffproxy.visualization.shading import check_color

BODY_COLOR = (0.85, 0.66, 0.54)
UNOBSERVED_COLOR = (0.5, 0.5, 0.5)
DEVIATION_COLORS = ((0.25, 0.45, 0.95), (0.95, 0.9, 0.35), (0.9, 0.2, 0.15))  # at 0, half and all of the next
DEVIATION_RED = 0.05  # metres
COLORINGS = ("skin; grey: not observed", "deviation: red from 50 mm")
NO_BODY = ("no_person", "failed")
GRADES = {"ok": "ok", "doubtful": "fair", "one_view": "fair", "filled": "fair"}  # others are bad
GRADE_COLORS = {"ok": "#5bd07f", "fair": "#f0b24a", "bad": "#f2685f"}


@checked
@dataclass(frozen=True)
class ViewerBody:
    """One person over the frames of the page.

    Args:
        name: Shown where there are several.
        motion: F frames.
        status: F words, as in `result.npz`; a frame without a body is not drawn.
        reason: F sentences about the status.
        joint_std: (F, 55) metres.
        joint_observed: (F, 55) support by pixels, in [0, 1]; None: not stated, nothing is grey.
        color: RGB in [0, 1].
    """

    name: str
    motion: BodyMotion
    status: Sequence[str]
    reason: Sequence[str]
    joint_std: Float[np.ndarray, "F 55"]
    joint_observed: Float[np.ndarray, "F 55"] | None = None
    color: tuple[float, float, float] = BODY_COLOR

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for name in ("status", "reason", "joint_std", "joint_observed"):
            if (values := getattr(self, name)) is not None:
                one_each(name, len(values), len(self.motion), "frame")
        check_color(self.color)

    def is_shown(self, row: int) -> bool:
        """Whether the frame has a body of its own."""
        return bool(self.motion.known[row]) and self.status[row] not in NO_BODY

    def joint_colors(self, row: int, coloring: int, steps: int) -> Float[np.ndarray, "55 3"]:
        """Colours of the skin by joint in one frame; `coloring` is a row of `COLORINGS`, deviations come in `steps`."""
        if coloring == 0:
            observed = np.ones(55) if self.joint_observed is None else self.joint_observed[row]
            return np.where((observed < UNOBSERVED)[:, None], UNOBSERVED_COLOR, self.color)
        share = np.nan_to_num(self.joint_std[row] / DEVIATION_RED).clip(0, 1)
        at = np.floor(steps * share) / steps
        return np.stack([np.interp(at, (0, 0.5, 1), c) for c in zip(*DEVIATION_COLORS, strict=True)], axis=-1)


@checked
@dataclass(frozen=True)
class Scene:
    """People and cameras of a page.

    Args:
        title: Shown at the top.
        bodies: People, each with F frames.
        frame_ids: F frame numbers to show.
        fps: Frames per second of the playback.
        cameras: Pinhole cameras of the pictures, in the world of `up_axis`.
        up_axis: Up axis of the cameras' world.

    Raises:
        InputError: no body, or bodies of other lengths than `frame_ids`.
    """

    title: str
    bodies: Sequence[ViewerBody]
    frame_ids: Sequence[int]
    fps: float
    cameras: Sequence[Camera] = ()
    up_axis: str = "+Y"

    def __post_init__(self) -> None:
        frames = len(self.frame_ids)
        within("fps", self.fps, 1e-3, 1e5)
        if self.cameras:
            stack_cameras(self.cameras)  # refuses those with distortion
        if not self.bodies or any(len(b.motion) != frames for b in self.bodies):
            raise InputError(
                f"at least one body, each with {frames} frames",
                f"{[len(b.motion) for b in self.bodies]}",
                "one row per frame",
            )

    @cached_property
    def bounds(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """Lowest and highest coordinates of the people's joints, metres, +Y up."""
        turned = [b.motion.with_up_axis("+Y") for b in self.bodies]
        rows = np.concatenate([m.joints[m.known] if m.known.any() else m.joints for m in turned])
        return rows.reshape(-1, 3).min(axis=0), rows.reshape(-1, 3).max(axis=0)

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        """The middle of the people, metres, +Y up."""
        return 0.5 * (self.bounds[0] + self.bounds[1])

    @property
    def distance(self) -> float:
        """Metres from which everybody is seen."""
        return 1.6 * float(np.linalg.norm(self.bounds[1] - self.bounds[0])) + 1.5

    @cached_property
    def upright_cameras(self) -> list[Camera]:
        """The cameras in the world with +Y up."""
        R_yup_world = rotation_to_y_up(self.up_axis)
        return [replace(c, R_cam_world=c.R_cam_world @ R_yup_world.T) for c in self.cameras]

    @property
    def frustum_depth(self) -> float:
        """Length of the drawn cameras: a fixed share of their median distance from the people, metres."""
        distances = [np.linalg.norm(c.center_world - self.center) for c in self.upright_cameras]
        return 0.15 * float(np.median(distances)) if distances else 0.3
