"""What is known about one frame when it is finished."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.body.names import NUM_JOINTS
from diffproxy.body.params import PARAM_DIMS, BodyParams
from diffproxy.export import Result, save_result
from diffproxy.fitting.result import FITTED, Status
from diffproxy.utils.short_repr import short_repr


def _nowhere() -> dict[str, np.ndarray]:
    return {name: np.full(size, np.nan, dtype=np.float32) for name, size in PARAM_DIMS.items()}


@dataclass(frozen=True)
class FrameResult:
    """The result of one frame; without a body all numbers are NaN.

    `params`: one array for each field of BodyParams. `joints` and `joint_std` in metres, rig world. `info` is
    plain JSON: notes, boxes, residuals of each view, timings in seconds. `joint_observed`: how far pixels support each
    joint, from 0 (no pixel of any view: its place comes from the priors) to 1 (docs/fitting.md).
    """

    frame_id: int
    status: Status
    reason: str = ""
    params: dict[str, np.ndarray] = field(default_factory=_nowhere)
    joints: Float[np.ndarray, "55 3"] = field(default_factory=lambda: np.full((NUM_JOINTS, 3), np.nan, "f4"))
    joint_std: Float[np.ndarray, "55"] = field(default_factory=lambda: np.full(NUM_JOINTS, np.nan, "f4"))
    info: dict[str, Any] = field(default_factory=dict)
    joint_observed: Float[np.ndarray, "55"] = field(default_factory=lambda: np.full(NUM_JOINTS, np.nan, "f4"))

    __repr__ = short_repr

    @property
    def has_body(self) -> bool:
        return self.status in (*FITTED, "filled") and bool(np.isfinite(self.joints).all())

    def body_params(self) -> BodyParams:
        """The parameters as a batch of one."""
        return BodyParams(**{k: torch.from_numpy(v.astype(np.float32))[None] for k, v in self.params.items()})

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays for an npz file; the text parts travel as one JSON string."""
        text = {"frame_id": self.frame_id, "status": self.status, "reason": self.reason, "info": self.info}
        return {
            **{f"params.{k}": v for k, v in self.params.items()},
            "joints": self.joints,
            "joint_std": self.joint_std,
            "joint_observed": self.joint_observed,
            "record": np.array(json.dumps(text)),
        }

    @staticmethod
    def from_arrays(arrays: dict[str, np.ndarray]) -> FrameResult:
        """Inverse of `to_arrays`; KeyError when something is missing."""
        params = {k: arrays[f"params.{k}"] for k in PARAM_DIMS}
        text = json.loads(str(arrays["record"]))
        numbers: dict[str, Any] = {k: arrays[k] for k in ("joints", "joint_std", "joint_observed")}
        return FrameResult(**text, params=params, **numbers)


def params_to_arrays(params: BodyParams) -> dict[str, np.ndarray]:
    """The first row of a batch as float32 arrays."""
    return {k: getattr(params, k)[0].detach().cpu().numpy().astype(np.float32) for k in PARAM_DIMS}


def write_result(
    path: Path,
    records: Sequence[FrameResult],
    body: BodyModel,
    meta: dict[str, Any],
    with_vertices: bool = False,
) -> None:
    """Write `result.npz`, whose layout is that of `diffproxy.export`.

    Args:
        path: The file.
        records: All frames in rising order.
        body: Body model, whose name and topology join `meta`.
        meta: What else the file says of the run, as plain JSON.
        with_vertices: Pose the bodies and store their vertices, too.
    """
    result = Result(
        frame_ids=np.array([r.frame_id for r in records], dtype=np.int64),
        status=np.array([r.status for r in records]),
        reason=np.array([r.reason for r in records]),
        params={k: np.stack([r.params[k] for r in records]) for k in PARAM_DIMS},
        joints=np.stack([r.joints for r in records]),
        joint_std=np.stack([r.joint_std for r in records]),
        joint_observed=np.stack([r.joint_observed for r in records]),
        joint_names=tuple(body.joint_names),
        meta={"body": {"name": body.name, "topology": body.topology_id}, **meta},
        vertices=np.stack([posed_vertices(body, r) for r in records]) if with_vertices else None,
        faces=body.faces.cpu().numpy() if with_vertices else None,
    )
    save_result(result, path)


def posed_vertices(body: BodyModel, record: FrameResult) -> Float[np.ndarray, "Nv 3"]:
    """Float32 metres in the rig's world; NaN for a frame without a body."""
    if not record.has_body:
        return np.full(tuple(body.v_template.shape), np.nan, dtype=np.float32)
    with torch.no_grad():
        return body(record.body_params()).vertices[0].cpu().numpy().astype(np.float32)


def frame_result_of_row(result: Result, row: int) -> FrameResult:
    """The frame of one row of a run's result, without its notes."""
    params = {k: result.params[k][row] for k in PARAM_DIMS}
    status = cast(Status, str(result.status[row]))
    return FrameResult(int(result.frame_ids[row]), status, params=params, joints=result.joints[row])
