"""How well the fitted body explains the proxies, view by view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.encoder_keypoints import MIN_CONFIDENCE, in_picture
from diffproxy.fitting.result import FITTED, Status
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.view_alignment import (
    LEAST_KEYPOINTS,
    align_view,
    misplaced_views,
    misread_views,
)

DOUBT_MM, DOUBTFUL_MM = 40.0, 60.0  # median distance of proxies and body: worth a look, and not to be trusted
HEAD_TO_ANKLE = (0.5, 2.1)
"""Metres that people measure from the head joint to the ankles: infants who stand, and more than the tallest adults."""
HEAD, ANKLES = 15, (7, 8)
SHAPE = ("betas", "expression", "scale")
ALIGNMENT = ("turn_deg", "shift_mm", "zoom", "rest_mm", "keypoint_mm", "keypoint_turn_deg")
DOUBT_OVERLAP = 0.6  # IoU of body and foreground, below: worth a look
MISFIT_MM = 25.0  # median distance of proxies and body from which on it says that the body is wrong
MISFIT = 2.0  # what a body is off by over how much further than that its proxies are


def doubts(info: Mapping[str, Any]) -> list[str]:
    """What `residual_mm`, `overlap` and `views` of a frame's notes say against its body."""
    found = []
    if info.get("residual_mm", 0.0) > DOUBT_MM:
        found.append(f"proxies and body are {info['residual_mm']:.0f} mm apart")
    if not stature_is_human(info):
        found.append(
            f"the body measures {info['head_to_ankle_m']:.2f} m from head to ankle: are the rig's lengths right?"
        )
    if info.get("overlap", 1.0) < DOUBT_OVERLAP:
        found.append(f"silhouettes overlap by {info['overlap']:.2f} only")
    views = info.get("views", ())
    return [*found, *misplaced_views(views), *misread_views(views)]


def judged(status: Status, reason: str, info: Mapping[str, Any]) -> tuple[Status, str]:
    """Status and reason of a fit after a look at how its body lies against the proxies of each view."""
    if status not in FITTED or not (more := doubts(info)):
        return status, reason
    reason = "; ".join([*(x for x in more if x not in reason), *([reason] if reason else [])])
    strong = info.get("residual_mm", 0.0) > DOUBTFUL_MM or not stature_is_human(info)
    strong = strong or bool(misplaced_views(info.get("views", ())))
    return "doubtful" if strong else status, reason


def with_misfit(joint_std: Float[np.ndarray, " J"], residual_mm: float) -> Float[np.ndarray, " J"]:
    """Deviations (metres) of the joints of a body that does not explain its proxies.

    The covariance of a fit takes for granted that the body is the right one up to noise. Where proxies and body are
    further apart than noise makes them, `MISFIT` times the excess joins the deviation of every joint.
    """
    excess = MISFIT * max(0.0, residual_mm - MISFIT_MM) / 1000
    return np.hypot(joint_std, excess).astype(joint_std.dtype)


def stature_is_human(info: Mapping[str, Any]) -> bool:
    """Whether `head_to_ankle_m` of a frame's notes is that of a person; True where it was not measured."""
    low, high = HEAD_TO_ANKLE
    return low <= info.get("head_to_ankle_m", low) <= high


def head_to_ankle(body: BodyModel, params: BodyParams) -> float:
    """Distance from the head joint to the middle of the ankles in the rest pose of this shape and scale, metres."""
    rest = BodyParams(
        **{
            name: value if name in SHAPE else torch.zeros_like(value)
            for name, value in ((f.name, getattr(params, f.name)) for f in fields(params))
        }
    )
    with torch.no_grad():
        joints = body.joints(rest)[0].cpu().numpy()
    return float(np.linalg.norm(joints[HEAD] - joints[list(ANKLES)].mean(axis=0)))


@dataclass(frozen=True)
class ViewQuality:
    """`residual_px`: median distance between a pixel and its body point, in pixels of the map; `source_px`: the
    same in the full image; `residual_mm`: at the depth of the body. `overlap`: IoU of body and foreground
    silhouettes in [0, 1], None for hand crops, which see the forearm as well. `turn_deg`, `shift_mm` and `zoom`: how
    the view as a whole lies against the body, `rest_mm`: median distance once it is brought into place (see
    `ViewAlignment`), `moved_overlap`: overlap once the body's silhouette is moved by it; NaN and `overlap` where it
    shows too little of it. `keypoints`: confident keypoints of the encoder, None where there are none to be had;
    `keypoint_mm` and `keypoint_turn_deg`: their median distance from the body's, and how they lie turned."""

    camera: str
    kind: str
    pixels: int
    residual_px: float
    source_px: float
    residual_mm: float
    overlap: float | None
    turn_deg: float = float("nan")
    shift_mm: float = float("nan")
    zoom: float = float("nan")
    rest_mm: float = float("nan")
    moved_overlap: float | None = None
    keypoints: int | None = None
    keypoint_mm: float = float("nan")
    keypoint_turn_deg: float = float("nan")

    def to_json(self) -> dict[str, Any]:
        known = {k: v for k, v in asdict(self).items() if k not in ALIGNMENT or np.isfinite(v)}
        return {k: (round(v, 4) if isinstance(v, float) else v) for k, v in known.items()}


def view_notes(views: Sequence[ViewQuality]) -> dict[str, Any]:
    """`views`, `residual_mm` and `overlap` of a frame's notes."""
    used = [q for q in views if q.pixels and q.kind == "body"] or [q for q in views if q.pixels]
    return {
        "views": [q.to_json() for q in views],
        "residual_mm": float(np.median([q.residual_mm for q in used])) if used else float("nan"),
        "overlap": float(np.mean([q.overlap for q in used if q.overlap is not None] or [np.nan])),
    }


def view_quality(made: Generated, body: BodyModel, params: BodyParams) -> list[ViewQuality]:
    """How a body lies against each view of what it was fitted to.

    Args:
        made: Proxies and keypoints; without boxes the maps are full images.
        body: Body model.
        params: One body, world coordinates.
    """
    from diffproxy.metrics import foreground_iou, reprojections
    from diffproxy.proxies import render_depth_mask

    maps, boxes = made.maps, made.boxes
    with torch.no_grad():
        vertices = body(params).vertices[0].cpu().numpy()
    points = encoder_points(body, params)
    keypoints = None if made.keypoints is None else in_picture(maps, made.keypoints)
    _, silhouettes = render_depth_mask(body, vertices, list(maps.cameras))
    middle = np.median(vertices, axis=0).astype(np.float64)
    out = []
    for v, (projected, pixels) in enumerate(reprojections(maps, vertices, body)):
        errors = np.linalg.norm(projected - pixels, axis=-1)
        visible = np.isfinite(errors)
        errors = errors[visible]
        camera, kind = maps.cameras[v], maps.kind[v]
        px = float(np.median(errors)) if errors.size else float("nan")
        depth = float(camera.R_cam_world[2] @ middle + camera.t_cam_world[2])
        zoom = (boxes[v][2] - boxes[v][0]) / camera.width if boxes else 1.0
        known = True if maps.valid is None else maps.valid[v]  # beyond the picture there is no silhouette
        mm_per_px = 1000 * depth / float(camera.K[1, 1])
        alignment = align_view(projected[visible], pixels[visible])
        overlap = moved_overlap = of_view = None
        if kind == "body":
            of_view = None if keypoints is None else keypoints[v]
            shown = maps.labels[v] > 0
            overlap = foreground_iou(silhouettes[v] & known, shown)
            moved_overlap = foreground_iou(alignment.moved(silhouettes[v]) & known, shown)
        out.append(
            ViewQuality(
                camera.name,
                kind,
                int(errors.size),
                px,
                px * zoom,
                px * mm_per_px,
                overlap,
                alignment.turn_deg,
                float(np.hypot(*alignment.shift)) * mm_per_px,
                alignment.zoom,
                alignment.rest * mm_per_px,
                moved_overlap,
                **_keypoint_quality(camera, points, of_view, mm_per_px),
            )
        )
    return out


def _keypoint_quality(
    camera: Camera,
    points: Float[np.ndarray, "17 3"],
    keypoints: Float[np.ndarray, "17 4"] | None,
    mm_per_px: float,
) -> dict[str, Any]:
    """`keypoints`, `keypoint_mm` and `keypoint_turn_deg` of one view; empty without keypoints."""
    if keypoints is None:
        return {}
    projected, found = camera.project(points), keypoints[:, :2].astype(np.float64)
    sure = (keypoints[:, 2] >= MIN_CONFIDENCE) & np.isfinite(projected).all(1)
    distance = np.linalg.norm(projected[sure] - found[sure], axis=1)
    return {
        "keypoints": int(sure.sum()),
        "keypoint_mm": mm_per_px * float(np.median(distance)) if sure.any() else float("nan"),
        "keypoint_turn_deg": align_view(projected[sure], found[sure], LEAST_KEYPOINTS).turn_deg,
    }
