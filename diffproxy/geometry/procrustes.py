"""Procrustes alignment: nearest rotations, and least-squares similarities between point sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Similarity:
    """`y = scale * R @ x + t`, one for each batch entry; `R` is a rotation, never a reflection."""

    scale: Float[np.ndarray, "*B"]
    R: Float[np.ndarray, "*B 3 3"]
    t: Float[np.ndarray, "*B 3"]

    def apply(self, points: Float[np.ndarray, "*B N 3"]) -> Float[np.ndarray, "*B N 3"]:
        """The transformed points (..., N, 3)."""
        rotated = points @ np.swapaxes(self.R, -1, -2)
        return self.scale[..., None, None] * rotated + self.t[..., None, :]


def special_procrustes(
    matrix: Float[np.ndarray, "*B 3 3"],
) -> tuple[Float[np.ndarray, "*B 3 3"], Float[np.ndarray, "*B 3"]]:
    """The rotation nearest to each matrix in the Frobenius norm.

    Same contract as `roma.special_procrustes`, on numpy arrays (docs/architecture.md gives the reason for own code).

    Args:
        matrix: (..., 3, 3).

    Returns:
        Rotations (..., 3, 3) and signed singular values (..., 3) in falling order; the last one is negative where the
        nearest orthogonal matrix is a reflection.
    """
    U, S, Vt = np.linalg.svd(matrix)
    sign = np.ones_like(S)
    sign[..., 2] = np.where(np.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    return (U * sign[..., None, :]) @ Vt, S * sign


def nearest_rotation(matrix: Float[np.ndarray, "*B 3 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """The rotation nearest to each matrix in the Frobenius norm."""
    return special_procrustes(matrix)[0]


def align_points(
    source: Float[np.ndarray, "*B N 3"],
    target: Float[np.ndarray, "*B N 3"],
    weights: Float[np.ndarray, "*B N"] | None = None,
    with_scale: bool = True,
) -> Similarity:
    """Weighted least-squares similarity (or, without scale, rigid motion) from `source` to `target` (Umeyama 1991).

    Args:
        source: points to move.
        target: where they should end, in the same order.
        weights: non-negative weight of each pair; None: all 1.
        with_scale: estimate a scale; otherwise it is 1.

    Returns:
        The similarity of each batch entry. Entries with values that are not finite give NaN; entries whose source
        points coincide are only translated (R = 1, scale = 1).
    """
    x, y = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    finite = np.asarray(np.isfinite(x).all(axis=(-1, -2)) & np.isfinite(y).all(axis=(-1, -2)))
    x, y = (np.where(finite[..., None, None], a, 0.0) for a in (x, y))
    w = np.ones(x.shape[:-1]) if weights is None else np.asarray(weights, dtype=np.float64)
    w = (w / w.sum(axis=-1, keepdims=True))[..., None]
    x_mean, y_mean = (w * x).sum(axis=-2, keepdims=True), (w * y).sum(axis=-2, keepdims=True)
    x0, y0 = x - x_mean, y - y_mean
    R, singular = special_procrustes(np.swapaxes(w * y0, -1, -2) @ x0)
    spread = (w * x0**2).sum(axis=(-1, -2))
    one_point = spread <= 1e-20 / x.shape[-2]  # all source points coincide: rotation and scale are undefined
    R = np.where(one_point[..., None, None], np.eye(3), R)
    scale = np.ones_like(spread)
    if with_scale:
        scale = np.where(one_point, 1.0, singular.sum(axis=-1) / np.where(one_point, 1.0, spread))
    t = y_mean[..., 0, :] - scale[..., None] * (x_mean @ np.swapaxes(R, -1, -2))[..., 0, :]
    return Similarity(np.where(finite, scale, np.nan), R, np.where(finite[..., None], t, np.nan))


def align_frames(
    R_source: Float[np.ndarray, "C 3 3"],
    origin_source: Float[np.ndarray, "C 3"],
    R_target: Float[np.ndarray, "C 3 3"],
    origin_target: Float[np.ndarray, "C 3"],
    with_scale: bool = True,
) -> Similarity:
    """Similarity between two worlds that hold the same C frames (cameras): orientations give the rotation.

    Args:
        R_source: rotations frame-from-world of the first world.
        origin_source: origins of the frames in the first world, metres.
        R_target: the same rotations in the second world.
        origin_target: the same origins in the second world, metres.
        with_scale: estimate a scale; otherwise it is 1.

    Returns:
        The similarity from the first world to the second. Two frames, or frames in a row, are enough, where points
        alone would leave a rotation free.
    """
    R = nearest_rotation((np.swapaxes(R_target, -1, -2) @ R_source).sum(axis=0))
    p, q = origin_source @ R.T, origin_target
    p0, q0 = p - p.mean(axis=0), q - q.mean(axis=0)
    scale = float((p0 * q0).sum() / max((p0 * p0).sum(), 1e-12)) if with_scale else 1.0
    return Similarity(np.asarray(scale), R, q.mean(axis=0) - scale * p.mean(axis=0))
