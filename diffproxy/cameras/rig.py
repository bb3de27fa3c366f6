"""A calibrated rig: cameras in one metric world with a known up axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.up_axis import rotation_to_y_up, up_vector
from diffproxy.cameras.views import chosen_names
from diffproxy.geometry.triangulation import normal_equations, solve_point
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.checked import checked
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import within
from diffproxy.utils.short_repr import short_repr


@checked
@dataclass(frozen=True)
class Rig:
    """The cameras of one rig.

    Args:
        name: Name of the rig.
        cameras: Its cameras, in one world frame, metres.
        up_axis: Up direction of the world: +X, -X, +Y, -Y, +Z or -Z.
        units: Unit of the file; lengths here are metres.
        root: Folder of the rig, if it was read from one.
        notes: Assumptions of the reader, for the user.
        doubts: Why the calibration is not to be trusted; bodies fitted with it are `doubtful`.
        left_out: Names of the calibration's cameras that `subset` has left out.
    """

    name: str
    cameras: tuple[Camera, ...]
    up_axis: str = "+Y"
    units: str = "m"
    root: Path | None = None
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    left_out: tuple[str, ...] = ()

    __repr__ = short_repr

    def __post_init__(self):
        object.__setattr__(self, "cameras", tuple(self.cameras))
        if not self.cameras:
            raise InputError(f"at least one camera in rig {self.name}", "none", "check the calibration file")
        if len(self.cameras) > Limits.CAMERAS:
            found = f"{len(self.cameras)} in rig {self.name}"
            raise InputError(f"at most {Limits.CAMERAS} cameras", found, "leave cameras out of the file")
        double = sorted(name for name, n in Counter(c.name for c in self.cameras).items() if n > 1)
        if double:
            raise InputError(f"different camera names in rig {self.name}", f"twice: {double}", "rename them")
        up_vector(self.up_axis)  # refuses unknown names
        if self.units != "m":
            raise InputError("a rig in metres", f"units {self.units!r}", "convert with `rig.scaled(...)`")

    def camera(self, name: str) -> Camera:
        """The camera called `name`; InputError with the known names otherwise."""
        for c in self.cameras:
            if c.name == name:
                return c
        raise InputError(
            f"a camera of {[c.name for c in self.cameras]}", f"{name!r}", "use one of these names"
        )

    def subset(self, names: Iterable[str]) -> Rig:
        """The rig with only these cameras, in the given order; InputError for an unknown name."""
        kept = tuple(self.camera(n) for n in names)
        gone = {c.name for c in self.cameras} - {c.name for c in kept}
        return replace(self, cameras=kept, left_out=(*self.left_out, *sorted(gone)))

    def chosen(self, views: str) -> Rig:
        """The rig with the cameras that an option `views=` names; InputError for an unknown name."""
        return self.subset(chosen_names(views, [c.name for c in self.cameras]))

    @property
    def up(self) -> Float[np.ndarray, " 3"]:
        """Unit vector of the up direction, in the world frame."""
        return up_vector(self.up_axis)

    @property
    def R_yup_world(self) -> Float[np.ndarray, "3 3"]:
        """Smallest rotation from the world to one with +Y up: `x_yup = R_yup_world @ x_world`.

        For "+Z" this is (x, y, z) -> (x, z, -y); for "-Y" (x, -y, -z).
        """
        return rotation_to_y_up(self.up_axis)

    @property
    def centers_world(self) -> Float[np.ndarray, "V 3"]:
        return np.stack([c.center_world for c in self.cameras])

    @property
    def scene_center_world(self) -> Float[np.ndarray, " 3"]:
        """The point nearest to all optical axes (metres), see `meeting_point`."""
        return meeting_point(self.cameras)

    def scaled(self, factor: float | int) -> Rig:
        """The rig with all lengths times `factor` (0.001 for a file in millimetres that was read as metres)."""
        within("factor", factor, 1e-9, 1e9)
        cameras = tuple(replace(c, t_cam_world=c.t_cam_world * factor) for c in self.cameras)
        return replace(self, cameras=cameras, notes=[*self.notes, f"lengths multiplied by {factor:g}"])

    def inverted(self) -> Rig:
        """The rig with inverted extrinsics, for a file of world-from-camera poses."""
        cameras = tuple(
            replace(c, R_cam_world=c.R_cam_world.T, t_cam_world=c.center_world) for c in self.cameras
        )
        return replace(
            self, cameras=cameras, notes=[*self.notes, "extrinsics inverted (were world-from-camera)"]
        )


def meeting_point(cameras: Sequence[Camera]) -> Float[np.ndarray, " 3"]:
    """Least-squares intersection of optical axes.

    Args:
        cameras: Cameras in one world.

    Returns:
        (3,) point, metres, world frame. For one camera, or axes within about 2 degrees of parallel, the point 3 m in
        front of the mean camera.
    """
    centers = np.stack([c.center_world for c in cameras])
    axes = np.stack([c.direction_world for c in cameras])
    A, b = normal_equations(centers, axes, np.ones(len(axes)))
    if np.linalg.eigvalsh(A.mean(0))[0] > 1e-3:
        return solve_point(A.sum(0), b.sum(0))
    return centers.mean(0) + 3.0 * axes.mean(0)


def guess_up_axis(cameras: Sequence[Camera]) -> str:
    """Guess the up axis of the world from the mean upward direction of the images.

    Args:
        cameras: Cameras that are held upright.

    Returns:
        The nearest world axis, such as "+Y".
    """
    up = -np.mean([c.R_cam_world[1] for c in cameras], axis=0)
    k = int(np.abs(up).argmax())
    return ("+" if up[k] >= 0 else "-") + "XYZ"[k]


def cameras_digest(cameras: Iterable[Camera]) -> str:
    """Changes when the name, the size, the intrinsics or the place of a camera do, by more than rounding."""
    lens = [[c.name, c.width, c.height, *(np.round(a, 9).tolist() for a in (c.K, c.R_cam_world, c.t_cam_world))]
            for c in cameras]  # fmt: skip
    return fingerprint({"cameras": lens})
