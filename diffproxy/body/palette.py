"""`Palette`: label ids, their names and their colours in proxy images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr


@checked
@dataclass(frozen=True)
class Palette:
    """Labels of a body: id 0 is the (black) background, then body ids, then hand ids.

    `colors[id]` is RGB in [0, 1]. Colours of body ids are far apart from each other and from black, and so are those of
    hand ids; a body and a hand id may have similar colours, since no image contains both sets.
    """

    names: dict[int, str]
    colors: Float[np.ndarray, "L 3"]
    body_ids: tuple[int, ...]
    hand_ids: tuple[int, ...]

    __repr__ = short_repr

    @staticmethod
    def of(
        body_names: list[str], body_colors: np.ndarray, hand_names: list[str], hand_colors: np.ndarray
    ) -> Palette:
        """A palette of body names (background first) and hand names, with their colours."""
        first = len(body_names)
        names = dict(enumerate([*body_names, *hand_names]))
        colors = np.concatenate([body_colors, hand_colors]).astype(np.float32)
        return Palette(names, colors, tuple(range(1, first)), tuple(range(first, len(names))))

    def id_of(self, name: str) -> int:
        """The number of a part. Raises InputError for a name that is none."""
        found = [i for i, n in self.names.items() if n == name]
        if not found:
            raise InputError(f"a part among {', '.join(self.names.values())}", name, "use one of these")
        return found[0]


# Palette colours: far apart, far from black; only the two halves of a segment may have similar colours.


_LEVELS = np.linspace(0.0, 1.0, 11)
_BLACK_DISTANCE = 0.45


def spread_colors(count: int, rounds: int = 400) -> np.ndarray:
    """`count` RGB colours (count, 3) in [0, 1] with a large minimum distance, found by moving one at a time."""
    grid = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS, indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid[np.linalg.norm(grid, axis=1) > _BLACK_DISTANCE]
    chosen = [len(grid) - 1]
    while len(chosen) < count:
        chosen.append(int(_gap(grid, grid[chosen]).argmax()))
    for _ in range(rounds):
        colors = grid[chosen]
        distance = np.linalg.norm(colors[:, None] - colors[None], axis=-1) + 9 * np.eye(count)
        moved = False
        for k in np.argsort(distance.min(axis=1), kind="stable")[:6]:
            rest = np.delete(colors, k, axis=0)
            gap = _gap(grid, rest)
            best = int(gap.argmax())
            if gap[best] > distance[k].min() + 1e-9:
                chosen[k], moved = best, True
                break
        if not moved:
            break
    return grid[chosen]


def _gap(grid: np.ndarray, colors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(grid[:, None] - colors[None], axis=-1).min(axis=1)


def body_colors(segments: list[str]) -> np.ndarray:
    """Colours of left and right segments.

    Args:
        segments: Names; those of left and right segments end in `_l`, `_r`.

    Returns:
        (2 * len(segments), 3) RGB in [0, 1], two per segment, one for each of its halves: similar colours for the
        halves of a segment, distant ones for left and right.
    """
    colors = spread_colors(2 * len(segments))
    pairs = _pair_up(np.linalg.norm(colors[:, None] - colors[None], axis=-1))
    means = np.array([(colors[a] + colors[b]) / 2 for a, b in pairs])
    sided = [s[:-2] for s in segments if s.endswith("_l")]
    far = -np.linalg.norm(means[:, None] - means[None], axis=-1)
    couples = _pair_up(far, len(sided))
    left_over = [k for k in range(len(pairs)) if k not in {i for c in couples for i in c}]
    out = np.zeros((len(segments), 2, 3))
    for name, couple in zip(sided, couples, strict=True):
        for side, k in zip("lr", couple, strict=True):
            out[segments.index(f"{name}_{side}")] = colors[list(pairs[k])]
    middle = [s for s in segments if s[-2:] not in ("_l", "_r")]
    for name, k in zip(middle, left_over, strict=True):
        out[segments.index(name)] = colors[list(pairs[k])]
    return out.reshape(-1, 3)


def _pair_up(cost: np.ndarray, count: int | None = None) -> list[tuple[int, int]]:
    """Greedy disjoint pairs of small cost."""
    a, b = np.triu_indices(len(cost), 1)
    used: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for k in np.argsort(cost[a, b], kind="stable"):
        i, j = int(a[k]), int(b[k])
        if not {i, j} & used:
            pairs.append((i, j))
            used |= {i, j}
        if len(pairs) == (count or len(cost) // 2):
            break
    return pairs
