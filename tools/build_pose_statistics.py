"""Build the packaged pose statistics from a pose bank file:

python -m tools.build_pose_statistics diffproxy/motion/pose_bank/pose_bank.npz
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.body.flip import ROTVEC_SIGNS
from diffproxy.fitting import pose_statistics
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path

FLOOR = 0.1
"""Radians. Mocap skeletons have stiff axes (a knee that never twists); bodies and their fits do not."""


def precision_root(covariance: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """A with `AᵀA = (covariance + FLOOR² I)⁻¹`, upper triangular."""
    floored = covariance.astype(np.float64) + FLOOR**2 * np.eye(len(covariance))
    return np.linalg.cholesky(np.linalg.inv(floored)).T.astype(np.float32)


def build(bank: Path, out: Path) -> None:
    """Turn the moments in a pose bank (`{body,hand}_{mean,cov}`, of the right hand) into the packaged statistics."""
    with np.load(bank, allow_pickle=False) as data:
        lost = {"body_mean", "body_cov", "hand_mean", "hand_cov"} - set(data.files)
        if lost:
            raise InputError(
                "a pose bank with moments", f"{bank} without {sorted(lost)}", "build the bank again"
            )
        moments = {k: data[k].astype(np.float32) for k in ("body_mean", "body_cov", "hand_mean", "hand_cov")}
    mirror = np.tile(ROTVEC_SIGNS, 15).astype(np.float32)
    arrays = dict(
        body_mean=moments["body_mean"],
        body_root=precision_root(moments["body_cov"]),
        right_mean=moments["hand_mean"],
        right_root=precision_root(moments["hand_cov"]),
        left_mean=mirror * moments["hand_mean"],
        left_root=precision_root(mirror[:, None] * moments["hand_cov"] * mirror),
    )
    with atomic_path(out) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    target = Path(pose_statistics.__file__).with_name(pose_statistics.PACKAGED)
    build(Path(sys.argv[1]), target)
    logging.info("wrote %s", target)
