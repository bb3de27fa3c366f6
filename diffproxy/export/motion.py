"""`BodyMotion`: evenly spaced bodies without gaps, in a world whose up axis a format wants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import NUM_JOINTS
from diffproxy.body.params import PARAM_DIMS
from diffproxy.cameras.up_axis import up_vector
from diffproxy.geometry.directions import rotation_between
from diffproxy.utils.checked import checked
from diffproxy.utils.short_repr import short_repr

UNCHANGED = 1e-5  # metres; files need no animation of bones whose length changes less


@checked
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
        joint_std: (F, 55) stated deviation of each joint in the run's frame nearest in time, metres; None: not known.
        joint_observed: (F, 55) support of each joint by pixels there, 0 to 1; None: not known.
        min_observed: Files of positions leave joints and markers with less support than this empty.
    """

    body: BodyModel
    params: BodyParams
    known: Bool[np.ndarray, " F"]
    fps: float
    up_axis: str
    frame_ids: Int[np.ndarray, " F"]
    frame_rate: float
    name: str = "motion"
    joint_std: Float[np.ndarray, "F 55"] | None = None
    joint_observed: Float[np.ndarray, "F 55"] | None = None
    min_observed: float = 0.0

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.params)

    def take(self, rows: Int[np.ndarray, " N"]) -> BodyMotion:
        """Some of the frames, which need not be evenly spaced."""
        params = BodyParams(**{k: getattr(self.params, k)[rows] for k in PARAM_DIMS})
        return replace(
            self,
            params=params,
            known=self.known[rows],
            frame_ids=self.frame_ids[rows],
            joint_std=None if self.joint_std is None else self.joint_std[rows],
            joint_observed=None if self.joint_observed is None else self.joint_observed[rows],
        )

    @property
    def shown(self) -> Bool[np.ndarray, "F 55"]:
        """Joints of known frames that have at least the support `min_observed`."""
        known = self.known[:, None].repeat(NUM_JOINTS, axis=1)
        return known if self.joint_observed is None else known & ~(self.joint_observed < self.min_observed)

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


def _turned(rotvec: torch.Tensor, R: Float[np.ndarray, "3 3"]) -> torch.Tensor:
    turned = Rotation.from_matrix(R) * Rotation.from_rotvec(rotvec.double().numpy())
    return torch.from_numpy(turned.as_rotvec().astype(np.float32))
