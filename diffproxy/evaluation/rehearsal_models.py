"""The stand-in body in the file formats of SMPL, SMPL-H and SMPL-X."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffproxy.body.files import read_arrays
from diffproxy.body.model import PACKAGED
from diffproxy.body.smpl_family import REQUIRED
from diffproxy.evaluation.rehearsal_take import Take


def write_models(folder: Path, takes: Sequence[Take]) -> None:
    """The stand-in as SMPL, SMPL-H and SMPL-X files; hand components that hold the takes' hands exactly."""
    arrays = read_arrays(PACKAGED["anny"], REQUIRED)
    hands: dict[str, np.ndarray] = {}
    for side, of in (("l", slice(75, 120)), ("r", slice(120, 165))):
        mean = np.full(45, 0.05)
        poses = np.stack([t.full_pose[of] - mean for t in takes])
        fill = np.random.default_rng(0).normal(size=(45, 45))
        hands[f"hands_mean{side}"] = mean
        hands[f"hands_components{side}"] = np.linalg.qr(np.concatenate([poses, fill])[:45].T)[0].T
    for kind, keep in (
        ("smplx", [*range(55)]),
        ("smplh", [*range(22), *range(25, 55)]),
        ("smpl", [*range(24)]),
    ):
        file = dict(arrays) | hands
        if kind != "smplx":
            file |= fewer_joints(arrays, keep)
        for gender in ("FEMALE", "NEUTRAL"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            np.savez(folder / kind / f"{kind.upper()}_{gender}.npz", **file)  # type: ignore[arg-type]  # numpy's stub


def fewer_joints(arrays: dict[str, np.ndarray], keep: list[int]) -> dict[str, np.ndarray]:
    """The arrays of a body with some of the joints; what a joint moved goes to the nearest one that stays above it."""
    parents = np.asarray(arrays["kintree_table"]).astype(np.int64)[0]
    heir = list(range(len(parents)))
    for j in range(len(parents)):
        heir[j] = j if j in keep else heir[parents[j]]
    weights = np.zeros((len(arrays["weights"]), len(keep)))
    for j, h in enumerate(heir):
        weights[:, keep.index(h)] += arrays["weights"][:, j]
    tree = [-1] + [keep.index(heir[parents[j]]) for j in keep[1:]]
    return {
        "weights": weights,
        "J_regressor": arrays["J_regressor"][keep],
        "kintree_table": np.array([tree, [*range(len(keep))]]),
        "shapedirs": arrays["shapedirs"][..., :10],
    }
