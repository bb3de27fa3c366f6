"""Gaussian statistics of poses, packaged for the priors (made by `python -m tools.build_pose_statistics`)."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float

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
