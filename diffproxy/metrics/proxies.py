"""How good proxies are, against exact ones: labels, outline, UV, and millimetres on the body's surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

from diffproxy.metrics.points import MM
from diffproxy.proxies.interfaces import BodyLike, as_numpy


def proxy_scores(
    labels: UInt8[np.ndarray, "V H W"],
    uv: Float[np.ndarray, "V H W 2"],
    true_labels: UInt8[np.ndarray, "V H W"],
    true_uv: Float[np.ndarray, "V H W 2"],
    body: BodyLike | None = None,
    max_pixels: int = 200_000,
) -> dict[str, float]:
    """All scores over all pixels of all views; NaN where there is nothing to compare. Millimetres need a `body`.

    uv_median: over pixels with the right label. surface_*_mm: over pixels that are foreground in both, whatever the
    label (at most `max_pixels` of them, evenly spread).
    """
    scores = {
        "part_accuracy": part_accuracy(labels, true_labels),
        "part_iou": part_iou(labels, true_labels),
        "foreground_iou": foreground_iou(labels > 0, true_labels > 0),
        "uv_median": _median(uv_errors(labels, uv, true_labels, true_uv)),
    }
    if body is not None:
        errors = surface_errors_mm(labels, uv, true_labels, true_uv, body, max_pixels)
        scores["surface_median_mm"] = _median(errors)
        scores["surface_mean_mm"] = float(errors.mean()) if errors.size else float("nan")
    return scores


def part_accuracy(labels: UInt8[np.ndarray, "*S"], true_labels: UInt8[np.ndarray, "*S"]) -> float:
    """Share of the true foreground that carries the right label."""
    foreground = true_labels > 0
    return float((labels == true_labels)[foreground].mean()) if foreground.any() else float("nan")


def part_iou(labels: UInt8[np.ndarray, "*S"], true_labels: UInt8[np.ndarray, "*S"]) -> float:
    """Intersection over union of each part, pooled over all views, averaged over the parts that truly occur."""
    both = np.bincount(true_labels[labels == true_labels], minlength=256)
    either = (
        np.bincount(labels.ravel(), minlength=256) + np.bincount(true_labels.ravel(), minlength=256) - both
    )
    present = np.unique(true_labels[true_labels > 0])
    return float((both[present] / either[present]).mean()) if present.size else float("nan")


def foreground_iou(mask: Bool[np.ndarray, "*S"], true_mask: Bool[np.ndarray, "*S"]) -> float:
    """Intersection over union of two outlines; NaN if both are empty."""
    union = int((mask | true_mask).sum())
    return float((mask & true_mask).sum() / union) if union else float("nan")


def uv_errors(
    labels: UInt8[np.ndarray, "*S"],
    uv: Float[np.ndarray, "*S 2"],
    true_labels: UInt8[np.ndarray, "*S"],
    true_uv: Float[np.ndarray, "*S 2"],
) -> Float[np.ndarray, " N"]:
    """Euclidean UV distance (chart units) at every pixel with the right label."""
    same = (labels == true_labels) & (true_labels > 0)
    return np.linalg.norm(uv[same].astype(np.float64) - true_uv[same], axis=-1)


def surface_errors_mm(
    labels: UInt8[np.ndarray, "*S"],
    uv: Float[np.ndarray, "*S 2"],
    true_labels: UInt8[np.ndarray, "*S"],
    true_uv: Float[np.ndarray, "*S 2"],
    body: BodyLike,
    max_pixels: int = 200_000,
) -> Float[np.ndarray, " N"]:
    """Straight distance in mm, on the rest body, between the surface points that found and true proxies mean.

    It prices a wrong label by where it leads: across a border almost nothing, on the other leg a lot.
    """
    both = np.flatnonzero((labels > 0) & (true_labels > 0))
    both = both[:: max(1, -(-len(both) // max_pixels))]
    found, found_ok = rest_points(labels.ravel()[both], uv.reshape(-1, 2)[both], body)
    true, true_ok = rest_points(true_labels.ravel()[both], true_uv.reshape(-1, 2)[both], body)
    ok = found_ok & true_ok
    return MM * np.linalg.norm(found[ok] - true[ok], axis=-1)


def rest_points(
    labels: UInt8[np.ndarray, " N"], uv: Float[np.ndarray, "N 2"], body: BodyLike
) -> tuple[Float[np.ndarray, "N 3"], Bool[np.ndarray, " N"]]:
    """Points (metres) of the rest body that labels and UV mean, and whether they mean one."""
    face, bary, ok = (np.asarray(a) for a in body.atlas.lookup(labels, uv))
    corners = as_numpy(body.v_template)[as_numpy(body.faces)[face]].astype(np.float64)
    return np.einsum("nc,ncd->nd", bary.astype(np.float64), corners), ok


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")
