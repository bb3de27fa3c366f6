"""Lay triangles flat without folds: least distortion among maps in which every triangle keeps its sense.

Energy |J|²/d + d + 1/d per triangle, where J takes the wanted shape to the chart and d = det J; a start with folds is
led out of them by a regularised d that is sharpened step by step (Garanzha et al., Foldover-free maps in 50 lines of
code, ACM Trans. Graph. 40(4), 2021; written from the paper's formulas).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import spsolve


def flatten(corners: np.ndarray) -> np.ndarray:
    """Edge matrices (T, 2, 2) of triangles (T, 3, 3) laid into the plane; slivers are fattened to a twentieth."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    base = np.maximum(np.linalg.norm(a, axis=1), 1e-5)
    along = (a * b).sum(1) / base
    height = np.linalg.norm(np.cross(a, b), axis=1) / base
    height = np.maximum(height, 0.05 * np.maximum(base, np.abs(along)))
    return np.stack([np.stack([base, along], -1), np.stack([np.zeros_like(base), height], -1)], axis=1)


def harmonic(triangles: np.ndarray, values: np.ndarray, pinned: np.ndarray) -> np.ndarray:
    """Tutte's map: every value (N,) that is not pinned (N,) becomes the mean of its neighbours."""
    i = np.concatenate([triangles[:, [0, 1, 2]].ravel(), triangles[:, [1, 2, 0]].ravel()])
    j = np.concatenate([triangles[:, [1, 2, 0]].ravel(), triangles[:, [0, 1, 2]].ravel()])
    n = len(values)
    link = csr_matrix((np.ones(len(i)), (i, j)), shape=(n, n))
    link.data[:] = 1
    laplace = coo_matrix((np.asarray(link.sum(1)).ravel(), (range(n), range(n))), shape=(n, n)).tocsr() - link
    free = np.flatnonzero(~pinned)
    out = values.copy()
    if len(free):
        right = -laplace[free][:, np.flatnonzero(pinned)] @ values[pinned]
        out[free] = spsolve(laplace[free][:, free].tocsc(), right)
    return out


def untangle(
    triangles: np.ndarray,
    shapes: np.ndarray,
    weight: np.ndarray,
    spread: csr_matrix,
    base: np.ndarray,
    x: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Free coordinates x of least energy, and the smallest d; nodes (N, 2) are `base + spread @ x`.

    triangles (T, 3), wanted edge matrices `shapes` (T, 2, 2) of positive determinant, weights (T,).
    """
    inverse = np.linalg.inv(shapes)
    weight = weight / weight.sum()
    n = len(base)

    def jacobian(x: np.ndarray) -> np.ndarray:
        at = (base.ravel() + spread @ x).reshape(n, 2)
        p = at[triangles]
        return np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]], axis=-1) @ inverse

    def energy(x: np.ndarray, eps: float) -> tuple[float, np.ndarray]:
        J = jacobian(x)
        d = J[:, 0, 0] * J[:, 1, 1] - J[:, 0, 1] * J[:, 1, 0]
        root = np.sqrt(eps * eps + d * d)
        # the same number, without cancellation where d is negative
        chi = np.where(d > 0, (d + root) / 2, eps * eps / np.maximum(2 * (root - d), 1e-30))
        slope = chi / root
        norm = (J * J).sum((1, 2))
        value = (norm + d * d + 1) / chi
        by_d = 2 * d / chi - value * slope / chi
        cof = np.stack([np.stack([J[:, 1, 1], -J[:, 1, 0]], -1), np.stack([-J[:, 0, 1], J[:, 0, 0]], -1)], 1)
        dJ = weight[:, None, None] * (2 * J / chi[:, None, None] + by_d[:, None, None] * cof)
        edges = dJ @ np.swapaxes(inverse, 1, 2)
        grad = np.zeros((n, 2))
        for c in (0, 1):
            sides = np.stack([-edges[:, c].sum(1), edges[:, c, 0], edges[:, c, 1]], 1)
            grad[:, c] = np.bincount(triangles.ravel(), sides.ravel(), n)
        return float((weight * value).sum()), spread.T @ grad.ravel()

    done = False
    for step in range(40):
        least = np.linalg.det(jacobian(x)).min()
        done = least > 1e-6
        eps = 1e-9 if done else max(0.2 * 0.75**step, np.sqrt(1e-8 + 0.04 * min(least, 0.0) ** 2))
        found = minimize(
            energy,
            x,
            (eps,),
            method="L-BFGS-B",
            jac=True,
            options={"maxiter": 400 if done else 150, "maxfun": 1200},
        )
        x = found.x
        if done:
            break
    return x, float(np.linalg.det(jacobian(x)).min())
