"""The pipeline on real footage (rig=pose2sim) without ground truth: consistency of the bodies. JSON out.

    python benchmarks/real_rig.py frames=40:80:10 out=out/real_rig [any option of fit.py] [reference=FILE.npz]
    python benchmarks/real_rig.py frames=0:100:10 judge=out/blazepose generator=DIR generator.steps=0 out=out/real_rig

Printed: status of the frames; residual of each camera (pixels of the full image, and mm); overlap of body and
foreground silhouettes; how constant bone lengths are over frames (each frame has its own shape) and between left and
right; whether the pelvis is in the walking region that the rig's notes state. `reference`: joints triangulated by
other means, as npz with frame_ids (F,), names (J,), points (F, J, 3) metres and NaN where unknown.

`judge`: a folder of BlazePose's keypoints/ and masks/, made once as `blazepose_masks.py` says. Added are then "joints"
(`detector_joints.py`: twelve limb joints against the triangulated ones, mean and worst frame in mm) and "silhouettes"
(IoU of the body's outline and the mask on the cameras of `judge_cameras`, cam02,cam03: on the other two the mask itself
errs). BlazePose is of another family than the encoder of the weights and chooses nothing here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import detector_joints
import numpy as np

from diffproxy.body import load_body
from diffproxy.cameras import load_rig, open_frames
from diffproxy.export import Result, load_result

ROOT = Path(__file__).resolve().parents[1]
BONES = {
    "left_upper_arm": (16, 18), "right_upper_arm": (17, 19), "left_forearm": (18, 20), "right_forearm": (19, 21),
    "left_thigh": (1, 4), "right_thigh": (2, 5), "left_shin": (4, 7), "right_shin": (5, 8),
}  # fmt: skip
JUDGED = (
    *("frames", "joints_triangulated", "reprojection_px", "mean_mm", "median_mm", "worst_frame_mm"),
    *("per_joint_mm", "per_frame_mm"),
)
WALKING_REGION = np.array([[-1.6, -0.4], [-0.7, 0.6], [0.6, 1.3]])  # pelvis, metres: x, y, z


def bone_lengths(result: Result) -> dict[str, dict[str, float]]:
    """Mean (mm) and spread (standard deviation over frames as a share of the mean) of each limb bone."""
    joints = result.joints[result.has_body].astype(np.float64)
    out = {}
    for name, (a, b) in BONES.items():
        length = np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)
        out[name] = {
            "mm": round(1000 * length.mean(), 1),
            "spread": round(float(length.std() / length.mean()), 4),
        }
    return out


def against_reference(result: Result, path: str) -> dict[str, float]:
    """Mean distance (mm) of each joint that both know, over the frames that both have."""
    with np.load(path, allow_pickle=False) as file:
        ids, names, points = file["frame_ids"].tolist(), [str(n) for n in file["names"]], file["points"]
    rows = [(i, ids.index(f)) for i, f in enumerate(result.frame_ids) if f in ids and result.has_body[i]]
    out = {}
    for j, name in enumerate(names):
        if name in result.joint_names and rows:
            ours = np.stack([result.joints[i, result.joint_names.index(name)] for i, _ in rows])
            distance = 1000 * np.linalg.norm(ours - np.stack([points[r, j] for _, r in rows]), axis=-1)
            if np.isfinite(distance).any():
                out[name] = round(float(np.nanmean(distance)), 1)
    return {**out, "mean": round(float(np.mean(list(out.values()))), 1)} if out else {}


def silhouettes(result: Result, rig: Path, masks: Path, names: list[str]) -> dict[str, float]:
    """IoU of the body's silhouette (occluders ignored) and the mask, mean over frames, for each camera and over all."""
    from diffproxy.metrics import foreground_iou
    from diffproxy.proxies import render_depth_mask

    body = load_body(result.meta["body"]["name"])
    frames = open_frames(rig, load_rig(rig), common_frames=True)
    cameras = [c for c in frames.cameras if c.name in names]
    found: dict[str, list[float]] = {c.name: [] for c in cameras}
    for row in np.flatnonzero(result.has_body):
        vertices = body(result.body_params(np.array([row]))).vertices[0].numpy()
        for camera in cameras:
            mask = cv2.imread(
                str(masks / camera.name / f"{result.frame_ids[row]:06d}.png"), cv2.IMREAD_GRAYSCALE
            )
            if mask is not None:
                drawn = render_depth_mask(body, vertices, [camera])[1][0]
                found[camera.name].append(foreground_iou(drawn, mask > 127))
    means = {name: round(float(np.mean(v)), 4) for name, v in found.items() if v}
    return {**means, "mean": round(float(np.mean(list(means.values()))), 4)} if means else {}


def main(words: list[str]) -> dict:
    given = dict(word.split("=", 1) for word in words)
    reference, judge = given.pop("reference", None), given.pop("judge", None)
    judges = given.pop("judge_cameras", "cam02,cam03").split(",")
    given = {"rig": "pose2sim", "frames": "40:80:10", "out": "out/real_rig"} | given
    command = [sys.executable, str(ROOT / "fit.py"), *(f"{k}={v}" for k, v in given.items())]
    subprocess.run(command, check=True, stdout=sys.stderr)
    out = Path(given["out"])
    metrics = json.loads((out / "metrics.json").read_text())
    result = load_result(out / "result.npz")
    report = {
        k: metrics[k] for k in ("frames", "status", "views", "silhouette_iou", "residual_mm", "seconds")
    }
    report["options"] = given
    if result.has_body.any():
        bones = bone_lengths(result)
        sides = [
            abs(bones[f"left_{b}"]["mm"] / bones[f"right_{b}"]["mm"] - 1)
            for b in ("thigh", "shin", "forearm")
        ]
        pelvis = result.joints[result.has_body, 0]
        inside = (pelvis > WALKING_REGION[:, 0]) & (pelvis < WALKING_REGION[:, 1])
        report |= {
            "bones": bones,
            "bone_spread": round(float(np.mean([b["spread"] for b in bones.values()])), 4),
            "left_right_difference": round(float(np.mean(sides)), 4),
            "pelvis_in_walking_region": round(float(inside.all(axis=1).mean()), 3),
        }
        if reference:
            report["reference_mm"] = against_reference(result, reference)
        if judge:
            rig = ROOT / "downloads/pose2sim" if given["rig"] == "pose2sim" else Path(given["rig"])
            asked = {"result": str(out / "result.npz"), "keypoints": f"{judge}/keypoints", "rig": str(rig)}
            joints = detector_joints.main([f"{k}={v}" for k, v in asked.items()])
            report["joints"] = {k: joints[k] for k in JUDGED}
            report["silhouettes"] = silhouettes(result, rig, Path(judge) / "masks", judges)
    return report


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
