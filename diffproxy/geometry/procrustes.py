"""The similarity (scale, rotation, shift) that brings one point set nearest to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Similarity:
    """`y = scale * R @ x + t`, one for each batch entry; `R` is a rotation, never a mirror."""

    scale: Float[np.ndarray, "*B"]
    R: Float[np.ndarray, "*B 3 3"]
    t: Float[np.ndarray, "*B 3"]

    def apply(self, points: Float[np.ndarray, "*B N 3"]) -> Float[np.ndarray, "*B N 3"]:
        turned = points @ np.swapaxes(self.R, -1, -2)
        return self.scale[..., None, None] * turned + self.t[..., None, :]


def align_similarity(
    source: Float[np.ndarray, "*B N 3"], target: Float[np.ndarray, "*B N 3"], with_scale: bool = True
) -> Similarity:
    """Least-squares similarity from `source` to `target` (Umeyama 1991, sign of the determinant fixed).

    Sets that are not finite give NaN; a source whose points coincide is shifted only (R = 1, scale = 1).
    """
    x, y = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    fine = np.asarray(np.isfinite(x).all(axis=(-1, -2)) & np.isfinite(y).all(axis=(-1, -2)))
    x, y = (np.where(fine[..., None, None], a, 0.0) for a in (x, y))
    x_mean, y_mean = x.mean(axis=-2, keepdims=True), y.mean(axis=-2, keepdims=True)
    x0, y0 = x - x_mean, y - y_mean
    U, S, Vt = np.linalg.svd(np.swapaxes(y0, -1, -2) @ x0)
    sign = np.ones_like(S)
    sign[..., 2] = np.where(np.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    spread = (x0**2).sum(axis=(-1, -2))
    point = spread <= 1e-20  # all source points in one place: no rotation or scale to be found
    R = np.where(point[..., None, None], np.eye(3), (U * sign[..., None, :]) @ Vt)
    best = (S * sign).sum(axis=-1) / np.where(point, 1.0, spread)
    scale = np.where(point, 1.0, best) if with_scale else np.ones_like(best)
    t = y_mean[..., 0, :] - scale[..., None] * (x_mean @ np.swapaxes(R, -1, -2))[..., 0, :]
    return Similarity(np.where(fine, scale, np.nan), R, np.where(fine[..., None], t, np.nan))
