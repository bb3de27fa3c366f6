"""Build the packaged pose bank from a folder of free motion data."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from tqdm import tqdm

from diffproxy.motion.limits import repair_ends, within_limits
from diffproxy.motion.pose_bank.collect import Source, collect_bodies, collect_hands, diverse
from diffproxy.motion.pose_bank.file import quantise, summary
from diffproxy.motion.procedural import POSTURES, procedural
from diffproxy.motion.retarget import smplx_joints
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_npz

log = logging.getLogger(__name__)

# Held out completely: a subject, actions of other subjects, single clips; chosen to cover slow and fast movement.
TEST_GROUPS = frozenset(
    {
        "cmu_02", "cmu_12", "cmu_washwindow", "cmu_soccer", "cmu_directing_traffic", "humanoid3d_spinkick",
        "humanoid3d_roll", "humanoid3d_walk", "humanoid3d_getup_faceup", "makehuman_fight02",
        "makehuman_standing05", "makehuman_sit01",
    }
)  # fmt: skip
TEST_HANDS_EVERY = 5
RULES = "Sitting, kneeling, squatting and lying by rule (this project)"
RULED_SHARE = 0.09  # of the bodies of a split
GROUP_SHARE = 0.2  # maximum share of a split from one subject: otherwise a single climber would be a third


@dataclass(frozen=True)
class _Frames:
    """Usable frames of all clips: poses, their clip, and features whose distance measures how different they are."""

    body: Float[ndarray, "N 63"]
    orient: Float[ndarray, "N 3"]
    clip: Int[ndarray, " N"]
    features: Float[ndarray, "N D"]
    read: int


def build_bank(motion: Path, out: Path, train: int = 6000, test: int = 800, seed: int = 0) -> dict[str, int]:
    """Build the pose bank: read, repair, filter and thin motion files.

    Args:
        motion: Folder of the motion data (see pose_bank.md).
        out: File to write; the same input gives the same bytes.
        train: Number of training poses.
        test: Number of test poses, from other clips.
        seed: Seed of the selection.

    Returns:
        Counts of read, rejected and kept poses.
    """
    if not motion.is_dir():
        raise InputError(
            "a folder of motion data", f"none at {motion}", "motion=DIR, laid out as in docs/poses.md"
        )
    rng = np.random.default_rng(seed)
    sources = list(collect_bodies(motion))
    if not sources:
        raise InputError(
            "clips under cmu_mocap/, deepmimic_MIT/, makehuman_poses/",
            f"none in {motion}",
            "get one of them: docs/poses.md",
        )
    frames = _usable_frames(sources)
    groups = np.array([s.group for s in sources])
    bodies: list[ndarray] = []
    orients: list[ndarray] = []
    names: list[tuple[str, str, str]] = []
    is_test: list[bool] = []
    for split, count in (("train", train), ("test", test)):
        each = round(count * RULED_SHARE / len(POSTURES))
        rows = np.flatnonzero(np.isin(groups, list(TEST_GROUPS))[frames.clip] == (split == "test"))
        rows = _thin(frames, rows, groups[frames.clip], count - each * len(POSTURES), rng)
        ruled = procedural(rng, each, frames.body[rows]) if each and len(rows) else []
        bodies += [frames.body[rows], *(m.body_pose for m in ruled)]
        orients += [frames.orient[rows], *(m.global_orient for m in ruled)]
        names += [
            (sources[i].motion.source, sources[i].group, sources[i].database) for i in frames.clip[rows]
        ]
        names += [(f"{m.source}/{split}", f"{m.source}/{split}", RULES) for m in ruled for _ in range(each)]
        is_test += [split == "test"] * (len(names) - len(is_test))
    hands = collect_hands(motion)
    arrays = _arrays(np.concatenate(bodies), np.concatenate(orients), np.array(is_test), names, hands)
    write_npz(out, arrays)
    counts = {"read": frames.read, "usable": len(frames.body), "bodies": len(is_test), "hands": len(hands)}
    log.info("wrote %s: %s", out, json.dumps(counts))
    return counts


def _arrays(
    body: Float[ndarray, "N 63"],
    orient: Float[ndarray, "N 3"],
    is_test: ndarray,
    names: list[tuple[str, str, str]],
    hands: list[tuple[str, ndarray]],
) -> dict[str, ndarray]:
    clips, clip_id = np.unique(np.array(names), axis=0, return_inverse=True)
    hand_test = np.arange(len(hands)) % TEST_HANDS_EVERY == 2
    right = np.stack([pose for _, pose in hands])
    return {
        "version": np.array(1),
        "body_pose": quantise(body),
        "global_orient": quantise(orient),
        "test": is_test,
        "clip_id": clip_id.reshape(-1).astype(np.int16),
        "clip_names": clips[:, 0],
        "clip_groups": clips[:, 1],
        "sources": np.unique(clips[:, 2]),
        "right_hand_pose": quantise(right),
        "hand_test": hand_test,
        "hand_names": np.array([name for name, _ in hands]),
        **summary(body[~is_test], right[~hand_test]),
    }


def _thin(
    frames: _Frames, rows: Int[ndarray, " K"], group: ndarray, count: int, rng: np.random.Generator
) -> Int[ndarray, " L"]:
    """Diverse rows; no group exceeds its share while other groups can supply rows."""
    room = max(count // 50, round(GROUP_SHARE * count))
    parts = [rows[group[rows] == g] for g in np.unique(group[rows])]
    thinned = [p[diverse(frames.features[p], room, rng)] for p in parts]
    rows = np.sort(np.concatenate(thinned)) if sum(map(len, thinned)) >= count else rows
    return rows[diverse(frames.features[rows], count, rng)]


def _usable_frames(sources: list[Source]) -> _Frames:
    bodies, orients, clips, features, read = [], [], [], [], 0
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
        bodies.append(motion.body_pose[good])
        orients.append(motion.global_orient[good])
        clips.append(np.full(good.sum(), number))
        features.append(np.concatenate([local.reshape(len(local), -1), up], axis=1))
    body, orient, clip, feature = (np.concatenate(a) for a in (bodies, orients, clips, features))
    return _Frames(body, orient, clip, feature, read)
