"""Errors of joints and vertices: metres in, millimetres out, one number per frame."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.geometry.procrustes import align_points
from diffproxy.utils.errors import InputError

MM = 1000.0
Alignment = Literal["none", "root", "procrustes"]


def point_errors(
    found: Float[np.ndarray, "*B N 3"],
    true: Float[np.ndarray, "*B N 3"],
    align: Alignment = "none",
    root: int = 0,
) -> Float[np.ndarray, "*B N"]:
    """Distance of each point in mm after the alignment of `found` to `true`; NaN where a point is not known.

    `root` shifts so that point number `root` coincides; `procrustes` fits a similarity in each frame.
    """
    if found.shape != true.shape:
        raise InputError(
            "as many points found as true", f"{found.shape} and {true.shape}", "compare the same points"
        )
    found, true = np.asarray(found, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if align == "root":
        found, true = (a - a[..., root : root + 1, :] for a in (found, true))
    elif align == "procrustes":
        found = align_points(found, true).apply(found)
    return MM * np.linalg.norm(found - true, axis=-1)


def mpjpe(
    found: Float[np.ndarray, "*B N 3"], true: Float[np.ndarray, "*B N 3"], root: int | None = None
) -> Float[np.ndarray, "*B"]:
    """Mean per-joint position error of each frame, mm, in the world; with `root`, after root alignment."""
    return point_errors(found, true, "none" if root is None else "root", root or 0).mean(axis=-1)


def pa_mpjpe(
    found: Float[np.ndarray, "*B N 3"], true: Float[np.ndarray, "*B N 3"]
) -> Float[np.ndarray, "*B"]:
    """`mpjpe` after the best similarity of each frame."""
    return point_errors(found, true, "procrustes").mean(axis=-1)


def mpvpe(
    found: Float[np.ndarray, "*B N 3"],
    true: Float[np.ndarray, "*B N 3"],
    roots: tuple[Float[np.ndarray, "*B 3"], Float[np.ndarray, "*B 3"]] | None = None,
) -> Float[np.ndarray, "*B"]:
    """Mean per-vertex position error of each frame, mm; `roots` (found, true) are subtracted before, if given."""
    if roots is not None:
        found, true = found - roots[0][..., None, :], true - roots[1][..., None, :]
    return point_errors(found, true).mean(axis=-1)


def pa_mpvpe(
    found: Float[np.ndarray, "*B N 3"], true: Float[np.ndarray, "*B N 3"]
) -> Float[np.ndarray, "*B"]:
    """`mpvpe` after the best similarity of the vertices themselves (not that of the joints)."""
    return point_errors(found, true, "procrustes").mean(axis=-1)


def body_errors(
    found_joints: Float[np.ndarray, "F J 3"],
    true_joints: Float[np.ndarray, "F J 3"],
    found_vertices: Float[np.ndarray, "F N 3"] | None = None,
    true_vertices: Float[np.ndarray, "F N 3"] | None = None,
    root: int = 0,
) -> dict[str, Float[np.ndarray, " F"]]:
    """All errors of each frame in mm: mpjpe, ra_mpjpe (root-aligned), pa_mpjpe, and the same for vertices."""
    out = {
        "mpjpe": mpjpe(found_joints, true_joints),
        "ra_mpjpe": mpjpe(found_joints, true_joints, root=root),
        "pa_mpjpe": pa_mpjpe(found_joints, true_joints),
    }
    if found_vertices is not None and true_vertices is not None:
        roots = (found_joints[:, root], true_joints[:, root])
        out["mpvpe"] = mpvpe(found_vertices, true_vertices)
        out["ra_mpvpe"] = mpvpe(found_vertices, true_vertices, roots)
        out["pa_mpvpe"] = pa_mpvpe(found_vertices, true_vertices)
    return out


def region_errors(
    found: Float[np.ndarray, "F N 3"],
    true: Float[np.ndarray, "F N 3"],
    regions: dict[str, Bool[np.ndarray, " N"]],
) -> dict[str, Float[np.ndarray, " F"]]:
    """`mpvpe_REGION`: the mean error in mm of the vertices of each region, one number per frame."""
    errors = point_errors(found, true)
    return {f"mpvpe_{name}": errors[..., of].mean(axis=-1) for name, of in regions.items() if of.any()}


def pck(errors_mm: Float[np.ndarray, "*B"], threshold_mm: float = 150.0) -> float:
    """Share of points nearer than the threshold, in [0, 1]; unknown points (NaN) are left out."""
    known = errors_mm[np.isfinite(errors_mm)]
    return float((known < threshold_mm).mean()) if known.size else float("nan")


def auc(
    errors_mm: Float[np.ndarray, "*B"], thresholds_mm: tuple[float, ...] = tuple(range(1, 151, 5))
) -> float:
    """Mean of `pck` over thresholds; the default is 3DHP's 1, 6, ..., 146 mm."""
    return float(np.mean([pck(errors_mm, float(t)) for t in thresholds_mm]))
