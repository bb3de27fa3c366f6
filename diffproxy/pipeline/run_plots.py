"""Plots of a run over its frames: deviations of joints, residuals of cameras, jitter, lengths of bones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffproxy.body.names import BODY_JOINTS, JOINT_NAMES
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.summary import frame_jitter
from diffproxy.visualization.plots import LinePlot

BONES = {
    "thigh": ("hip", "knee"),
    "shin": ("knee", "ankle"),
    "upper arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
}


def run_plots(records: Sequence[FrameResult]) -> list[LinePlot]:
    """Deviation, residual of each camera, jitter and bone lengths over the frames; none for a single frame."""
    if len(records) < 2:
        return []
    frames = [float(r.frame_id) for r in records]
    deviation = np.stack([1000 * r.joint_std[BODY_JOINTS] for r in records])
    cameras = sorted({v["camera"] for r in records for v in r.info.get("views", ()) if v["kind"] == "body"})
    residuals = {camera: [_residual(r, camera) for r in records] for camera in cameras}
    return [
        LinePlot(
            "joint standard deviation, mm",
            frames,
            {
                "median of 22 joints": np.median(deviation, axis=1).tolist(),
                "90th percentile": np.percentile(deviation, 90, axis=1).tolist(),
            },
        ),
        LinePlot("proxies to body by camera, mm", frames, residuals),
        LinePlot("jitter, mm/frame²", frames, {"mean of 22 joints": frame_jitter(records)}),
        LinePlot("bone length against its median, mm", frames, bone_changes(records)),
    ]


def bone_changes(records: Sequence[FrameResult]) -> dict[str, list[float]]:
    """Bone -> difference of its length, mean of both sides, from the median over the frames, mm."""
    joints = np.stack([r.joints for r in records]).astype(np.float64)
    out = {}
    for bone, ends in BONES.items():
        sides = []
        for side in ("left", "right"):
            a, b = (joints[:, JOINT_NAMES.index(f"{side}_{end}")] for end in ends)
            sides.append(np.linalg.norm(a - b, axis=-1))
        length = 1000 * np.mean(sides, axis=0)
        known = length[np.isfinite(length)]
        out[bone] = (length - (np.median(known) if len(known) else 0.0)).tolist()
    return out


def _residual(record: FrameResult, camera: str) -> float | None:
    found = (
        v["residual_mm"] for v in record.info.get("views", ()) if (v["camera"], v["kind"]) == (camera, "body")
    )
    return next(found, None)
