"""Find and read the free motion data of the packaged bank."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from tqdm import tqdm

from diffproxy.motion.clip import Motion
from diffproxy.motion.hand_directions import FINGERS
from diffproxy.motion.readers.bvh import read_bvh
from diffproxy.motion.readers.deepmimic import read_deepmimic
from diffproxy.motion.readers.hands import read_godot_hands, read_handy_work, read_handyjs
from diffproxy.motion.readers.skeleton import read_expmap117, read_skeleton_npz
from diffproxy.motion.rest_pose import find_rest
from diffproxy.motion.retarget import retarget
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

CMU = "CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu)"
DEEPMIMIC = "DeepMimic reference motions (MIT)"
MAKEHUMAN = "MakeHuman poses (CC0)"


@dataclass(frozen=True)
class Source:
    """A retargeted clip, its database, and its group, which is never split between train and test."""

    motion: Motion
    database: str
    group: str


def collect_bodies(folder: Path) -> Iterator[Source]:
    """Every body clip under the motion folder: `cmu_mocap`, `deepmimic_MIT`, `makehuman_poses`."""
    paths = sorted((folder / "cmu_mocap").glob("cmu_[0-9]*.npz"))
    clips = [read_skeleton_npz(p) for p in tqdm(paths, desc="reading", leave=False)]
    rests = {}
    for clip in clips:  # one rest pose for all clips of one rig: not every clip begins with a T-pose
        rig = tuple(clip.names)
        if rig not in rests and rig[0].startswith("CC_"):
            rests[rig] = find_rest([c for c in clips if c.names == rig])
    for clip in tqdm(clips, desc="retargeting", leave=False):
        subject = re.findall(r"\d+", clip.source)[0]
        try:
            motion = retarget(clip, rests.get(tuple(clip.names)))
        except InputError as error:
            log.warning("left out: %s", error)
            continue
        yield Source(motion, CMU, f"cmu_{subject}")
    for path in sorted((folder / "cmu_mocap").glob("*expmap117*.npz")):
        for clip in read_expmap117(path):
            action = clip.source.split("/")[1:][:2][-1]  # expmap/SPLIT/ACTION/CLIP, or a name of another form
            yield Source(retarget(clip), CMU, f"cmu_{action}")
    for path in sorted((folder / "deepmimic_MIT").glob("*.txt")):
        yield Source(retarget(read_deepmimic(path)), DEEPMIMIC, path.stem)
    figures = {p.stem: read_bvh(p) for p in sorted((folder / "makehuman_poses").glob("*.bvh"))}
    for name, clip in figures.items():
        yield Source(retarget(clip, figures.get("tpose")), MAKEHUMAN, f"makehuman_{name}")


def collect_hands(folder: Path) -> list[tuple[str, np.ndarray]]:
    """Every right-hand pose (name, (45,)) under `hand_poses`, those beyond finger limits left out."""
    hands = folder / "hand_poses"
    readers = (
        ("godot_xr_tools", read_godot_hands, hands / "godot_xr_tools_hand_poses_CC0.json"),
        ("handyjs", read_handyjs, hands / "handyjs_poses_MIT.json"),
        ("handy_work", read_handy_work, hands / "handy-work_MIT"),
    )
    found = [
        (f"{n}/{k}", pose) for n, read, path in readers if path.exists() for k, pose in read(path).items()
    ]
    if not found:
        raise InputError("hand poses under hand_poses/", f"none in {hands}", "give the motion folder")
    return [(name, pose) for name, pose in found if _plausible(pose)]


def _plausible(pose: np.ndarray) -> bool:
    """Fingers flex at most 120 degrees per joint, and only knuckles and thumb move sideways."""
    joints = np.degrees(pose.reshape(len(FINGERS), 3, 3))
    return bool((np.linalg.norm(joints, axis=-1) < 120).all())


def farthest_points(features: Float[ndarray, "N D"], count: int, start: int = 0) -> Int[ndarray, " K"]:
    """Greedy k-centre: indices of `count` rows, each as far as possible from those before it (Euclidean)."""
    count = min(count, len(features))
    data = features.astype(np.float32)
    square = (data**2).sum(axis=1)
    nearest = np.full(len(data), np.inf, np.float32)
    chosen = np.empty(count, np.int64)
    current = start
    for k in tqdm(range(count), desc="choosing poses", disable=count < 1000, leave=False):
        chosen[k] = current
        nearest = np.minimum(nearest, square + square[current] - 2 * (data @ data[current]))
        nearest[current] = -1.0
        current = int(np.argmax(nearest))
    return chosen


def diverse(
    features: Float[ndarray, "N D"], count: int, rng: np.random.Generator, spread: float = 0.7
) -> Int[ndarray, " K"]:
    """`count` distinct rows, sorted: the share `spread` by farthest points, the rest at random, as often as they occur.

    Farthest points alone would all but forget standing and walking.
    """
    if count >= len(features):
        return np.arange(len(features))
    far = farthest_points(features, int(count * spread))
    rest = np.setdiff1d(np.arange(len(features)), far)
    return np.sort(np.concatenate([far, rng.choice(rest, count - len(far), replace=False)]))
