"""Training poses of the prior: all usable frames of a folder of motion files, split by clip, with fingers."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from tqdm import tqdm

from diffproxy.body.flip import flip_body_pose, flip_hand_pose
from diffproxy.motion import read_motion
from diffproxy.motion.clip import Motion
from diffproxy.motion.limits import repair_ends, within_limits
from diffproxy.motion.pose_bank.build import TEST_GROUPS
from diffproxy.motion.pose_bank.collect import collect_bodies
from diffproxy.motion.pose_bank.sampler import PoseBank, load_pose_bank
from diffproxy.motion.procedural import POSTURES, procedural
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

SUFFIXES = (".npz", ".bvh", ".txt")
RULED = 300
"""Poses of every kind of posture by rule, in each split."""
HAND_POOL = 4000
TEST_SHARE = 0.1
"""Of the folders of clips (an AMASS subject is a folder), where the folder is not the one the pose bank is made of."""


@dataclass(frozen=True)
class Poses:
    """One split. `body` (N, 63) with sampling weights `weight` (N,), and right hands `hand` (M, 45); radians.

    `paired` (N, 90) are the left and right hands that belong to the bodies, NaN where the source has none.
    """

    body: Float[ndarray, "N 63"]
    weight: Float[ndarray, " N"]
    hand: Float[ndarray, "M 45"]
    paired: Float[ndarray, "N 90"]

    def draw(self, rng: np.random.Generator, count: int) -> Float[ndarray, "count 153"]:
        """Random poses (count, 153) float32: half of the bodies mirrored, with their own or independent hands."""
        rows = np.searchsorted(np.cumsum(self.weight / self.weight.sum()), rng.random(count))
        rows = np.minimum(rows, len(self.body) - 1)
        body = self.body[rows]
        right, left = (self.hand[rng.integers(len(self.hand), size=count)] for _ in range(2))
        hands = np.concatenate([flip_hand_pose(left), right], axis=1)
        own = self.paired[rows]
        hands = np.where(np.isfinite(own), own, hands)
        flip = rng.random(count) < 0.5
        swapped = np.concatenate([flip_hand_pose(hands[:, 45:]), flip_hand_pose(hands[:, :45])], axis=1)
        body = np.where(flip[:, None], flip_body_pose(body), body)
        return np.concatenate([body, np.where(flip[:, None], swapped, hands)], axis=1).astype(np.float32)


def collect(motion: Path, seed: int = 0) -> dict[str, Poses]:
    """Read all motion files of a folder.

    Args:
        motion: The folder.
        seed: Seed of the split.

    Returns:
        "train" and "test"; no clip, and no performer that the folders distinguish, is in both.
    """
    if not motion.is_dir():
        raise InputError("a folder of motion files", f"none at {motion}", "motion=DIR")
    known = any((motion / k).is_dir() for k in ("cmu_mocap", "deepmimic_MIT", "makehuman_poses"))
    clips = _known(motion) if known else _any(motion)
    bank = load_pose_bank()
    out = {}
    for split in ("train", "test"):
        rng = np.random.default_rng([seed, split == "test"])
        chosen = [(m, g) for m, g, test in clips if test == (split == "test")]
        if not chosen:
            raise InputError(
                f"clips to {split} on", f"none of {len(clips)}", "give a folder of several clips"
            )
        out[split] = _poses(chosen, bank, split, rng)
        log.info(
            "%s: %d clips, %d frames, %d hands",
            split,
            len(chosen),
            len(out[split].body),
            len(out[split].hand),
        )
    return out


def _known(motion: Path) -> list[tuple[Motion, str, bool]]:
    """The layout of the pose bank's sources, with the split of the bank."""
    return [(s.motion, s.group, s.group in TEST_GROUPS) for s in collect_bodies(motion)]


def _any(motion: Path) -> list[tuple[Motion, str, bool]]:
    """Any tree of AMASS, SMPL-X or BVH files; files that cannot be read are left out and logged."""
    found = []
    paths = sorted(p for p in motion.rglob("*") if p.suffix.lower() in SUFFIXES)
    for path in tqdm(paths, desc="reading", leave=False):
        try:
            clip = read_motion(path)
        except InputError as error:
            log.warning("left out %s: %s", path.name, error)
            continue
        group = str(path.parent.relative_to(motion))
        group = f"{group}/{path.stem}" if group == "." else group
        found.append((clip, group, _is_test(group)))
    if found and len({test for *_, test in found}) == 1:  # few folders: every tenth clip instead
        found = [(clip, group, i % 10 == 5 % len(found)) for i, (clip, group, _) in enumerate(found)]
    return found


def _is_test(group: str) -> bool:
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) < TEST_SHARE * 2**32


def _poses(clips: list[tuple[Motion, str]], bank: PoseBank, split: str, rng: np.random.Generator) -> Poses:
    bodies, hands, groups = [], [], []
    for clip, group in tqdm(clips, desc="joint limits", leave=False):
        motion = repair_ends(clip[:: max(1, round(clip.fps / 30))])
        good = within_limits(motion.body_pose)
        bodies.append(motion.body_pose[good])
        hands.append(_own_hands(motion, good))
        groups += [group] * int(good.sum())
    body = np.concatenate(bodies)
    if not len(body):
        raise InputError(
            "frames within joint limits", f"none of {len(clips)} clips", "check the motion files"
        )
    ruled = np.concatenate([m.body_pose for m in procedural(rng, RULED, body)])
    names, index, counts = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    weight = counts[index.reshape(-1)] ** -0.5  # a performer of n frames counts like sqrt(n)
    share = 0.1 * weight.sum() / len(ruled)
    log.info("%s: %d groups, %d postures by rule", split, len(names), len(POSTURES))
    none = np.full((len(ruled), 90), np.nan)
    pool = np.stack([bank._right_hand(rng, split) for _ in range(HAND_POOL)])
    return Poses(
        np.concatenate([body, ruled]),
        np.concatenate([weight, np.full(len(ruled), share)]),
        pool,
        np.concatenate([*hands, none]),
    )


def _own_hands(motion: Motion, good: Bool[ndarray, " F"]) -> Float[ndarray, "K 90"]:
    """The fingers of the clip, if it has any that move."""
    sides = (motion.left_hand_pose, motion.right_hand_pose)
    if any(s is None or not s.std(axis=0).any() for s in sides):
        return np.full((int(good.sum()), 90), np.nan)
    return np.concatenate([s[good] for s in sides if s is not None], axis=1)
