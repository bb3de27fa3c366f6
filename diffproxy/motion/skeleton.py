"""A clip on any skeleton, as files store it, and its forward kinematics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.utils.errors import InputError


@dataclass(frozen=True)
class SkeletonClip:
    """Local joint rotations over time on a skeleton of J joints; units of length are the file's own.

    A joint sits at its parent's position plus the parent's global rotation applied to `offsets`; joint 0 is the
    root, and parents come before children. InputError on anything else, for files may hold anything.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: ndarray  # (J, 3)
    rotations: ndarray  # (F, J, 3, 3)
    root: ndarray  # (F, 3)
    fps: float
    source: str

    def __post_init__(self) -> None:
        joints, frames = len(self.names), len(self.rotations)
        shapes = [len(self.parents), *self.offsets.shape, *self.rotations.shape, *self.root.shape]
        if shapes != [joints, joints, 3, frames, joints, 3, 3, frames, 3]:
            raise InputError(
                "J names, parents, offsets and F x J rotations", str(shapes), f"check {self.source}"
            )
        if (
            frames == 0
            or self.parents[0] != -1
            or any(not 0 <= p < i for i, p in enumerate(self.parents[1:], 1))
        ):
            raise InputError(
                "at least one frame, a single root first, parents before children",
                f"{frames} frames, parents {self.parents[:8]} ...",
                f"check {self.source}",
            )
        if not all(np.isfinite(a).all() for a in (self.offsets, self.rotations, self.root)):
            raise InputError("finite numbers", "NaN or infinity", f"check {self.source}")
        if not np.isfinite(self.fps) or self.fps <= 0:
            raise InputError("frames per second above zero", str(self.fps), f"check {self.source}")

    def frames(self, index: slice) -> SkeletonClip:
        """The clip cut to some frames."""
        return replace(self, rotations=self.rotations[index], root=self.root[index])

    def at_rest(self) -> SkeletonClip:
        """One frame with every joint unrotated: the pose that the offsets alone describe."""
        eye = np.broadcast_to(np.eye(3), (1, len(self.names), 3, 3)).copy()
        return replace(self, rotations=eye, root=np.zeros((1, 3)))


def forward_kinematics(
    parents: tuple[int, ...],
    offsets: Float[ndarray, "J 3"],
    rotations: Float[ndarray, "F J 3 3"],
    root: Float[ndarray, "F 3"],
) -> tuple[Float[ndarray, "F J 3 3"], Float[ndarray, "F J 3"]]:
    """Global rotations and joint positions of a chain of local rotations; `offsets[0]` is not used."""
    global_rotations, positions = np.empty_like(rotations), np.empty(rotations.shape[:3])
    for joint, parent in enumerate(parents):
        if parent < 0:
            global_rotations[:, joint], positions[:, joint] = rotations[:, joint], root
            continue
        global_rotations[:, joint] = global_rotations[:, parent] @ rotations[:, joint]
        positions[:, joint] = positions[:, parent] + global_rotations[:, parent] @ offsets[joint]
    return global_rotations, positions


def local_rotations(
    parents: tuple[int, ...], global_rotations: Float[ndarray, "F J 3 3"]
) -> Float[ndarray, "F J 3 3"]:
    """The inverse of `forward_kinematics` for rotations."""
    local = global_rotations.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            local[:, joint] = global_rotations[:, parent].transpose(0, 2, 1) @ global_rotations[:, joint]
    return local
