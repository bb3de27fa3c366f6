"""Build the packaged pose bank from a folder of free motion data."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ..poses import QUANTUM
from .collect import Source, collect_bodies, collect_hands
from .limits import repair_ends, within_limits
from .mirror import mirror_body
from .retarget import smplx_joints
from .select import diverse

log = logging.getLogger(__name__)

# Held out whole: a subject, actions of other subjects, single clips; chosen to span calm and wild movement.
TEST_GROUPS = frozenset(
    {
        "cmu_02", "cmu_12", "cmu_washwindow", "cmu_soccer", "cmu_directing_traffic", "humanoid3d_spinkick",
        "humanoid3d_roll", "humanoid3d_walk", "humanoid3d_getup_faceup", "makehuman_fight02",
        "makehuman_standing05", "makehuman_sit01",
    }
)  # fmt: skip
TEST_HANDS_EVERY = 5
FLOOR = np.radians(3.0)  # standard deviation added to every direction of the summary


def build_bank(motion: Path, out: Path, train: int = 6000, test: int = 800, seed: int = 0) -> dict[str, int]:
    """Read, reject, thin and write the bank; returns counts. The same inputs give the same file, byte for byte."""
    if not motion.is_dir():
        raise InputError(
            "a folder of motion data",
            f"none at {motion}",
            "python -m diffproxy.data.motion build_bank motion=DIR",
        )
    rng = np.random.default_rng(seed)
    sources = list(collect_bodies(motion))
    if not sources:
        raise InputError(
            "clips under cmu_mocap/, deepmimic_MIT/, makehuman_poses/", f"none in {motion}", "check it"
        )
    poses, orients, clip_of, features, read = _good_frames(sources)
    is_test = np.array([s.group in TEST_GROUPS for s in sources])
    picked = []
    for split, count in ((False, train), (True, test)):
        rows = np.flatnonzero(is_test[clip_of] == split)
        picked.append(rows[diverse(features[rows], count, rng)])
    keep = np.concatenate(picked)
    hands = collect_hands(motion)
    hand_test = np.arange(len(hands)) % TEST_HANDS_EVERY == 2
    right = np.stack([pose for _, pose in hands])
    used, clip_id = np.unique(clip_of[keep], return_inverse=True)
    arrays = {
        "version": np.array(1),
        "body_pose": quantise(poses[keep]),
        "global_orient": quantise(orients[keep]),
        "test": is_test[clip_of[keep]],
        "clip_id": clip_id.astype(np.int16),
        "clip_names": np.array([sources[i].motion.source for i in used]),
        "clip_groups": np.array([sources[i].group for i in used]),
        "sources": np.array(sorted({sources[i].database for i in used})),
        "right_hand_pose": quantise(right),
        "hand_test": hand_test,
        "hand_names": np.array([name for name, _ in hands]),
        **summary(poses[keep[: len(picked[0])]], right[~hand_test]),
    }
    write_npz(arrays, out)
    counts = {
        "read": read,
        "kept": len(poses),
        "train": len(picked[0]),
        "test": len(picked[1]),
        "hands": len(hands),
    }
    log.info("wrote %s: %s", out, json.dumps(counts))
    return counts


def quantise(rotvec: np.ndarray) -> np.ndarray:
    """Radians in [-pi, pi] to 16-bit integers of `QUANTUM`."""
    return np.rint(np.clip(rotvec, -np.pi, np.pi) / QUANTUM).astype(np.int16)


def summary(body: np.ndarray, right_hand: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and covariance of body poses with their mirror images, and of right-hand poses.

    `FLOOR` squared is added to every variance: head and neck, or finger hinges, would otherwise make it singular.
    """
    moments = {}
    for name, poses in (("body", np.concatenate([body, mirror_body(body)])), ("hand", right_hand)):
        moments[f"{name}_mean"] = poses.mean(axis=0).astype(np.float32)
        moments[f"{name}_cov"] = (np.cov(poses.T) + FLOOR**2 * np.eye(poses.shape[1])).astype(np.float32)
    return moments


def _good_frames(sources: list[Source]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Frames within joint limits of all clips: body pose, global orientation, clip number, features; frames read."""
    poses, orients, clips, features, read = [], [], [], [], 0
    for number, source in enumerate(tqdm(sources, desc="joint limits", leave=False)):
        motion = repair_ends(source.motion[:: max(1, round(source.motion.fps / 30))])
        read += len(motion)
        good = within_limits(motion.body_pose)
        if not good.any():
            log.warning("%s: no frame within joint limits", motion.source)
            continue
        rotations, positions = smplx_joints(motion)
        pelvis = rotations[good, 0]
        local = np.einsum("fij,fki->fkj", pelvis, positions[good, 1:] - positions[good, :1])
        up = 0.3 * pelvis[:, 1, :]  # gravity in the pelvis frame: lying and standing are different poses
        poses.append(motion.body_pose[good])
        orients.append(motion.global_orient[good])
        clips.append(np.full(good.sum(), number))
        features.append(np.concatenate([local.reshape(len(local), -1), up], axis=1))
    return (
        np.concatenate(poses),
        np.concatenate(orients),
        np.concatenate(clips),
        np.concatenate(features),
        read,
    )


def write_npz(arrays: dict[str, np.ndarray], out: Path) -> None:
    """Compressed npz under a temporary name, then renamed; the time stamps inside are fixed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".tmp")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED)
    part.replace(out)
