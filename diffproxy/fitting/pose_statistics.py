"""Gaussian statistics of poses, packaged for the priors. Made again from a pose bank file by

python -m diffproxy.fitting.pose_statistics diffproxy/data/pose_bank.npz
"""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.errors import InputError

FLOOR = 0.1
"""Radians. Mocap skeletons have stiff axes (a knee that never twists); bodies and their fits do not."""
PACKAGED = "pose_prior.npz"


@lru_cache(maxsize=1)
def pose_statistics() -> dict[str, np.ndarray]:
    """`{body,left,right}_mean` (63 or 45, radians) and `_root`, the A of precision AᵀA."""
    with (files("diffproxy.fitting") / PACKAGED).open("rb") as f, np.load(f, allow_pickle=False) as data:
        return {k: data[k] for k in data.files}


def marginals(
    mean: Float[np.ndarray, "n"], root: Float[np.ndarray, "n n"]
) -> tuple[Float[np.ndarray, "j 3"], Float[np.ndarray, "j 3 3"]]:
    """Means and precisions of every joint's rotation by itself."""
    A = root.astype(np.float64)
    covariance = np.linalg.inv(A.T @ A)
    blocks = [covariance[i : i + 3, i : i + 3] for i in range(0, len(mean), 3)]
    return mean.reshape(-1, 3).astype(np.float64), np.linalg.inv(np.stack(blocks))


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
    mirror = np.tile([1.0, -1.0, -1.0], 15).astype(np.float32)  # reflection in x of rotation vectors
    temporary = out.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        body_mean=moments["body_mean"],
        body_root=precision_root(moments["body_cov"]),
        right_mean=moments["hand_mean"],
        right_root=precision_root(moments["hand_cov"]),
        left_mean=mirror * moments["hand_mean"],
        left_root=precision_root(mirror[:, None] * moments["hand_cov"] * mirror),
    )
    temporary.replace(out)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    target = Path(__file__).with_name(PACKAGED)
    build(Path(sys.argv[1]), target)
    logging.info("wrote %s", target)
