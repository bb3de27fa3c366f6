"""`result.npz`: all frames in one file that numpy alone opens and that explains itself."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffproxy.body import BodyModel
from diffproxy.body.params import PARAM_DIMS, BodyParams
from diffproxy.capture.record import FrameRecord
from diffproxy.proxies.files import write_atomic

CONVENTIONS = {
    "units": "metres, radians, seconds",
    "place": "x_world = scale * x_body + transl; with scale 1 this is SMPL-X",
    "rotations": "axis-angle, relative to the parent joint",
    "hands": "15 x 3 rotations a hand, relative to the flat hand (flat_hand_mean=True), no PCA",
    "camera": "OpenCV axes, x_cam = R_cam_world @ x_world + t_cam_world, pixel centres at integer + 0.5",
    "joint_std": "standard deviation of the joint position in metres",
    "missing": "frames without a body hold NaN; status says why",
}


def write_result(
    path: Path,
    records: Sequence[FrameRecord],
    body: BodyModel,
    meta: dict[str, Any],
    with_vertices: bool = False,
) -> None:
    """All frames in rising order: parameters (F, n), joints (F, 55, 3), joint_std (F, 55), status, frame_ids.

    `meta` joins the conventions, the body's name and topology, and the timings, as one JSON string.
    """
    arrays: dict[str, np.ndarray] = {k: np.stack([r.params[k] for r in records]) for k in PARAM_DIMS}
    arrays["joints"] = np.stack([r.joints for r in records])
    arrays["joint_std"] = np.stack([r.joint_std for r in records])
    arrays["frame_ids"] = np.array([r.frame_id for r in records], dtype=np.int64)
    arrays["status"] = np.array([r.status for r in records])
    arrays["reason"] = np.array([r.reason for r in records])
    arrays["joint_names"] = np.array(list(body.joint_names))
    if with_vertices:
        arrays["vertices"] = np.stack([posed_vertices(body, r) for r in records])
        arrays["faces"] = body.faces.cpu().numpy()
    full = {**CONVENTIONS, "body": {"name": body.name, "topology": body.topology_id}, **meta}
    arrays["meta"] = np.array(json.dumps(full))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomic(path, buffer.getvalue())


def posed_vertices(body: BodyModel, record: FrameRecord) -> np.ndarray:
    """(Nv, 3) float32 metres in the rig's world; NaN for a frame without a body."""
    if not record.has_body:
        return np.full(tuple(body.v_template.shape), np.nan, dtype=np.float32)
    with torch.no_grad():
        return body(record.body_params()).vertices[0].cpu().numpy().astype(np.float32)


def read_result(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of `result.npz` and its meta data."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {k: file[k] for k in file.files if k != "meta"}
        return arrays, json.loads(str(file["meta"]))


def all_params(records: Sequence[FrameRecord]) -> BodyParams:
    """Parameters of all frames as one batch; frames without a body hold NaN."""
    return BodyParams.cat([r.body_params() for r in records])
