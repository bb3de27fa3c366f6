"""Parameters of SMPL-X bodies, one row per frame."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least
from diffproxy.utils.short_repr import short_repr

PARAM_DIMS: dict[str, int] = {
    "betas": 10,
    "global_orient": 3,
    "body_pose": 63,
    "jaw_pose": 3,
    "leye_pose": 3,
    "reye_pose": 3,
    "left_hand_pose": 45,
    "right_hand_pose": 45,
    "expression": 10,
    "transl": 3,
    "scale": 1,
}

POSE_FIELDS = (
    "global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose", "left_hand_pose", "right_hand_pose",
)  # fmt: skip


@checked
@dataclass(frozen=True)
class BodyParams:
    """A batch of B SMPL-X parameter sets.

    A posed point is `scale * x_body + transl`, where `x_body` is the SMPL-X point before translation; with scale 1 this
    is SMPL-X.

    Args:
        betas: (B, 10) shape coefficients.
        global_orient: (B, 3) rotation of the pelvis, axis-angle, radians; so are all poses.
        body_pose: (B, 63) 21 body joints.
        jaw_pose: (B, 3).
        leye_pose: (B, 3).
        reye_pose: (B, 3).
        left_hand_pose: (B, 45) 15 joints, relative to the flat hand.
        right_hand_pose: (B, 45).
        expression: (B, 10) coefficients of the face.
        transl: (B, 3) metres.
        scale: (B, 1) size factor.
    """

    betas: Float[Tensor, "B 10"]
    global_orient: Float[Tensor, "B 3"]
    body_pose: Float[Tensor, "B 63"]
    jaw_pose: Float[Tensor, "B 3"]
    leye_pose: Float[Tensor, "B 3"]
    reye_pose: Float[Tensor, "B 3"]
    left_hand_pose: Float[Tensor, "B 45"]
    right_hand_pose: Float[Tensor, "B 45"]
    expression: Float[Tensor, "B 10"]
    transl: Float[Tensor, "B 3"]
    scale: Float[Tensor, "B 1"]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        kinds = {(value.dtype, value.device) for value in vars(self).values()}
        if len(kinds) > 1:
            found = " and ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
            raise InputError("fields of one dtype on one device", found, "convert them with `params.to(...)`")

    @staticmethod
    def rest(
        batch: int = 1, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> BodyParams:
        """The rest body: T-pose, mean shape, scale 1, at the origin.

        Args:
            batch: Number of rows.
            dtype: Of all fields.
            device: Of all fields.

        Returns:
            `batch` equal rows.
        """
        at_least("batch", batch, 0)
        values = {k: torch.zeros(batch, n, dtype=dtype, device=device) for k, n in PARAM_DIMS.items()}
        values["scale"] = torch.ones(batch, 1, dtype=dtype, device=device)
        return BodyParams(**values)

    @property
    def full_pose(self) -> Float[Tensor, "B 165"]:
        """(B, 165) rotations of all 55 joints in SMPL-X order: root, 21 body, jaw, eyes, left hand, right hand."""
        return torch.cat([getattr(self, k) for k in POSE_FIELDS], dim=-1)

    @staticmethod
    def split_full_pose(full_pose: Float[Tensor, "B 165"]) -> dict[str, Tensor]:
        """Inverse of `full_pose`: one entry per pose field."""
        parts = full_pose.split([PARAM_DIMS[k] for k in POSE_FIELDS], dim=-1)
        return dict(zip(POSE_FIELDS, parts, strict=True))

    def replace(self, **changes: Tensor) -> BodyParams:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def to(self, *args: object, **kwargs: object) -> BodyParams:
        """`Tensor.to` on every field."""
        return BodyParams(**{f.name: getattr(self, f.name).to(*args, **kwargs) for f in fields(self)})

    def __len__(self) -> int:
        return self.betas.shape[0]

    def __getitem__(self, index: int | slice) -> BodyParams:
        """Rows of the batch; an integer keeps a batch of one."""
        if isinstance(index, int) and not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")  # which also ends `for row in params`
        rows = slice(index, index + 1 or None) if isinstance(index, int) else index
        return BodyParams(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @staticmethod
    def cat(items: list[BodyParams]) -> BodyParams:
        """The rows of all `items`, in order; at least one item."""
        if not items:
            raise InputError("parameters to join", "none", "give at least one")
        return BodyParams(**{k: torch.cat([getattr(p, k) for p in items]) for k in PARAM_DIMS})
