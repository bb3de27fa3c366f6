"""`Motion`: the result of every reader, a clip of SMPL-X pose parameters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy import ndarray

from diffproxy.utils.bounded_arrays import as_numbers, read_npz
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr

_WIDTHS = {"global_orient": 3, "body_pose": 63, "transl": 3, "left_hand_pose": 45, "right_hand_pose": 45}


LARGEST_TURN = 4 * np.pi  # of a joint: two turns, more than any file of radians has
MOST_FPS = 1e5


def check_rate(fps: float, source: str) -> None:
    """InputError for frames per second that no recording has."""
    if not 0 < fps <= MOST_FPS:
        raise InputError(f"frames per second above zero, up to {MOST_FPS:g}", str(fps), f"check {source}")


@checked
@dataclass(frozen=True)
class Motion:
    """F frames of an SMPL-X body in a y-up world; rotations are axis-angle in radians.

    Args:
        global_orient: (F, 3) rotation of the pelvis.
        body_pose: (F, 63) 21 body joints.
        transl: (F, 3) metres.
        fps: Frames per second.
        source: Name of the file or clip.
        left_hand_pose: (F, 45) relative to the flat hand; None if the source has no fingers.
        right_hand_pose: (F, 45) relative to the flat hand, or None.
        betas: (10,) shape coefficients, or None.

    Raises:
        InputError: wrong shapes, text, NaN, rotations that are no radians, or no frame.
    """

    global_orient: ndarray  # (F, 3)
    body_pose: ndarray  # (F, 63)
    transl: ndarray  # (F, 3)
    fps: float
    source: str
    left_hand_pose: ndarray | None = None  # (F, 45)
    right_hand_pose: ndarray | None = None  # (F, 45)
    betas: ndarray | None = None  # (N,)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        frames = len(self.body_pose) if self.body_pose.ndim else 0
        for name, width in _WIDTHS.items():
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape != (frames, width) or frames == 0:
                raise InputError(
                    f"{name} of shape (F, {width}) with at least one frame",
                    f"{array.shape} for {frames} frames",
                    f"check {self.source}",
                )
            if not np.isfinite(array).all():
                raise InputError(f"finite {name}", "NaN or infinity", f"check {self.source}")
            if name.endswith("_pose") and (largest := float(np.abs(array).max())) > LARGEST_TURN:
                fix = f"write the poses of {self.source} in radians"
                raise InputError(f"rotations of {name} in radians", f"{largest:.3g}: are these degrees?", fix)
        check_rate(self.fps, self.source)

    def __len__(self) -> int:
        return len(self.body_pose)

    def __getitem__(self, index: slice) -> Motion:
        """Some frames of the motion; `fps` follows the step of the slice."""
        cut = {f.name: getattr(self, f.name)[index] for f in fields(self) if self._is_per_frame(f.name)}
        return replace(self, fps=self.fps / abs(index.step or 1), **cut)

    def _is_per_frame(self, name: str) -> bool:
        return name in _WIDTHS and getattr(self, name) is not None


def load_arrays(path: Path, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays of an .npz, without unpickling.

    Args:
        path: The file.
        keys: Arrays to read, if the file has them; None: all.

    Returns:
        Name -> array.

    Raises:
        InputError: not a readable .npz.
    """
    return read_npz(path, "a motion file of plain arrays", keys)


def frame_rate(value: ndarray, path: Path) -> float:
    """The one number of frames per second that an array of a file holds. InputError for anything else."""
    numbers = as_numbers(np.ravel(value), (1,), f"one frame rate in {path}", "write it as fps=30.0")
    return float(numbers[0])
