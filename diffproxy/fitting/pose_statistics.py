"""Gaussian statistics of poses, packaged for the priors (made by `python -m tools.build_pose_statistics`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from diffproxy.geometry.rotations import to_rotvec

PACKAGED = "pose_prior.npz"


@lru_cache(maxsize=1)
def pose_statistics() -> dict[str, np.ndarray]:
    """`{body,left,right}_mean` (63 or 45, radians) and `_root`, the A of precision AᵀA."""
    with (files("diffproxy.fitting") / PACKAGED).open("rb") as f, np.load(f, allow_pickle=False) as data:
        return {k: data[k] for k in data.files}


def marginals(
    mean: Float[np.ndarray, " n"], root: Float[np.ndarray, "n n"]
) -> tuple[Float[np.ndarray, "j 3"], Float[np.ndarray, "j 3 3"]]:
    """Means and precisions of every joint's rotation by itself."""
    A = root.astype(np.float64)
    covariance = np.linalg.inv(A.T @ A)
    blocks = [covariance[i : i + 3, i : i + 3] for i in range(0, len(mean), 3)]
    return mean.reshape(-1, 3).astype(np.float64), np.linalg.inv(np.stack(blocks))


@dataclass(frozen=True)
class PosePenalty:
    """Gaussian over joint rotations relative to the parent: means (22,3) and precisions (22,3,3), radians."""

    mean: Float[np.ndarray, "22 3"]
    precision: Float[np.ndarray, "22 3 3"]

    def __call__(self, joint: int, R_parent_joint: Float[np.ndarray, "K 3 3"]) -> Float[np.ndarray, " K"]:
        e = to_rotvec(R_parent_joint) - self.mean[joint]
        return 0.5 * np.einsum("ki,ij,kj->k", e, self.precision[joint], e)


def pose_penalty() -> PosePenalty:
    """The body statistics joint by joint (marginals), for the search of the initial pose."""
    stats = pose_statistics()
    mean, precision = marginals(stats["body_mean"], stats["body_root"])
    free = np.eye(3)[None] * 0.01  # any heading is as probable
    return PosePenalty(np.concatenate([np.zeros((1, 3)), mean]), np.concatenate([free, precision]))
