"""One part of the surface with its chart: flattened, untangled and written back (used by `unfold`)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix

from tools.bake_body.untangle import flatten, harmonic, untangle

log = logging.getLogger(__name__)
_FILL = 0.3  # weight of a triangle across a hole or at the fence, in units of the mean weight
_SOUND = 3.0  # largest stretch, relative to the part's typical one, at which a triangle may keep its chart


@dataclass
class Patch:
    """Charts that are solved together. Node k is vertex `vertex[k]` in the chart of `label[k]`."""

    vertex: np.ndarray
    label: np.ndarray
    triangles: np.ndarray  # (T, 3) nodes, counter-clockwise in a sound chart
    uv: np.ndarray  # (N, 2)
    was: np.ndarray = field(init=False)
    pinned: np.ndarray = field(init=False)  # (N, 2) coordinates that stay
    held: np.ndarray = field(init=False)  # (N,) nodes that stay while the inside is laid out first
    # (K, 3) nodes: triangles across holes, so that nothing lies over them
    fill: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.was = self.uv.copy()
        self.pinned = np.zeros((len(self.uv), 2), bool)
        self.held = np.zeros(len(self.uv), bool)
        self.fill = np.zeros((0, 3), int)

    @staticmethod
    def of(faces: np.ndarray, part: np.ndarray, uv: np.ndarray, labels: list[int]) -> Patch:
        """From the labels (Nf,) and corner coordinates (Nf, 3, 2) of triangles (Nf, 3)."""
        mine = np.flatnonzero(np.isin(part, labels))
        pair = np.stack([np.repeat(part[mine], 3), faces[mine].ravel()], 1).astype(np.int64)
        # a vertex on the seam of a finger is two nodes
        place = np.round(uv[mine].reshape(-1, 2) * 2**20).astype(np.int64) * (pair[:, :1] > 30)
        nodes, first, index = np.unique(
            np.concatenate([pair, place], 1), axis=0, return_index=True, return_inverse=True
        )
        triangles = index.reshape(-1, 3)
        corners = uv[mine].reshape(-1, 2)[first]
        area = _twice_area(corners[triangles])
        for label in labels:
            on = part[mine] == label
            if area[on].sum() < 0:
                triangles[on] = triangles[on][:, [0, 2, 1]]
        return Patch(nodes[:, 1], nodes[:, 0], triangles, corners)

    def node(self, label: int) -> dict[int, int]:
        """Node of each vertex in the chart of `label`."""
        on = np.flatnonzero(self.label == label)
        return dict(zip(self.vertex[on].tolist(), on.tolist(), strict=True))

    def loops(self, label: int) -> list[list[int]]:
        """Border loops of a chart as lists of nodes, in the sense of its triangles."""
        t = self.triangles[self.label[self.triangles[:, 0]] == label]
        edges = {(int(a), int(b)) for k in range(3) for a, b in t[:, [k, (k + 1) % 3]]}
        after = {a: b for a, b in sorted(edges) if (b, a) not in edges}
        found = []
        while after:
            at = min(after)
            loop = []
            while at in after:
                loop.append(at)
                at = after.pop(at)
            found.append(loop)
        return found

    def fence(self, run: list[int], posts: np.ndarray, sliding: np.ndarray) -> None:
        """Posts (K, 2) outside the K nodes of a piece of border, and triangles between: the border cannot cross
        itself. The chart lies to the left of the piece; posts marked `sliding` may move in v."""
        n = len(self.uv)
        new = list(range(n, n + len(run)))
        self.vertex = np.concatenate([self.vertex, np.zeros(len(run), int)])
        self.label = np.concatenate([self.label, np.zeros(len(run), int)])
        self.uv, self.was = np.concatenate([self.uv, posts]), np.concatenate([self.was, posts])
        self.pinned = np.concatenate([self.pinned, np.stack([np.ones(len(run), bool), ~sliding], 1)])
        self.held = np.concatenate([self.held, np.ones(len(run), bool)])
        quads = zip(run[:-1], run[1:], new[:-1], new[1:], strict=True)
        self.fill = np.concatenate([self.fill, [t for a, b, c, d in quads for t in ([b, a, c], [b, c, d])]])

    def solve(
        self,
        space: np.ndarray,
        shared: dict[int, int],
        lines: dict[int, np.ndarray],
        name: str,
        lay: bool = True,
    ) -> float:
        """Place the nodes; `shared[k]` is the node whose place k takes; nodes in `lines` slide along (du, dv).

        `space` (Nv, 3) are the vertices; `was` the charts. `lay`: start from Tutte's map. Returns the smallest relative
        area of a triangle (positive: no fold).
        """
        shapes, weight, scale = self._wanted_shapes(space)
        owner = np.arange(len(self.uv))
        owner[list(shared)] = list(shared.values())
        triangles = owner[np.concatenate([self.triangles, self.fill])]
        place = self.uv[owner]
        if lay:
            for axis in (0, 1):
                stay = self.pinned[:, axis] | self.held | (owner != np.arange(len(owner)))
                stay[list(lines)] = True
                place[:, axis] = harmonic(triangles, place[:, axis], stay)
        spread, base, start = self._free_coordinates(place * scale, owner, lines, scale)
        solution, _ = untangle(triangles, shapes, weight, spread, base, start)
        at = (base.ravel() + spread @ solution).reshape(-1, 2)
        real = len(self.triangles)
        at, least = _without_folds(at, triangles[:real], shapes[:real], weight[:real], spread)
        self.uv = (at / scale)[owner]
        log.info("charts of %s: smallest relative area %.5f", name, least)
        return least

    def _wanted_shapes(self, space: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Edge matrices (T + F, 2, 2), metres, and weights (T + F,) of triangles and fill; metres per unit of u and v.

        A triangle keeps the shape of its chart where that is sound, and takes the one it has on the body elsewhere.
        """
        count = int((self.label > 0).sum())  # fence posts come after
        wanted = flatten(space[self.vertex[self.triangles]])
        before = self.was[self.triangles]
        edge = np.stack([before[:, 1] - before[:, 0], before[:, 2] - before[:, 0]], -1)
        det = np.linalg.det(edge)
        solid = det > 1e-9
        scale = np.median(np.linalg.norm(wanted[solid] @ np.linalg.inv(edge[solid]), axis=1), axis=0)
        stretch = np.linalg.svd(scale[:, None] * edge @ np.linalg.inv(wanted), compute_uv=False)
        sound = solid & (stretch.max(1) < _SOUND) & (stretch.min(1) > 1 / _SOUND)
        shapes = np.where(sound[:, None, None], scale[:, None] * edge, wanted)
        area = np.linalg.det(wanted)
        weight = np.maximum(area, 0.02 * area.mean())
        small = np.sqrt(area.mean()) * 0.3
        gap = self.uv[self.fill] * scale
        gap = np.stack([gap[:, 1] - gap[:, 0], gap[:, 2] - gap[:, 0]], -1)
        open_ = (np.linalg.det(gap) > 1e-9) & (self.fill.max(axis=1, initial=0) >= count)
        shapes = np.concatenate([shapes, np.where(open_[:, None, None], gap, small * np.eye(2))])
        weight = np.concatenate([weight, np.full(len(self.fill), _FILL * weight.mean())])
        return shapes, weight, scale

    def _free_coordinates(
        self, place: np.ndarray, owner: np.ndarray, lines: dict[int, np.ndarray], scale: np.ndarray
    ) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
        """What may move: nodes are `base` (N, 2) + `spread` @ x, and x starts so that they are at `place` (N, 2)."""
        base = np.zeros_like(place)
        rows: list[int] = []
        cols: list[int] = []
        values: list[float] = []
        x: list[float] = []
        for k in np.flatnonzero(owner == np.arange(len(owner))).tolist():
            if k in lines:
                base[k], step = place[k], lines[k] * scale
                rows += [2 * k, 2 * k + 1]
                cols += [len(x)] * 2
                values += (step / np.linalg.norm(step)).tolist()
                x.append(0.0)
                continue
            for axis in (0, 1):
                if self.pinned[k, axis]:
                    base[k, axis] = place[k, axis]
                else:
                    rows.append(2 * k + axis)
                    cols.append(len(x))
                    values.append(1.0)
                    x.append(place[k, axis])
        return csr_matrix((values, (rows, cols)), shape=(2 * len(place), len(x))), base, np.array(x)


def _without_folds(
    at: np.ndarray, triangles: np.ndarray, shapes: np.ndarray, weight: np.ndarray, spread: csr_matrix
) -> tuple[np.ndarray, float]:
    """Nodes (N, 2) after folded triangles got room from their neighbours, and the smallest relative area."""
    least = float(_relative(at, triangles, shapes).min())
    for rings in (1, 2, 3, 4):
        if least > 1e-4:
            break
        near = np.zeros(len(at), bool)
        near[triangles[_relative(at, triangles, shapes) <= 1e-3]] = True
        for _ in range(rings):
            near[triangles[near[triangles].any(1)]] = True
        used = np.asarray(abs(spread).T @ np.repeat(near, 2).astype(float)).ravel() > 0
        inside = near[triangles].any(1)
        # wanted as small as they are now
        size = np.sqrt(_relative(at, triangles, shapes)[inside].clip(0.01, 1))
        mine = shapes[inside] * size[:, None, None]
        free = np.zeros(int(used.sum()))
        moved, _ = untangle(triangles[inside], mine, weight[inside], spread[:, used], at, free)
        at = at + (spread[:, used] @ moved).reshape(-1, 2)
        least = float(_relative(at, triangles, shapes).min())
    return at, least


def _relative(at: np.ndarray, triangles: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    return _twice_area(at[triangles]) / np.linalg.det(shapes)


def _twice_area(t: np.ndarray) -> np.ndarray:
    a, b = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
