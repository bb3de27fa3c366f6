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
from pathlib import Path

import numpy as np
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


def main(words: list[str]) -> dict:
    given = {"rig": "downloads/pose2sim", "min_views": "3", "table": "0", "npz": ""}
    given |= read_words(words, WORDS)
    result = load_result(given["result"])
    root = Path(given["rig"])
    frames = open_frames(root, load_rig(root), common_frames=True)
    cameras = frames.raw_cameras
    detected = open_keypoints(given["keypoints"], cameras)
    rows = [NAMES.index(n) for n in LIMBS]
    theirs, ours, pixels, views = [], [], [], []
    columns = [result.joint_names.index(n) for n in LIMBS]
    ids = [f for f in result.frame_ids.tolist() if f in detected.frame_ids]
    if not ids:
        raise InputError(
            "keypoints of the fitted frames", f"none of {result.frame_ids.tolist()}", "detect those frames"
        )
    for f in ids:
        joints = result.joints[result.frame_ids.tolist().index(f)].astype(np.float64)
        near = joints[0] if np.isfinite(joints).all() else None
        found = triangulate_people(detected.frame(f, cameras), cameras, near, int(given["min_views"]))
        theirs.append(found.points[rows])
        pixels.append(found.error_px[rows])
        views.append(found.views[:, rows].sum(0))
        ours.append(joints[columns])
    theirs, ours = np.stack(theirs), np.stack(ours)
    distance = np.linalg.norm(ours - theirs, axis=-1)
    per_frame = np.array([np.nanmean(d) if np.isfinite(d).any() else np.nan for d in distance])
    seen = np.isfinite(theirs).all(-1)
    error_px = np.stack(pixels)
    if given["table"] == "1":
        for f, d in zip(ids, distance, strict=True):
            print(f, *(f"{1000 * v:4.0f}" for v in d), file=sys.stderr)
    if given["npz"]:
        np.savez(given["npz"], frame_ids=np.array(ids), names=np.array(LIMBS), points=theirs)
    limb = [i for i, n in enumerate(LIMBS) if "hip" not in n]
    return {
        "options": given,
        "frames": len(ids),
        "frames_with_body": int(np.isfinite(ours).all((1, 2)).sum()),
        "joints_triangulated": f"{int(seen.sum())} of {seen.size}",
        "views_per_joint": round(float(np.stack(views)[seen].mean()), 2),
        "reprojection_px": {
            "median": round(float(np.nanmedian(error_px)), 1), "max": round(float(np.nanmax(error_px)), 1)
        },
        "per_joint_mm": {n: mm(distance[:, i]) for i, n in enumerate(LIMBS)},
        "per_joint_max_mm": {n: round(1000 * float(np.nanmax(distance[:, i])), 1) for i, n in enumerate(LIMBS)},
        "mean_mm": mm(distance),
        "median_mm": round(1000 * float(np.nanmedian(distance)), 1),
        "mean_without_hips_mm": mm(distance[:, limb]),
        "per_frame_mm": {f: mm(d) for f, d in zip(ids, distance, strict=True)},
        "worst_frame_mm": round(1000 * float(np.nanmax(per_frame)), 1),
        "worst_joint_mm": round(1000 * float(np.nanmax(distance)), 1),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
