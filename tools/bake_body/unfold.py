"""Make the charts one-to-one that a formula of the surface point folds: head, feet, crotch, finger tips.

Two halves that are treated together share the (u, v) of their common border. Everything is solved on the left and
mirrored. Triangles that were sound pull towards the chart they had, the others towards their shape in space.
"""

from __future__ import annotations

import logging

import numpy as np

from tools.bake_body.patch import Patch

log = logging.getLogger(__name__)
SIDE = 0.41  # |u - 0.5| of the border between two halves


def _spaced(space: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Places (K - 2, 2) on the straight line from a to b in proportion to the way along the K points `space`."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(space, axis=0), axis=1) + 1e-4)])
    return a + (way / way[-1])[1:-1, None] * (b - a)


def _turned(loop: list[int], first: int) -> list[int]:
    i = loop.index(first)
    return loop[i:] + loop[:i]


def _falling(v: np.ndarray, way: np.ndarray) -> np.ndarray:
    """v made strictly falling from its first to its last value, each step at least a fifth of its even share."""
    even = way / way.sum() * (v[0] - v[-1])
    step = np.maximum(-np.diff(v), 0.2 * even)
    return v[0] - np.concatenate([[0], np.cumsum(step) / step.sum() * (v[0] - v[-1])])


def unfold_feet(
    space: np.ndarray, faces: np.ndarray, part: np.ndarray, uv: np.ndarray, top: int, sole: int
) -> Patch:
    """Left foot: the common border starts straight up both sides and straight across the toes, and relaxes."""
    patch = Patch.of(faces, part, uv, [top, sole])
    on_top = patch.node(top)
    loop = max(patch.loops(sole), key=len)
    x, z = space[patch.vertex[loop], 0], space[patch.vertex[loop], 2]
    outer_toe, inner_toe = loop[int((2 * x + z).argmax())], loop[int((z - 2 * x).argmax())]
    loop = _turned(loop, loop[int(z.argmin())])  # from the heel's middle, which lies on the inner side
    first, second = sorted((loop.index(outer_toe), loop.index(inner_toe)))
    toes, before, after = loop[first : second + 1], loop[: first + 1], loop[second:][::-1]
    inner, outer = before[::-1], after[::-1]
    if loop[first] == outer_toe:
        toes, inner, outer = toes[::-1], [*after[::-1], loop[0]], before[:0:-1]
    for side, u in ((inner, 0.5 - SIDE), (outer, 0.5 + SIDE)):
        v = patch.uv[side, 1].copy()
        v[-1] = 0.02
        way = np.linalg.norm(np.diff(space[patch.vertex[side]], axis=0), axis=1)
        patch.uv[side] = np.stack([np.full(len(side), u), _falling(v, way)], 1)
        patch.pinned[[side[0], side[-1]]] = True
    patch.uv[toes[1:-1]] = _spaced(space[patch.vertex[toes]], patch.uv[toes[0]], patch.uv[toes[-1]])
    patch.held[loop] = True
    shared = {on_top[int(patch.vertex[k])]: k for k in loop}
    for hole in patch.loops(top):
        if hole[0] not in shared:
            patch.pinned[hole] = True  # the ankle
    at = patch.uv[[*loop, loop[0]]]
    posts = at + np.where(at[:, :1] < 0.5, -1, 1) * np.where(
        np.abs(at[:, :1] - 0.5) > SIDE - 1e-6, [0.085, 0], 0
    )
    across = np.isin([*loop, loop[0]], toes)
    posts[across, 1] += 0.05
    posts[at[:, 1] <= 0.02 + 1e-9, 1] = 0.005
    slide = ~across & (at[:, 1] > 0.021)
    patch.fence([*loop, loop[0]], posts, slide)
    patch.solve(space, shared, {}, "feet")
    return patch


def unfold_head(
    space: np.ndarray, faces: np.ndarray, part: np.ndarray, uv: np.ndarray, front: int, back: int
) -> Patch:
    """Left half of the head: the border runs from the crown straight down behind the ear; the eye lies in its hole."""
    left = (space[faces][..., 0] >= 0).all(axis=1)
    patch = Patch.of(faces, np.where(left, part, 0), uv, [front, back])
    on_front, on_back = patch.node(front), patch.node(back)
    middle = np.abs(space[patch.vertex, 0]) < 1e-9
    loops = sorted(patch.loops(front), key=len)
    skin = max(loops, key=lambda k: np.ptp(space[patch.vertex[k], 1]))
    common = {v for v in on_front if v in on_back}
    chain = [k for k in skin if int(patch.vertex[k]) in common]
    crown = next(k for k in chain if middle[k])
    chain = [k for k in _turned(skin, crown) if int(patch.vertex[k]) in common]
    if patch.uv[chain[1], 1] < patch.uv[chain[-1], 1]:
        chain = [chain[0], *chain[:0:-1]]
    way = np.linalg.norm(np.diff(space[patch.vertex[chain[1:]]], axis=0), axis=1)
    patch.uv[chain[1:], 1] = _falling(patch.uv[chain[1:], 1], way)
    patch.uv[chain[1:], 0] = 0.5 + SIDE
    patch.uv[crown] = (0.5, 0.98)
    patch.held[chain] = True
    patch.uv[middle, 0] = 0.5
    patch.pinned[middle, 0] = True
    shared = {on_back[int(patch.vertex[k])]: k for k in chain}
    for label in (front, back):
        for loop in patch.loops(label):
            if label == front and loop[0] not in skin:
                continue
            edge = np.array([k for k in loop if k not in chain and k not in shared])
            neck = patch.was[edge, 1] < 0.2 if label == front else ~middle[edge]
            patch.pinned[edge[neck]] = True
            patch.pinned[edge[patch.was[edge, 1].argmin()] if label == front else edge[middle[edge]][
                patch.was[edge[middle[edge]], 1].argmin()]] = True  # fmt: skip
    patch.pinned[[chain[0], chain[1], chain[-1]]] = True
    # lips: a strip across the mouth
    mids = [i for i, k in enumerate(skin) if middle[k]]
    gaps = []
    for i, j in zip(mids, [*mids[1:], mids[0] + len(skin)], strict=True):
        run = [skin[m % len(skin)] for m in range(i, j + 1)]
        if len(run) > 3 and not set(run[1:-1]) & set(chain) and not patch.pinned[run[1:-1]].any():
            gaps.append(run)
    fills = [t for run in gaps for t in _strip(run)]
    eyes = [k for k in loops if k is not skin]
    if len(eyes) == 2:
        ball = max(eyes, key=lambda k: np.ptp(patch.uv[k, 0]))
        hole = eyes[0] if ball is eyes[1] else eyes[1]
        fills += _ring(patch.uv, hole, ball)
    patch.fill = np.array(fills, int).reshape(-1, 3)
    ring = chain[::-1]  # upwards: the chart is on the left
    posts = patch.uv[ring] + [0.085, 0]
    posts[-1] = (0.5, 0.999)
    posts[-2, 1] = 0.999
    patch.fence(
        ring, posts, np.arange(len(ring)) % (len(ring) - 1) * (np.arange(len(ring)) < len(ring) - 2) > 0
    )
    log.info("head: %d gaps, %d eye loops", len(gaps), len(eyes))
    patch.solve(space, shared, {}, "head")
    return patch


def unfold_crotch(
    space: np.ndarray, faces: np.ndarray, part: np.ndarray, uv: np.ndarray, front: int, back: int
) -> Patch:
    """Left half of the abdomen: the border under the crotch lies flat at the bottom."""
    from scipy.spatial import cKDTree

    mirror = cKDTree(space).query(space * [-1, 1, 1])[1]
    left, right = (space[faces][..., 0] >= 0).all(axis=1), (space[faces][..., 0] <= 0).all(axis=1)
    both = np.concatenate([faces[left], mirror[faces[right]][:, ::-1]])  # either diagonal of a quad must do
    flip = uv[right][:, ::-1] * [-1, 1] + [1, 0]
    patch = Patch.of(
        both, np.concatenate([part[left], part[right]]), np.concatenate([uv[left], flip]), [front, back]
    )
    on_back = patch.node(back)
    middle = np.abs(space[patch.vertex, 0]) < 1e-9
    patch.uv[middle, 0] = 0.5
    loops = {label: max(patch.loops(label), key=len) for label in (front, back)}
    chain = [k for k in loops[front] if int(patch.vertex[k]) in on_back and patch.was[k, 1] < 0.13]
    first = next(k for k in chain if middle[k])
    chain = _turned(loops[front], first)
    chain = [k for k in (chain if int(patch.vertex[chain[1]]) in on_back else [first, *chain[:0:-1]])
             if int(patch.vertex[k]) in on_back and patch.was[k, 1] < 0.13]  # fmt: skip
    ends = np.array([[0.5, 0.012], [0.6, 0.012]])
    patch.uv[[chain[0], chain[-1]]] = ends
    patch.uv[chain[1:-1]] = _spaced(space[patch.vertex[chain]], *ends)
    shared = {on_back[int(patch.vertex[k])]: k for k in chain}
    for label, loop in loops.items():
        corner = chain[-1] if label == front else on_back[int(patch.vertex[chain[-1]])]
        patch.uv[on_back[int(patch.vertex[corner])]] = ends[1]
        loop = _turned(loop, corner)
        if middle[loop[1]] or (loop[1] in chain) or (loop[1] in shared):
            loop = [loop[0], *loop[:0:-1]]
        end = next(i for i in range(1, len(loop)) if patch.was[loop[i], 1] > 0.0702)
        run = loop[: end + 1]
        patch.uv[run[1:-1]] = _spaced(space[patch.vertex[run]], patch.uv[run[0]], patch.uv[run[-1]])
        edge = np.array([k for k in loop if not middle[k]])
        patch.pinned[edge] = patch.held[edge] = True
        patch.pinned[run[1:-1]] = False
    patch.pinned[chain] = True
    patch.pinned[list(shared)] = True
    patch.pinned[middle, 0] = True
    for label in (front, back):
        mids = np.flatnonzero(middle & (patch.label == label))
        patch.pinned[mids[patch.was[mids, 1].argmax()]] = True
    patch.solve(space, shared, {}, "crotch")
    return patch


def _strip(run: list[int]) -> list[list[int]]:
    """Triangles across an open border run (it closes along the midline), on the side away from the surface."""
    i, j, out = 0, len(run) - 1, []
    while j - i > 1:
        if (j + i) % 2 == len(run) % 2:
            out.append([run[i + 1], run[i], run[j]])
            i += 1
        else:
            out.append([run[j], run[j - 1], run[i]])
            j -= 1
    return out


def _ring(uv: np.ndarray, hole: list[int], ball: list[int]) -> list[list[int]]:
    """Triangles between a hole's border and the border of an island that lies in it, matched by angle."""
    outside, inside = hole[::-1], ball  # both counter-clockwise

    def from_right(loop: list[int]) -> tuple[list[int], np.ndarray]:
        d = uv[loop] - uv[loop].mean(0)
        loop = _turned(loop, loop[int((d[:, 0] - np.abs(d[:, 1])).argmax())])
        step = np.linalg.norm(np.diff(uv[[*loop, loop[0]]], axis=0), axis=1)
        return loop, np.concatenate([[0], np.cumsum(step) / step.sum()])

    (a, s), (b, t) = from_right(outside), from_right(inside)
    i = j = 0
    out = []
    while i < len(a) or j < len(b):
        if j == len(b) or (i < len(a) and s[i + 1] <= t[j + 1]):
            out.append([a[i % len(a)], a[(i + 1) % len(a)], b[j % len(b)]])
            i += 1
        else:
            out.append([b[(j + 1) % len(b)], b[j % len(b)], a[i % len(a)]])
            j += 1
    return out


def unfold(
    space: np.ndarray, faces: np.ndarray, part: np.ndarray, uv: np.ndarray, names: tuple[str, ...]
) -> np.ndarray:
    """Body charts (Nf, 3, 2) without folds in head, abdomen and feet; the other charts are returned as they are."""
    from scipy.spatial import cKDTree

    mirror = cKDTree(space).query(space * [-1, 1, 1])[1]
    label = {name: k for k, name in enumerate(names)}
    part, uv = part.astype(np.int64), uv.copy()
    for make, first, second in (
        (unfold_head, "front_head", "back_head"),
        (unfold_crotch, "front_abdomen", "back_abdomen"),
        (unfold_feet, "top_foot_l", "sole_foot_l"),
    ):
        patch = make(space, faces, part, uv, label[first], label[second])
        for name in (first, second):
            place = np.full((len(space), 2), np.nan)
            node = patch.node(label[name])
            place[list(node)] = np.round(patch.uv[list(node.values())] * 2**20) / 2**20
            other = label[f"{name[:-1]}r" if name.endswith("_l") else name]
            mirrored = place[mirror]
            if not name.endswith("_l"):
                mirrored[:, 0] = 1 - mirrored[:, 0]
                place = np.where(np.isnan(place), mirrored, place)
                uv[part == other] = place[faces[part == other]]
            else:
                uv[part == label[name]] = place[faces[part == label[name]]]
                uv[part == other] = mirrored[faces[part == other]]
    return uv
