"""Grids of cloth or hair points: distance constraints, faces, refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Sheet:
    """R x C points in the rest pose (metres), row 0 on top. `closed`: the last column is followed by the first."""

    rest: Float[np.ndarray, "R C 3"]
    weights: Float[np.ndarray, "R C 55"]
    closed: bool
    held: int = 2  # rows that follow the body exactly
    fullness: float = 1.0  # width of the cloth over the width of `rest`, at the hem: above one makes folds


@dataclass(frozen=True)
class Group:
    """Pairs of grid points that share none: their distance is brought to `length`."""

    a: Int[np.ndarray, " E"]
    b: Int[np.ndarray, " E"]
    length: Float[np.ndarray, " E"]
    share_a: Float[np.ndarray, "E 1"]
    share_b: Float[np.ndarray, "E 1"]
    only_stretch: bool

    def solve(self, p: Float[np.ndarray, "R C 3"]) -> None:
        flat = p.reshape(-1, 3)
        d = flat[self.b] - flat[self.a]
        length = np.sqrt(np.einsum("ni,ni->n", d, d)) + 1e-9
        error = 1 - self.length / length
        if self.only_stretch:
            error = np.maximum(error, 0)
        d *= error[:, None]
        flat[self.a] += self.share_a * d
        flat[self.b] -= self.share_b * d


def constraint_groups(sheet: Sheet, stiff: float) -> list[Group]:
    """Constraints of a sheet: lengths down, across and (against stretch) along diagonals; bending across."""
    free = np.ones(sheet.rest.shape[:2])
    free[: sheet.held] = 0.0
    rows, cols = sheet.rest.shape[:2]
    index = np.arange(rows * cols).reshape(rows, cols)
    flat, mobile = sheet.rest.reshape(-1, 3), free.ravel()
    fuller = 1 + (sheet.fullness - 1) * np.linspace(0, 1, rows)[:, None] ** 0.7
    out = []

    def add(a: np.ndarray, b: np.ndarray, keep: np.ndarray, wide: float, much: float, slack: bool) -> None:
        length = np.linalg.norm(flat[a] - flat[b], axis=-1) * (1 + wide * (fuller[: len(a)] - 1))
        total = mobile[a] + mobile[b]
        keep = keep & (total > 0)
        total = np.maximum(total, 1)
        shares = (much * mobile[a] / total)[keep][:, None], (much * mobile[b] / total)[keep][:, None]
        out.append(Group(a[keep], b[keep], length[keep], *shares, slack))

    across = np.roll(index, -1, 1) if sheet.closed else index[:, 1:]
    here = index if sheet.closed else index[:, :-1]
    two = np.roll(index, -2, 1) if sheet.closed else index[:, 2:]
    below, above = index[1:], index[:-1]
    for parity in (0, 1):
        add(
            above,
            below,
            (np.arange(rows - 1) % 2 == parity)[:, None] & np.ones_like(above, bool),
            0,
            1,
            False,
        )
        columns = np.arange(here.shape[1]) % 2 == parity
        add(here, across, columns[None] & np.ones_like(here, bool), 1, 1, False)
        diagonal = (np.arange(rows - 1) % 2 == parity)[:, None] & np.ones_like(here[:-1], bool)
        add(here[:-1], across[1:], diagonal, 0.5, 0.5, True)
        add(across[:-1], here[1:], diagonal, 0.5, 0.5, True)
    if stiff:
        for part in (0, 1):
            far = index[:, : two.shape[1]]
            columns = np.arange(two.shape[1]) % 4 // 2 == part
            add(far, two, columns[None] & np.ones_like(far, bool), 1, stiff, False)
    return out


def sheet_faces(rows: int, cols: int, closed: bool) -> Int[np.ndarray, "F 3"]:
    """Two triangles per cell; columns run anticlockwise seen from above, so that faces look outwards."""
    index = np.arange(rows * cols).reshape(rows, cols)
    right = np.roll(index, -1, 1) if closed else index[:, 1:]
    left = index if closed else index[:, :-1]
    a, b, c, d = left[:-1], right[:-1], left[1:], right[1:]
    return np.concatenate([np.stack([a, c, d], -1).reshape(-1, 3), np.stack([a, d, b], -1).reshape(-1, 3)])


def finer(grid: Float[np.ndarray, "R C D"], closed: bool) -> Float[np.ndarray, "S T D"]:
    """Twice as many rows and columns, by cubic interpolation."""
    return _twice(_twice(grid, False).swapaxes(0, 1), closed).swapaxes(0, 1)


def _twice(x: np.ndarray, closed: bool) -> np.ndarray:
    ends = (x[-1:], x[:2]) if closed else (2 * x[:1] - x[1:2], 2 * x[-1:] - x[-2:-1])
    e = np.concatenate([ends[0], x, ends[1]])
    mid = (9 * (e[1:-2] + e[2:-1]) - e[:-3] - e[3:]) / 16
    out = np.empty((len(x) + len(mid), *x.shape[1:]), x.dtype)
    out[0::2], out[1::2] = x, mid
    return out
