"""Fitted limb joints against joints triangulated from an independent 2D detector, for real footage. JSON.

    python fit.py rig=pose2sim frames=0:100:10 out=out/real
    python -m diffproxy.keypoints detect rig=pose2sim frames=0:100:10 out=out/keypoints     (where mediapipe is)
    python benchmarks/detector_joints.py result=out/real/result.npz keypoints=out/keypoints rig=downloads/pose2sim

Options: min_views=3 (views that must agree on a joint within 6 cm), table=1 (one line per frame), npz=FILE (the
triangulated joints, for `benchmarks/real_rig.py reference=`). The person is selected by geometry: the
one on whom most views agree within 1 m of the fitted pelvis. "mean_mm" is over all frames and joints;
"worst_frame_mm" the largest mean of one frame. They include the detector's own error (see "reprojection_px") and its
definition of a joint (hips most of all).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from script_words import read_words

from diffproxy.cameras import load_rig, open_frames
from diffproxy.export import load_result
from diffproxy.keypoints import NAMES, open_keypoints, triangulate_people
from diffproxy.utils.errors import InputError

WORDS = ["keypoints", "min_views", "npz", "result", "rig", "table"]

LIMBS = tuple(
    f"{side}_{j}"
    for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)


def mm(values: np.ndarray) -> float | None:
    """Mean in millimetres, None where there is nothing."""
    return round(1000 * float(np.nanmean(values)), 1) if np.isfinite(values).any() else None


@dataclass(frozen=True)
class LimbJoints:
    """Limb joints of the frames that have both a fit and detections; NaN where a joint is not known."""

    frame_ids: list[int]
    fitted: Float[np.ndarray, "F J 3"]
    """Metres, world."""
    triangulated: Float[np.ndarray, "F J 3"]
    """Metres, world."""
    error_px: Float[np.ndarray, "F J"]
    """Reprojection error of the triangulated joints."""
    views: Int[np.ndarray, "F J"]
    """Number of views that a joint is triangulated from."""

    @property
    def distance(self) -> Float[np.ndarray, "F J"]:
        """Between fitted and triangulated joints, metres."""
        return np.linalg.norm(self.fitted - self.triangulated, axis=-1)


def limb_joints(result_file: str, keypoints: str, rig: Path, min_views: int) -> LimbJoints:
    """Triangulate the detections of all fitted frames. Raises InputError: no fitted frame has detections."""
    result = load_result(result_file)
    frames = open_frames(rig, load_rig(rig), common_frames=True)
    cameras = frames.raw_cameras
    detected = open_keypoints(keypoints, cameras)
    rows, columns = [NAMES.index(n) for n in LIMBS], [result.joint_names.index(n) for n in LIMBS]
    fitted_ids = result.frame_ids.tolist()
    ids = [f for f in fitted_ids if f in detected.frame_ids]
    if not ids:
        raise InputError("keypoints of the fitted frames", f"none of {fitted_ids}", "detect those frames")
    fitted, triangulated, error_px, views = [], [], [], []
    for f in ids:
        joints = result.joints[fitted_ids.index(f)].astype(np.float64)
        near = joints[0] if np.isfinite(joints).all() else None
        found = triangulate_people(detected.frame(f, cameras), cameras, near, min_views)
        fitted.append(joints[columns])
        triangulated.append(found.points[rows])
        error_px.append(found.error_px[rows])
        views.append(found.views[:, rows].sum(0))
    return LimbJoints(ids, np.stack(fitted), np.stack(triangulated), np.stack(error_px), np.stack(views))


def figures(found: LimbJoints) -> dict:
    """What is printed about the distances."""
    distance, error_px = found.distance, found.error_px
    per_frame = np.array([np.nanmean(d) if np.isfinite(d).any() else np.nan for d in distance])
    known = np.isfinite(found.triangulated).all(-1)
    without_hips = [i for i, n in enumerate(LIMBS) if "hip" not in n]
    return {
        "frames": len(found.frame_ids),
        "frames_with_body": int(np.isfinite(found.fitted).all((1, 2)).sum()),
        "joints_triangulated": f"{int(known.sum())} of {known.size}",
        "views_per_joint": round(float(found.views[known].mean()), 2),
        "reprojection_px": {
            "median": round(float(np.nanmedian(error_px)), 1), "max": round(float(np.nanmax(error_px)), 1)
        },
        "per_joint_mm": {n: mm(distance[:, i]) for i, n in enumerate(LIMBS)},
        "per_joint_max_mm": {n: round(1000 * float(np.nanmax(distance[:, i])), 1) for i, n in enumerate(LIMBS)},
        "mean_mm": mm(distance),
        "median_mm": round(1000 * float(np.nanmedian(distance)), 1),
        "mean_without_hips_mm": mm(distance[:, without_hips]),
        "per_frame_mm": {f: mm(d) for f, d in zip(found.frame_ids, distance, strict=True)},
        "worst_frame_mm": round(1000 * float(np.nanmax(per_frame)), 1),
        "worst_joint_mm": round(1000 * float(np.nanmax(distance)), 1),
    }  # fmt: skip


def main(words: list[str]) -> dict:
    given = {"rig": "downloads/pose2sim", "min_views": "3", "table": "0", "npz": ""}
    given |= read_words(words, WORDS)
    found = limb_joints(given["result"], given["keypoints"], Path(given["rig"]), int(given["min_views"]))
    if given["table"] == "1":
        for f, d in zip(found.frame_ids, found.distance, strict=True):
            print(f, *(f"{1000 * v:4.0f}" for v in d), file=sys.stderr)
    if given["npz"]:
        ids, names = np.array(found.frame_ids), np.array(LIMBS)
        np.savez(given["npz"], frame_ids=ids, names=names, points=found.triangulated)
    return {"options": given, **figures(found)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
