"""Symmetric positive definite systems of frames that know their next two neighbours: block-pentadiagonal.

Cost and memory grow linearly with the number of frames. Double precision.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import cholesky, solve_triangular

REACH = 2
"""Frames that one frame is tied to, ahead and behind."""


class BlockBandedMatrix:
    """`H[d][i]` is the block (P, P) of frames i + d (row) and i (column), d = 0, 1, 2."""

    def __init__(self, frames: int, size: int):
        self.H = [np.zeros((max(frames - d, 0), size, size)) for d in range(REACH + 1)]

    def add(self, first: int, J: list[Float[np.ndarray, "R P"]]) -> None:
        """Add `JᵀJ` of a term on the successive frames `first`, `first + 1`, ... with these Jacobians."""
        for a, left in enumerate(J):
            for b in range(a + 1):
                self.H[a - b][first + b] += left.T @ J[b]

    def factor(self) -> BlockBandedCholesky:
        """Cholesky factor; numpy.linalg.LinAlgError where the matrix is not positive definite."""
        H = [h.copy() for h in self.H]
        frames = len(H[0])
        lower_blocks: list[list[np.ndarray]] = []
        diagonal = []
        for i in range(frames):
            L = cholesky(H[0][i], lower=True, check_finite=False)
            reach = range(1, min(REACH, frames - 1 - i) + 1)
            column = [solve_triangular(L, H[d][i].T, lower=True, check_finite=False).T for d in reach]
            for a, left in enumerate(column):
                for b in range(a + 1):
                    H[a - b][i + 1 + b] -= left @ column[b].T
            diagonal.append(L)
            lower_blocks.append(column)
        return BlockBandedCholesky(diagonal, lower_blocks)


class BlockBandedCholesky:
    """Lower Cholesky factor: `diagonal[i]` (P, P) and below it `below[i]`, blocks of frames i + 1 and i + 2."""

    def __init__(self, diagonal: list[np.ndarray], lower_blocks: list[list[np.ndarray]]):
        self.diagonal, self.lower_blocks = diagonal, lower_blocks

    def solve(self, b: Float[np.ndarray, "F P"]) -> Float[np.ndarray, "F P"]:
        """`H⁻¹ b`."""
        x = b.astype(np.float64).copy()
        for i, (L, column) in enumerate(zip(self.diagonal, self.lower_blocks, strict=True)):
            x[i] = solve_triangular(L, x[i], lower=True, check_finite=False)
            for d, block in enumerate(column, 1):
                x[i + d] -= block @ x[i]
        for i in reversed(range(len(x))):
            for d, block in enumerate(self.lower_blocks[i], 1):
                x[i] -= block.T @ x[i + d]
            x[i] = solve_triangular(self.diagonal[i], x[i], lower=True, trans=1, check_finite=False)
        return x

    def covariances(self) -> Float[np.ndarray, "F P P"]:
        """The diagonal blocks of the inverse, from the last frame back.

        Given the frames after it, a frame is normal around a linear function of the next two. So its covariance follows
        from the joint one of these two, which is kept symmetric: in Takahashi's recursion, which is the same without
        that, rounding errors double with every frame of a stiff stretch.
        """
        frames, size = len(self.diagonal), len(self.diagonal[0])
        out = np.empty((frames, size, size))
        after = np.zeros((REACH * size, REACH * size))
        for i in reversed(range(frames)):
            root = solve_triangular(self.diagonal[i], np.eye(size), lower=True, check_finite=False)
            by_next = np.zeros((size, REACH * size))
            for d, block in enumerate(self.lower_blocks[i]):
                by_next[:, d * size : (d + 1) * size] = -(block @ root).T
            cross = by_next @ after
            own = root.T @ root + cross @ by_next.T
            out[i] = (own + own.T) / 2
            after = np.block([[out[i], cross[:, :size]], [cross[:, :size].T, after[:size, :size]]])
        return out
