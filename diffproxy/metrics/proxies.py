"""Errors of proxies against exact ones: labels, silhouette, UV, and distance on the surface of the body."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

from diffproxy.metrics.points import MM
from diffproxy.proxies.interfaces import BodyLike, as_numpy
from diffproxy.utils.checked import checked


@checked
def proxy_scores(
    labels: UInt8[np.ndarray, "V H W"],
    uv: Float[np.ndarray, "V H W 2"],
    gt_labels: UInt8[np.ndarray, "V H W"],
    gt_uv: Float[np.ndarray, "V H W 2"],
    body: BodyLike | None = None,
    max_pixels: int = 200_000,
) -> dict[str, float]:
    """All scores over all pixels of all views; NaN without pixels to compare.

    Args:
        labels: (V, H, W) predicted part labels.
        uv: (V, H, W, 2) predicted coordinates.
        gt_labels: (V, H, W) ground truth.
        gt_uv: (V, H, W, 2) ground truth.
        body: The body, for the errors in mm; None: they are left out.
        max_pixels: Maximum number of pixels for errors in mm, evenly spread.

    Returns:
        part_accuracy, part_iou, foreground_iou in [0, 1]; uv_median over pixels with the right label;
            surface_*_mm over
        pixels that are foreground in both.
    """
    scores = {
        "part_accuracy": part_accuracy(labels, gt_labels),
        "part_iou": part_iou(labels, gt_labels),
        "foreground_iou": foreground_iou(labels > 0, gt_labels > 0),
        "uv_median": _median(uv_errors(labels, uv, gt_labels, gt_uv)),
    }
    if body is not None:
        errors = surface_errors_mm(labels, uv, gt_labels, gt_uv, body, max_pixels)
        scores["surface_median_mm"] = _median(errors)
        scores["surface_mean_mm"] = float(errors.mean()) if errors.size else float("nan")
    return scores


@checked
def part_accuracy(labels: UInt8[np.ndarray, "*S"], gt_labels: UInt8[np.ndarray, "*S"]) -> float:
    """Share of the ground-truth foreground with the right label."""
    foreground = gt_labels > 0
    return float((labels == gt_labels)[foreground].mean()) if foreground.any() else float("nan")


@checked
def part_iou(labels: UInt8[np.ndarray, "*S"], gt_labels: UInt8[np.ndarray, "*S"]) -> float:
    """Intersection over union of each part, pooled over all views, averaged over the parts in the ground truth."""
    both = np.bincount(gt_labels[labels == gt_labels], minlength=256)
    either = np.bincount(labels.ravel(), minlength=256) + np.bincount(gt_labels.ravel(), minlength=256) - both
    present = np.unique(gt_labels[gt_labels > 0])
    return float((both[present] / either[present]).mean()) if present.size else float("nan")


@checked
def foreground_iou(mask: Bool[np.ndarray, "*S"], gt_mask: Bool[np.ndarray, "*S"]) -> float:
    """Intersection over union of two silhouettes; NaN if both are empty."""
    union = int((mask | gt_mask).sum())
    return float((mask & gt_mask).sum() / union) if union else float("nan")


@checked
def uv_errors(
    labels: UInt8[np.ndarray, "*S"],
    uv: Float[np.ndarray, "*S 2"],
    gt_labels: UInt8[np.ndarray, "*S"],
    gt_uv: Float[np.ndarray, "*S 2"],
) -> Float[np.ndarray, " N"]:
    """Euclidean UV distance (chart units) at every pixel with the right label."""
    same = (labels == gt_labels) & (gt_labels > 0)
    return np.linalg.norm(uv[same].astype(np.float64) - gt_uv[same], axis=-1)


@checked
def surface_errors_mm(
    labels: UInt8[np.ndarray, "*S"],
    uv: Float[np.ndarray, "*S 2"],
    gt_labels: UInt8[np.ndarray, "*S"],
    gt_uv: Float[np.ndarray, "*S 2"],
    body: BodyLike,
    max_pixels: int = 200_000,
) -> Float[np.ndarray, " N"]:
    """Distance between the surface points of predicted and true proxies, on the rest body.

    A wrong label costs as much as the distance it causes: little at the border of two parts, much on the other leg.

    Args:
        labels: Predicted part labels.
        uv: Predicted coordinates.
        gt_labels: Ground truth, of the same shape.
        gt_uv: Ground truth, of the same shape.
        body: The body.
        max_pixels: Maximum number of pixels, evenly spread.

    Returns:
        (N,) straight distances in mm at pixels that are foreground in both.
    """
    both = np.flatnonzero((labels > 0) & (gt_labels > 0))
    both = both[:: max(1, -(-len(both) // max_pixels))]
    pred, pred_ok = rest_points(labels.ravel()[both], uv.reshape(-1, 2)[both], body)
    gt, gt_ok = rest_points(gt_labels.ravel()[both], gt_uv.reshape(-1, 2)[both], body)
    ok = pred_ok & gt_ok
    return MM * np.linalg.norm(pred[ok] - gt[ok], axis=-1)


@checked
def rest_points(
    labels: UInt8[np.ndarray, " N"], uv: Float[np.ndarray, "N 2"], body: BodyLike
) -> tuple[Float[np.ndarray, "N 3"], Bool[np.ndarray, " N"]]:
    """Points (N, 3) of the rest body in metres at labels and coordinates, and whether they are valid."""
    face, bary, ok = (np.asarray(a) for a in body.atlas.lookup(labels, uv))
    corners = as_numpy(body.v_template)[as_numpy(body.faces)[face]].astype(np.float64)
    return np.einsum("nc,ncd->nd", bary.astype(np.float64), corners), ok


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")
