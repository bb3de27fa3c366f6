"""Poses from the packaged bank, mixtures of its poses, procedural poses and the user's motion files."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from diffproxy.body.flip import flip_body_pose, flip_hand_pose, flip_rotvec
from diffproxy.geometry.rotations import axis_rotation, to_matrix, to_rotvec
from diffproxy.motion import Motion, read_motion
from diffproxy.motion.limits import repair_ends, within_limits
from diffproxy.motion.pose_bank.sampler import PoseBank, load_pose_bank
from diffproxy.motion.skeleton import REST_OFFSETS, joint_index
from diffproxy.utils.errors import InputError
from render_synth.humans.poses.postures import balance

log = logging.getLogger(__name__)
KINDS = (".npz", ".bvh")
TRIES = 20  # files, until one has a frame within human limits
LIMBS = {
    side: [joint_index(f"{side}_{n}") - 1 for n in ("collar", "shoulder", "elbow", "wrist")]
    for side in ("left", "right")
}
HEAD = [joint_index(n) - 1 for n in ("neck", "head")]
Pose = dict[str, np.ndarray]
SOURCES = ("bank", "mixed", "raised", "balance", "motion")
WITHOUT, WITH_FILES = (0.58, 0.18, 0.14, 0.1, 0.0), (0.42, 0.11, 0.11, 0.08, 0.28)


@dataclass(frozen=True)
class PoseSource:
    """Poses of a bank and, where `files` are given, of motion files; a draw depends on the generator alone."""

    bank: PoseBank
    files: tuple[str, ...]
    action_pose_fraction: float  # share of draws that raise arms or balance, before the table above applies
    random_orientation_fraction: float  # share of draws whose whole body gets a random rotation

    def sample(self, rng: np.random.Generator, split: str = "train") -> tuple[Pose, str]:
        """A pose (fields as of `PoseBank.sample`) and its source: one of `SOURCES`, or "motion/<file>"."""
        pose, kind = self._as_held(rng, split)
        if (
            self.random_orientation_fraction and rng.random() < self.random_orientation_fraction
        ):  # no draw without it: samples stay as they were
            # Uniform over all rotations; a turn of the body as a whole keeps it within its limits.
            pose |= {"global_orient": Rotation.random(random_state=rng).as_rotvec().astype(np.float32)}
        return pose, kind

    def _as_held(self, rng: np.random.Generator, split: str) -> tuple[Pose, str]:
        """A pose as the sources hold it."""
        if (
            self.action_pose_fraction and rng.random() < self.action_pose_fraction
        ):  # no draw without it: samples stay as they were
            kind = str(rng.choice(("raised", "balance")))
        else:
            kind = str(rng.choice(SOURCES, p=WITH_FILES if self.files else WITHOUT))
        if kind == "motion":
            return self._from_motion(rng, split)
        pose = self.bank.sample(rng, split=split)
        if kind == "mixed":
            pose = self._mix(rng, pose, split)
        elif kind == "raised":
            pose = self._raise(rng, pose, split)
        elif kind == "balance":
            body, lean = balance(rng)
            orient = to_rotvec(to_matrix(pose["global_orient"]) @ lean)
            pose |= {"body_pose": body.astype(np.float32), "global_orient": orient.astype(np.float32)}
        return pose, kind

    def _mix(self, rng: np.random.Generator, pose: Pose, split: str) -> Pose:
        """Arms and head of other poses: each joint stays within its range in the bank."""
        body = pose["body_pose"].reshape(21, 3).copy()
        for joints in (*LIMBS.values(), HEAD):
            if rng.random() < 0.6:
                body[joints] = self.bank.sample(rng, split=split)["body_pose"].reshape(21, 3)[joints]
        return pose | {"body_pose": body.reshape(63)}

    def _raise(self, rng: np.random.Generator, pose: Pose, split: str) -> Pose:
        """One arm or both with the hand above the shoulder, as in other poses: motion capture has few of them."""
        body = pose["body_pose"].reshape(21, 3).copy()
        sides = list(LIMBS) if rng.random() < 0.5 else [str(rng.choice(list(LIMBS)))]
        for side in sides:
            for _ in range(100):  # about one arm in six
                arm = self.bank.sample(rng, split=split)["body_pose"].reshape(21, 3)[LIMBS[side]]
                if hand_height(arm, side) > 0:
                    body[LIMBS[side]] = arm
                    break
        return pose | {"body_pose": body.reshape(63)}

    def _human_motion(self, rng: np.random.Generator) -> tuple[str, Motion]:
        """A file, and its frames within human limits; InputError where many files have none."""
        for _ in range(TRIES):
            file = self.files[int(rng.integers(len(self.files)))]
            motion = _usable(file)
            if motion is not None:
                return file, motion
        found = f"no such frame in {file} and the others that were tried"
        raise InputError("motion within human limits", found, "give another folder")

    def _from_motion(self, rng: np.random.Generator, split: str) -> tuple[Pose, str]:
        """A frame of any file, or its mirror image, at any heading; hands of the file if it has moving ones."""
        file, motion = self._human_motion(rng)
        i, mirrored = int(rng.integers(len(motion))), rng.random() < 0.5
        body, orient = motion.body_pose[i], motion.global_orient[i]
        drawn = self.bank.sample(rng, split=split)
        hands = {k: drawn[k] for k in ("left_hand_pose", "right_hand_pose")}
        if motion.left_hand_pose is not None and motion.right_hand_pose is not None:
            own = (motion.left_hand_pose[i], motion.right_hand_pose[i])
            if max(np.abs(own[0]).max(), np.abs(own[1]).max()) > 0.05:  # else the file's hands are only flat
                own = (flip_hand_pose(own[1]), flip_hand_pose(own[0])) if mirrored else own
                hands = dict(zip(hands, own, strict=True))
        if mirrored:
            body, orient = flip_body_pose(body), flip_rotvec(orient)
        heading = axis_rotation(1, rng.uniform(-np.pi, np.pi))
        pose = {"global_orient": to_rotvec(heading @ to_matrix(orient)), "body_pose": body, **hands}
        return {k: np.asarray(v, np.float32) for k, v in pose.items()}, f"motion/{Path(file).name}"


def hand_height(arm: np.ndarray, side: str) -> float:
    """Metres that the wrist is above the shoulder, along the chest."""
    return float(wrist_from_shoulder(arm, side)[1])


def wrist_from_shoulder(arm: np.ndarray, side: str) -> np.ndarray:
    """Metres from shoulder to wrist in the chest's axes (x left, y up); arm (4, 3): the rotations of `LIMBS[side]`."""
    collar, shoulder, elbow = to_matrix(arm[:3])
    upper, fore = (REST_OFFSETS[joint_index(f"{side}_{n}")] for n in ("elbow", "wrist"))
    return collar @ shoulder @ (upper + elbow @ fore)


def load_pose_source(
    folder: str = "", action_pose_fraction: float = 0.0, random_orientation_fraction: float = 0.0
) -> PoseSource:
    """The packaged bank and the motion files under a folder, at any depth. InputError if there are none."""
    return PoseSource(
        load_pose_bank(), motion_files(folder), action_pose_fraction, random_orientation_fraction
    )


def motion_files(folder: str) -> tuple[str, ...]:
    """Paths of all npz and BVH files under `folder`, sorted; none for an empty name."""
    if not folder:
        return ()
    root = Path(folder)
    found = sorted(str(p) for p in root.rglob("*") if p.suffix.lower() in KINDS and p.is_file())
    # AMASS keeps the body shape of each subject beside the motion
    found = [
        p for p in found if Path(p).stem not in ("shape", "neutral_stagei", "male_stagei", "female_stagei")
    ]
    if not found:
        raise InputError(
            "motion: a folder with .npz (AMASS, SMPL-X) or .bvh files",
            f"none in {folder}",
            "give another folder",
        )
    return tuple(found)


@lru_cache(maxsize=64)
def _usable(file: str) -> Motion | None:
    """The frames of a file that are within human limits, ten a second; None without any. InputError names the file."""
    try:
        motion = read_motion(file)
    except InputError as error:
        if file in str(error):
            raise
        fix = f"{error.fix}; or take the file out of the folder"
        raise InputError(error.expected, f"{error.found} in {file}", fix) from error
    motion = repair_ends(motion[:: max(1, round(motion.fps / 10))])
    good = np.flatnonzero(within_limits(motion.body_pose))
    if not len(good):
        log.warning("%s: no frame is within human limits; other files are drawn in its place", file)
        return None
    return _rows(motion, good)


def _rows(motion: Motion, rows: np.ndarray) -> Motion:
    hands = {
        k: getattr(motion, k)[rows]
        for k in ("left_hand_pose", "right_hand_pose")
        if getattr(motion, k) is not None
    }
    cut = {k: getattr(motion, k)[rows] for k in ("global_orient", "body_pose", "transl")}
    return replace(motion, **cut, **hands)
