"""Which joints the pictures show, and how errors and stated deviations differ between joints that are seen or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel
from diffproxy.body.names import BODY_JOINTS
from diffproxy.fitting.observed import UNOBSERVED, joint_support
from diffproxy.metrics import point_errors
from diffproxy.metrics.points import MM
from diffproxy.pipeline.results import FrameResult
from diffproxy.proxies import ProxyMaps

STEP = 2  # rows and columns between the pixels that are looked at
LEVELS = (1, 2)  # stated deviations within which errors are counted
CONVENTION = (
    "share of joints whose 3D distance to the truth is at most 1 or 2 times joint_std, the root of the trace of the "
    "position covariance; normal errors along one axis give 0.683 and 0.954, alike along all axes 0.608 and 0.993"
)


def observed_joints(exact: ProxyMaps, body: BodyModel) -> Bool[np.ndarray, "55"]:
    """Which joints the pictures show: `joint_support`, which the fit states from its own pixels, of the true ones.

    Args:
        exact: True labels and UV of all pictures of one subject.
        body: The model that the labels belong to.
    """
    labels, uv = exact.labels[:, ::STEP, ::STEP], exact.uv[:, ::STEP, ::STEP]
    face, bary, ok = body.atlas.lookup(labels[labels > 0], uv[labels > 0])
    return joint_support(body, face[ok], bary[ok].astype(np.float64)) >= UNOBSERVED


def joint_errors(
    found: FrameResult, true: Float[np.ndarray, "55 3"], observed: Bool[np.ndarray, "55"]
) -> dict[str, Any]:
    """Of the body joints: error and stated deviation (mm) of each, and the mean errors of both kinds."""
    error = point_errors(found.joints.astype(np.float64), true.astype(np.float64))[BODY_JOINTS]
    seen = observed[BODY_JOINTS]
    row: dict[str, Any] = {
        "joint_error_mm": error.round(2).tolist(),
        "joint_std_mm": (MM * found.joint_std[BODY_JOINTS].astype(np.float64)).round(2).tolist(),
        "joint_observed": seen.tolist(),
        "observed_joints": int(seen.sum()),
    }
    for name, rows in (("observed", seen), ("unobserved", ~seen)):
        if rows.any():
            row[f"mpjpe_{name}"] = float(error[rows].mean())
    return row


def coverage(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Errors and coverage of stated deviations over all joints of all subjects, observed and unobserved joints apart.

    Args:
        rows: subjects of `evaluate.py`; those without a body are left out.
    """
    known = [r for r in rows if "joint_error_mm" in r]
    if not known:
        return {}
    error, seen = (np.array([r[k] for r in known]) for k in ("joint_error_mm", "joint_observed"))
    std = np.array([[np.inf if s is None else s for s in r["joint_std_mm"]] for r in known])
    quiet = [
        r
        for r, s in zip(known, seen, strict=True)
        if r["status"] == "ok" and not (s.all() or r["unseen_named"])
    ]
    out: dict[str, Any] = {"convention": CONVENTION, "ok_without_unseen_named": len(quiet)}
    for name, chosen in (("observed", seen), ("unobserved", ~seen)):
        out[name] = {"joints": int(chosen.sum())}
        if chosen.any():
            e, s = error[chosen], std[chosen]
            out[name] |= {
                "mpjpe_mm": round(float(e.mean()), 2),
                "median_std_mm": round(float(np.median(s)), 2),
            }
            out[name] |= {f"within_{k}_std": round(float((e <= k * s).mean()), 4) for k in LEVELS}
    return out


def names_unseen_parts(record: FrameResult) -> bool:
    """Whether the notes name a part of the body that no view shows (hands have notes of their own)."""
    notes = [note for note in record.info["notes"] if "no view shows" in note]
    return any("its fingers come from the prior" not in note for note in notes)
