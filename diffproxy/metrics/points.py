"""Errors of joints and vertices: metres in, millimetres out, one number per frame."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.geometry.procrustes import align_points
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, within

MM = 1000.0
Alignment = Literal["none", "root", "procrustes"]


@checked
def point_errors(
    pred: Float[np.ndarray, "*B N 3"],
    gt: Float[np.ndarray, "*B N 3"],
    align: Alignment = "none",
    root: int = 0,
) -> Float[np.ndarray, "*B N"]:
    """Distance of each point after alignment.

    Args:
        pred: (..., N, 3) predicted points, metres.
        gt: (..., N, 3) ground truth, metres.
        align: "none"; "root": both are shifted so that point `root` coincides; "procrustes": a similarity per frame.
        root: Number of the root point.

    Returns:
        (..., N) mm; NaN for points that are NaN in either.
    """
    if pred.shape != gt.shape:
        raise InputError(
            "as many predicted points as true ones", f"{pred.shape} and {gt.shape}", "compare the same points"
        )
    count = pred.shape[-2]
    at_least("points", count, 1)
    within("root", root, -count, count - 1)
    pred, gt = np.asarray(pred, dtype=np.float64), np.asarray(gt, dtype=np.float64)
    if align == "root":
        pred, gt = (a - a[..., root : root + 1, :] for a in (pred, gt))
    elif align == "procrustes":
        pred = align_points(pred, gt).apply(pred)
    return MM * np.linalg.norm(pred - gt, axis=-1)


@checked
def mpjpe(
    pred: Float[np.ndarray, "*B N 3"], gt: Float[np.ndarray, "*B N 3"], root: int | None = None
) -> Float[np.ndarray, "*B"]:
    """Mean per-joint position error in the world frame, or after root alignment.

    Args:
        pred: (..., N, 3) predicted joints, metres.
        gt: (..., N, 3) ground truth, metres.
        root: Joint to align first; None: no alignment.

    Returns:
        One error per frame, mm.
    """
    return point_errors(pred, gt, "none" if root is None else "root", root or 0).mean(axis=-1)


@checked
def pa_mpjpe(pred: Float[np.ndarray, "*B N 3"], gt: Float[np.ndarray, "*B N 3"]) -> Float[np.ndarray, "*B"]:
    """`mpjpe` after the best similarity of each frame (Procrustes alignment), mm."""
    return point_errors(pred, gt, "procrustes").mean(axis=-1)


@checked
def mpvpe(
    pred: Float[np.ndarray, "*B N 3"],
    gt: Float[np.ndarray, "*B N 3"],
    roots: tuple[Float[np.ndarray, "*B 3"], Float[np.ndarray, "*B 3"]] | None = None,
) -> Float[np.ndarray, "*B"]:
    """Mean per-vertex position error.

    Args:
        pred: (..., N, 3) predicted vertices, metres.
        gt: (..., N, 3) ground truth, metres.
        roots: Points (pred, gt) that are subtracted first; None: no alignment.

    Returns:
        One error per frame, mm.
    """
    if roots is not None:
        pred, gt = pred - roots[0][..., None, :], gt - roots[1][..., None, :]
    return point_errors(pred, gt).mean(axis=-1)


@checked
def pa_mpvpe(pred: Float[np.ndarray, "*B N 3"], gt: Float[np.ndarray, "*B N 3"]) -> Float[np.ndarray, "*B"]:
    """`mpvpe` after the best similarity of the vertices (not that of the joints), mm."""
    return point_errors(pred, gt, "procrustes").mean(axis=-1)


@checked
def body_errors(
    pred_joints: Float[np.ndarray, "F J 3"],
    gt_joints: Float[np.ndarray, "F J 3"],
    pred_vertices: Float[np.ndarray, "F N 3"] | None = None,
    gt_vertices: Float[np.ndarray, "F N 3"] | None = None,
    root: int = 0,
) -> dict[str, Float[np.ndarray, " F"]]:
    """All errors of each frame.

    Args:
        pred_joints: (F, J, 3) predicted joints, metres.
        gt_joints: (F, J, 3) ground truth, metres.
        pred_vertices: (F, N, 3) predicted vertices, metres; None: joints alone.
        gt_vertices: (F, N, 3) ground truth, metres.
        root: Joint of the root alignment.

    Returns:
        mpjpe, ra_mpjpe (root-aligned), pa_mpjpe, and with vertices mpvpe, ra_mpvpe, pa_mpvpe: (F,) mm.
    """
    out = {
        "mpjpe": mpjpe(pred_joints, gt_joints),
        "ra_mpjpe": mpjpe(pred_joints, gt_joints, root=root),
        "pa_mpjpe": pa_mpjpe(pred_joints, gt_joints),
    }
    if (pred_vertices is None) != (gt_vertices is None):
        raise InputError("predicted and true vertices, or neither", "one of them", "pass both")
    if pred_vertices is not None and gt_vertices is not None:
        roots = (pred_joints[:, root], gt_joints[:, root])
        out["mpvpe"] = mpvpe(pred_vertices, gt_vertices)
        out["ra_mpvpe"] = mpvpe(pred_vertices, gt_vertices, roots)
        out["pa_mpvpe"] = pa_mpvpe(pred_vertices, gt_vertices)
    return out


@checked
def region_errors(
    pred: Float[np.ndarray, "F N 3"],
    gt: Float[np.ndarray, "F N 3"],
    regions: dict[str, Bool[np.ndarray, " N"]],
) -> dict[str, Float[np.ndarray, " F"]]:
    """`mpvpe_REGION`: mean error (F,) in mm of the vertices of each region."""
    errors = point_errors(pred, gt)
    return {f"mpvpe_{name}": errors[..., of].mean(axis=-1) for name, of in regions.items() if of.any()}


@checked
def pck(errors_mm: Float[np.ndarray, "*B"], threshold_mm: float = 150.0) -> float:
    """Share of correct points.

    Args:
        errors_mm: Errors, mm; NaN is left out.
        threshold_mm: A point below it is correct.

    Returns:
        In [0, 1].
    """
    known = errors_mm[np.isfinite(errors_mm)]
    return float((known < threshold_mm).mean()) if known.size else float("nan")


@checked
def auc(
    errors_mm: Float[np.ndarray, "*B"], thresholds_mm: tuple[float, ...] = tuple(range(1, 151, 5))
) -> float:
    """Mean of `pck` over thresholds; by default those of MPI-INF-3DHP: 1, 6, ..., 146 mm."""
    return float(np.mean([pck(errors_mm, float(t)) for t in thresholds_mm]))
