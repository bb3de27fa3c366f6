"""`metrics.json`: how good the run is, and how long it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from diffproxy.body.names import BODY_JOINTS, JOINT_NAMES
from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.pipeline.reprojection_quality import doubts
from diffproxy.pipeline.results import FrameResult


def run_metrics(records: Sequence[FrameResult]) -> dict[str, Any]:
    """Counts, residuals of each camera, spread of the joints, jitter, seconds; millimetres where the name says so."""
    good = [r for r in records if r.has_body]
    out: dict[str, Any] = {
        "frames": len(records),
        "status": dict(Counter(r.status for r in records)),
        "not_ok": {str(r.frame_id): f"{r.status}: {r.reason}" for r in records if r.status != "ok"},
        "residual_px": _median([r.info.get("residual_px") for r in good]),
        "residual_mm": _median([r.info.get("residual_mm") for r in good]),
        "silhouette_iou": _median([r.info.get("overlap") for r in good]),
        "joint_std_mm": _median([1000 * float(np.median(r.joint_std[BODY_JOINTS])) for r in good]),
        "views": _views(good),
        "seconds": _seconds(records),
        "starts": {str(r.frame_id): (r.info.get("start") or {}).get("frame") for r in records},
        "warnings": warnings(records),
        "notes": frame_notes(records),
        "not_observed": {str(r.frame_id): names for r in good if (names := unobserved_joints(r))},
    }
    if contact := [r.info["contact"] for r in records if "contact" in r.info]:
        out["contact"] = {
            "frames": sum(c["moved_mm"] > 0 for c in contact),
            **{key: max(c[key] for c in contact) for key in ("before_mm", "after_mm", "moved_mm")},
        }
    jitter = jitter_mm(records)
    if jitter is not None:
        out["jitter_mm"] = jitter
    return out


def warnings(records: Sequence[FrameResult]) -> list[str]:
    """Frames that need a look: no body, one that does not explain the proxies, one with parts that no view shows, or
    images of one camera that repeat."""
    lines = [f"frame {r.frame_id}: {r.status}: {r.reason}" for r in records if r.status != "ok" or r.reason]
    for r in records:
        if r.has_body and not r.reason:  # else they are given above
            lines += [f"frame {r.frame_id}: {doubt}" for doubt in doubts(r.info)]
    return lines + frozen_cameras(records)


def frozen_cameras(records: Sequence[FrameResult]) -> list[str]:
    """Cameras that show the image of the frame before once more while another camera's changes."""
    frames: dict[str, list[int]] = {}
    for before, record in pairwise(records):
        old, new = (r.info.get("image_prints", {}) for r in (before, record))
        both = old.keys() & new.keys()
        # The slower of two cameras may give one frame of its file to two of the take.
        again = {name for name in both if old[name][1] == new[name][1] and old[name][0] != new[name][0]}
        for name in again if len(again) < len(both) else ():
            frames.setdefault(name, []).append(record.frame_id)
    return [
        f"camera {name}: {len(ids)} of {len(records)} frames repeat the image before while other cameras go on, "
        f"the first is {ids[0]}: was its video frozen, it is out of step there"
        for name, ids in sorted(frames.items())
    ]


def frame_notes(records: Sequence[FrameResult]) -> list[str]:
    """What happened in single frames; a note that many frames share is written once."""
    frames: dict[str, list[int]] = {}
    for record in records:
        for note in record.info.get("notes", ()):
            frames.setdefault(note, []).append(record.frame_id)
    few = [
        f"{', '.join(map(str, ids[:6]))}{' ...' if len(ids) > 6 else ''}: {n}" for n, ids in frames.items()
    ]
    return [f"frame {line}" for line in few[:60]]


def unobserved_joints(record: FrameResult) -> list[str]:
    """Names of the body joints whose place no pixel supports."""
    missing = record.joint_observed[BODY_JOINTS] < UNOBSERVED  # false for NaN: not stated
    return [JOINT_NAMES[j] for j in np.flatnonzero(missing)] if record.has_body else []


def _median(values: Sequence[float | None]) -> float | None:
    kept = [v for v in values if v is not None and np.isfinite(v)]
    return round(float(np.median(kept)), 4) if kept else None


def _views(records: Sequence[FrameResult]) -> dict[str, dict[str, float | None]]:
    """Medians over frames, by camera; hand crops apart as `camera/left_hand`."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        for view in record.info.get("views", ()):
            key = view["camera"] if view["kind"] == "body" else f"{view['camera']}/{view['kind']}"
            rows.setdefault(key, []).append(view)
    keys = ("pixels", "residual_px", "source_px", "residual_mm", "overlap")
    return {name: {k: _median([v[k] for v in views]) for k in keys} for name, views in sorted(rows.items())}


def _seconds(records: Sequence[FrameResult]) -> dict[str, float]:
    """Mean over frames of every stage, and of the whole frame."""
    totals: dict[str, list[float]] = {}
    for record in records:
        for stage, seconds in record.info.get("timings", {}).items():
            totals.setdefault(stage, []).append(seconds)
        if "seconds" in record.info:
            totals.setdefault("frame", []).append(record.info["seconds"])
    return {stage: round(float(np.mean(v)), 4) for stage, v in totals.items()}


def jitter_mm(records: Sequence[FrameResult]) -> float | None:
    """Mean of `frame_jitter` over the frames that have any."""
    known = [jitter for jitter in frame_jitter(records) if np.isfinite(jitter)]
    return round(float(np.mean(known)), 4) if known else None


def frame_jitter(records: Sequence[FrameResult]) -> list[float]:
    """Mean length of the second difference of the 22 body joints at each frame, mm / frame².

    NaN where the frame and its neighbours are not three successive equally spaced frames with a body.
    """
    out = [float("nan")] * len(records)
    for k in range(1, len(records) - 1):
        a, b, c = records[k - 1 : k + 2]
        spacing = b.frame_id - a.frame_id
        if spacing == c.frame_id - b.frame_id and all(r.has_body for r in (a, b, c)):
            second = (a.joints - 2 * b.joints + c.joints)[BODY_JOINTS] / spacing**2
            out[k] = 1000 * float(np.linalg.norm(second, axis=-1).mean())
    return out
