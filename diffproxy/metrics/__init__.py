"""Errors of bodies and proxies. Metres in, millimetres out."""

from diffproxy.geometry.procrustes import Similarity, align_points
from diffproxy.metrics.points import (
    auc,
    body_errors,
    mpjpe,
    mpvpe,
    pa_mpjpe,
    pa_mpvpe,
    pck,
    point_errors,
    region_errors,
)
from diffproxy.metrics.proxies import (
    foreground_iou,
    part_accuracy,
    part_iou,
    proxy_scores,
    rest_points,
    surface_errors_mm,
    uv_errors,
)
from diffproxy.metrics.reprojection import reprojection_errors, reprojections

__all__ = [
    "Similarity",
    "align_points",
    "auc",
    "body_errors",
    "foreground_iou",
    "mpjpe",
    "mpvpe",
    "pa_mpjpe",
    "pa_mpvpe",
    "part_accuracy",
    "part_iou",
    "pck",
    "point_errors",
    "proxy_scores",
    "region_errors",
    "reprojection_errors",
    "reprojections",
    "rest_points",
    "surface_errors_mm",
    "uv_errors",
]
