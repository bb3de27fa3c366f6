"""`PoseBank`: realistic SMPL-X poses for synthetic people and for the pose prior of the fitter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from diffproxy.body.flip import flip_body_pose, flip_hand_pose, flip_rotvec
from diffproxy.geometry.rotations import axis_rotation, to_matrix, to_rotvec
from diffproxy.motion.clip import load_arrays
from diffproxy.motion.hand_synergy import sample_fingers
from diffproxy.motion.pose_bank.file import radians
from diffproxy.utils.errors import InputError

BANK_FILE = Path(__file__).with_name("pose_bank.npz")
THUMB = 36  # index of the thumb in the 45 hand values


@dataclass(frozen=True)
class PoseBank:
    """N body poses and M hand poses (axis-angle, radians; hands relative to the flat hand), split by clip.

    `global_orient` has the tilt of the clip against gravity in a y-up world; its heading is arbitrary.
    `left_hand_pose[i]` is the mirror image of `right_hand_pose[i]`.
    """

    body_pose: Float[ndarray, "N 63"]
    global_orient: Float[ndarray, "N 3"]
    test: Bool[ndarray, " N"]
    clip_id: Int[ndarray, " N"]
    clip_names: tuple[str, ...]
    clip_groups: tuple[str, ...]
    sources: tuple[str, ...]
    right_hand_pose: Float[ndarray, "M 45"]
    left_hand_pose: Float[ndarray, "M 45"]
    hand_test: Bool[ndarray, " M"]
    hand_names: tuple[str, ...]
    moments: dict[str, ndarray]

    def rows(self, split: str) -> Int[ndarray, " K"]:
        """Indices of the body poses of a split."""
        return np.flatnonzero(self.test == _is_test(split))

    def hand_rows(self, split: str) -> Int[ndarray, " K"]:
        """Indices of the hand poses of a split."""
        return np.flatnonzero(self.hand_test == _is_test(split))

    def sample(self, rng: np.random.Generator, split: str = "train") -> dict[str, Float[ndarray, " D"]]:
        """Draw one pose: a body of the bank or its mirror image, a random heading about +y, two independent hands.

        Args:
            rng: Source of the random numbers; the result depends on nothing else.
            split: "train" or "test".

        Returns:
            float32 global_orient (3,), body_pose (63,), left_hand_pose (45,), right_hand_pose (45,), radians.
        """
        row = rng.choice(self.rows(split))
        body, orient = self.body_pose[row], self.global_orient[row]
        if rng.random() < 0.5:
            body, orient = flip_body_pose(body), flip_rotvec(orient)
        heading = axis_rotation(1, rng.uniform(-np.pi, np.pi))
        pose = {
            "global_orient": to_rotvec(heading @ to_matrix(orient)),
            "body_pose": body,
            "left_hand_pose": flip_hand_pose(self._right_hand(rng, split)),
            "right_hand_pose": self._right_hand(rng, split),
        }
        return {name: value.astype(np.float32) for name, value in pose.items()}

    def gaussian(self) -> dict[str, Float[ndarray, "..."]]:
        """Moments over the train poses and their mirror images, for a prior.

        Returns:
            body_mean (63,), body_cov (63, 63), and hand_mean (45,), hand_cov (45, 45) of the RIGHT hand; mirror
                them for the
            left hand.
        """
        return {k: v.copy() for k, v in self.moments.items()}

    def _right_hand(self, rng: np.random.Generator, split: str) -> Float[ndarray, "45"]:
        """A hand of the bank, a blend of two, or fingers from synergies with a fitting thumb: a third each."""
        rows, kind = self.hand_rows(split), rng.integers(3)
        a, b = self.right_hand_pose[rng.choice(rows)], self.right_hand_pose[rng.choice(rows)]
        if kind == 0:
            return a
        if kind == 1:
            return a + rng.uniform() * (b - a)
        hand = sample_fingers(rng).astype(np.float32)
        # the thumb of a hand with similar fingers, so that it does not intersect them
        distance = np.linalg.norm(self.right_hand_pose[rows, :THUMB] - hand[:THUMB], axis=1)
        hand[THUMB:] = self.right_hand_pose[rng.choice(rows[np.argsort(distance)[:5]]), THUMB:]
        return hand


def load_pose_bank(path: Path | str | None = None) -> PoseBank:
    """Read a pose bank.

    Args:
        path: File of `python -m diffproxy.motion build_bank`; None: the packaged one.

    Returns:
        The bank.

    Raises:
        InputError: a missing or damaged file.
    """
    path = Path(path) if path is not None else BANK_FILE
    data = load_arrays(path)
    lost = _KEYS.keys() - data.keys()
    if lost:
        raise InputError("a pose bank", f"{path} without {sorted(lost)}", "build it again (docs/poses.md)")
    wrong = {k: data[k].shape for k, tail in _KEYS.items() if tail is not None and data[k].shape[1:] != tail}
    sizes = {len(data[k]) for k in ("body_pose", "global_orient", "test", "clip_id")}
    hand_sizes = {len(data[k]) for k in ("right_hand_pose", "hand_test", "hand_names")}
    if (
        wrong
        or len(sizes) > 1
        or len(hand_sizes) > 1
        or data["clip_id"].max(initial=-1) >= len(data["clip_names"])
    ):
        raise InputError(
            "arrays of matching shapes", f"{path}: {wrong or sizes}", "build it again (docs/poses.md)"
        )
    if data["body_pose"].dtype != np.int16 or any(not np.isfinite(data[k]).all() for k in _MOMENTS):
        raise InputError(
            "16-bit poses and finite moments", f"{path}: {data['body_pose'].dtype}", "build it again"
        )
    right = radians(data["right_hand_pose"])
    return PoseBank(
        radians(data["body_pose"]),
        radians(data["global_orient"]),
        data["test"].astype(bool),
        data["clip_id"].astype(np.int64),
        _strings(data["clip_names"]),
        _strings(data["clip_groups"]),
        _strings(data["sources"]),
        right,
        flip_hand_pose(right),
        data["hand_test"].astype(bool),
        _strings(data["hand_names"]),
        {k: data[k] for k in _MOMENTS},
    )


_MOMENTS = ("body_mean", "body_cov", "hand_mean", "hand_cov")
_KEYS: dict[str, tuple[int, ...] | None] = {
    "body_pose": (63,), "global_orient": (3,), "test": (), "clip_id": (), "clip_names": (), "clip_groups": (),
    "sources": (), "right_hand_pose": (45,), "hand_test": (), "hand_names": (), "body_mean": (),
    "body_cov": (63,), "hand_mean": (), "hand_cov": (45,),
}  # fmt: skip


def _strings(array: ndarray) -> tuple[str, ...]:
    return tuple(str(v) for v in array)


def _is_test(split: str) -> bool:
    if split not in ("train", "test"):
        raise InputError("split 'train' or 'test'", repr(split), "name one of them")
    return split == "test"
