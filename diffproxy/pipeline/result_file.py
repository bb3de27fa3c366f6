"""From the records of a run to `result.npz` (its layout is that of diffproxy.export)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import PARAM_DIMS, BodyModel
from diffproxy.export import Result, save_result
from diffproxy.pipeline.results import FrameRecord, Status


def write_result(
    path: Path,
    records: Sequence[FrameRecord],
    body: BodyModel,
    meta: dict[str, Any],
    with_vertices: bool = False,
) -> None:
    """All frames in rising order; the body's name and topology join `meta`."""
    result = Result(
        frame_ids=np.array([r.frame_id for r in records], dtype=np.int64),
        status=np.array([r.status for r in records]),
        reason=np.array([r.reason for r in records]),
        params={k: np.stack([r.params[k] for r in records]) for k in PARAM_DIMS},
        joints=np.stack([r.joints for r in records]),
        joint_std=np.stack([r.joint_std for r in records]),
        joint_names=tuple(body.joint_names),
        meta={"body": {"name": body.name, "topology": body.topology_id}, **meta},
        vertices=np.stack([posed_vertices(body, r) for r in records]) if with_vertices else None,
        faces=body.faces.cpu().numpy() if with_vertices else None,
    )
    save_result(result, path)


def posed_vertices(body: BodyModel, record: FrameRecord) -> Float[np.ndarray, "Nv 3"]:
    """Float32 metres in the rig's world; NaN for a frame without a body."""
    if not record.has_body:
        return np.full(tuple(body.v_template.shape), np.nan, dtype=np.float32)
    with torch.no_grad():
        return body(record.body_params()).vertices[0].cpu().numpy().astype(np.float32)


def result_record(result: Result, row: int) -> FrameRecord:
    """One row of a result as a record, without its notes."""
    params = {k: result.params[k][row] for k in PARAM_DIMS}
    status = cast(Status, str(result.status[row]))
    return FrameRecord(int(result.frame_ids[row]), status, params=params, joints=result.joints[row])
