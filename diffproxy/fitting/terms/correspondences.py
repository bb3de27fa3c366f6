"""Proxy maps to point correspondences: (view, pixel) ↔ (face, barycentric), a few hundred per view."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import binary_dilation, distance_transform_edt

from diffproxy.body import BodyModel
from diffproxy.fitting.state import HAND_SEGMENTS
from diffproxy.proxies import ProxyMaps


@dataclass(frozen=True)
class Correspondences:
    """N pixels of V maps and the surface points that they are said to show."""

    view: Int[np.ndarray, " N"]
    pixel: Float[np.ndarray, "N 2"]  # pixel centres of the map, (x, y)
    label: Int[np.ndarray, " N"]
    face: Int[np.ndarray, " N"]
    bary: Float[np.ndarray, "N 3"]
    weight: Float[np.ndarray, " N"]  # in (0, 1]; of hands times `stated_weights` where there are any
    rank: Float[np.ndarray, " N"]  # in [0, 1): the points with rank < q are an even sample of about q N

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, rows: Bool[np.ndarray, " N"] | Int[np.ndarray, " M"]) -> Correspondences:
        return Correspondences(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @staticmethod
    def cat(items: list[Correspondences]) -> Correspondences:
        return Correspondences(
            **{f.name: np.concatenate([getattr(x, f.name) for x in items]) for f in fields(Correspondences)}
        )


def _share(counts: Int[np.ndarray, " L"], budget: int) -> Int[np.ndarray, " L"]:
    """How many pixels to take of each part: as the square root of its area, so that hands and feet keep a voice."""
    take = np.zeros(len(counts), dtype=np.int64)
    left, open_ = budget, counts > 0
    while left > 0 and open_.any():
        want = np.sqrt(counts) * open_
        step = np.maximum((left * want / want.sum()).astype(np.int64), 1) * open_
        step = np.minimum(step, counts - take)
        if step.sum() > left:  # fewer places than parts: the largest parts first
            order = np.argsort(-counts, kind="stable")
            step = np.minimum(step, 1)
            step[order[np.cumsum(step[order]) > left]] = 0
        take += step
        left -= int(step.sum())
        open_ &= take < counts
        if step.sum() == 0:
            break
    return take


def _spread(index: Int[np.ndarray, " n"], take: int) -> tuple[np.ndarray, np.ndarray]:
    """`take` of the pixels of one part, evenly along scan order, and their ranks (golden-ratio sequence)."""
    picked = index[((np.arange(take) + 0.5) * len(index) / take).astype(np.int64)]
    return picked, (0.5 + 0.6180339887498949 * np.arange(take)) % 1.0


def sample_view(
    labels: UInt8[np.ndarray, "H W"], good: Bool[np.ndarray, "H W"], budget: int
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Flat indices and ranks of at most `budget` good foreground pixels, stratified over parts. Deterministic."""
    flat = labels.reshape(-1)
    usable = np.flatnonzero((flat > 0) & good.reshape(-1))
    if len(usable) == 0 or budget <= 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    usable = usable[np.argsort(flat[usable], kind="stable")]
    counts = np.bincount(flat[usable], minlength=256)
    ends = np.cumsum(counts)
    take = _share(counts, min(budget, len(usable)))
    parts = [_spread(usable[ends[k] - counts[k] : ends[k]], int(take[k])) for k in np.flatnonzero(take)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


CUT_WEIGHT, CUT_REACH = 0.33, 0.25
"""Weight of pixels where a body view's edge cuts the person, and how far from there it rises to 1, in units of the root
of the foreground's area: there the generator errs half as much again as inside (rendered, cut-off subjects)."""


def cut_weights(
    seen: Bool[np.ndarray, "H W"], valid: Bool[np.ndarray, "H W"] | None
) -> Float[np.ndarray, "H W"] | None:
    """Factors on the weights of a view whose foreground (`seen`) reaches the picture's edge; None where it does not."""
    if valid is None or valid.all():
        return None
    contact = seen & binary_dilation(~valid, iterations=2)
    if contact.sum() < 3:
        return None
    far = distance_transform_edt(~contact) / np.sqrt(seen.sum())
    return np.minimum(CUT_WEIGHT + (1 - CUT_WEIGHT) * far / CUT_REACH, 1.0)


STD_RANGE = (0.1, 4.0)
"""Factors by which stated deviations may change a hand pixel's weight, against the subject's mean hand pixel."""


def stated_weights(std: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Factors on weights, of mean 1, that fall with the square of the deviations which the proxies state (metres).

    They are for pixels of hands, where they tell a crop of the hand from the few pixels that a view of the body has of
    it. On the rest of the body errors are those of whole limbs, of which the deviation of one pixel says little:
    weighing by it costs accuracy there (docs/results/fitting.md, "Stated deviations as weights").
    """
    if not len(std):
        return std
    usual = np.median(std)
    factor = np.clip((usual / np.maximum(std, 1e-3 * max(usual, 1e-6))) ** 2, *STD_RANGE)
    return factor / factor.mean()


def sample_correspondences(
    maps: ProxyMaps, body: BodyModel, max_per_view: int, min_weight: float = 0.02, hands: bool = True
) -> Correspondences:
    """Sample pixels of a subject with the body points that they show.

    Args:
        maps: Proxies of V views.
        body: Body model whose atlas the labels and UV refer to.
        max_per_view: Largest number of pixels of a view; they are spread evenly over its parts.
        min_weight: Least weight (0 to 1) of a pixel.
        hands: Sample hand views too.

    Returns:
        The pixels; those with non-finite values or labels that are not in the atlas are left out.
    """
    width = maps.labels.shape[2]
    finite = np.isfinite(maps.uv).all(-1) & np.isfinite(maps.weight)
    good = finite & (np.nan_to_num(maps.weight) >= min_weight)
    sampled = []
    for v in range(maps.num_views):
        if maps.kind[v] != "body" and not hands:
            continue
        picked, order = sample_view(maps.labels[v], good[v], max_per_view)
        sampled.append((picked, order, np.full(len(picked), v, dtype=np.int64)))
    nothing = np.zeros(0, dtype=np.int64)
    index, rank, view = (
        np.concatenate(a) for a in zip((nothing, np.zeros(0), nothing), *sampled, strict=True)
    )
    row, column = np.divmod(index, max(width, 1))
    label = maps.labels[view, row, column]
    uv = np.clip(maps.uv[view, row, column], 0.0, 1.0)
    face, bary, ok = body.atlas.lookup(label, uv)
    ok = ok & np.isfinite(bary).all(-1)
    weight = np.clip(maps.weight[view, row, column].astype(np.float64), 0.0, 1.0)
    for v in (v for v, kind in enumerate(maps.kind) if kind == "body"):
        factors = cut_weights(maps.labels[v] > 0, None if maps.valid is None else maps.valid[v])
        if factors is not None:
            weight[view == v] *= factors[row[view == v], column[view == v]]
    found = Correspondences(
        view=view,
        pixel=np.stack([column + 0.5, row + 0.5], axis=-1).astype(np.float64),
        label=label.astype(np.int64),
        face=face.astype(np.int64),
        bary=bary.astype(np.float64),
        weight=weight,
        rank=rank,
    )[ok]
    if maps.std is None:
        return found
    factor, on_hand = np.ones(len(found)), shows_hand(found, body)
    factor[on_hand] = stated_weights(maps.std[view, row, column][ok][on_hand].astype(np.float64))
    return replace(found, weight=found.weight * factor)


def driving_joints(body: BodyModel, labels: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """The joint that moves the body part of each label."""
    return np.asarray(body.atlas.segment_of_label)[labels]


def shows_hand(pixels: Correspondences, body: BodyModel) -> Bool[np.ndarray, " N"]:
    """Whether each pixel shows a part that a wrist or a finger joint moves."""
    return np.isin(driving_joints(body, pixels.label), HAND_SEGMENTS)


def per_view_weights(
    view: Int[np.ndarray, " N"], weight: Float[np.ndarray, " N"], per_view: float = 8.0
) -> Float[np.ndarray, " N"]:
    """Weights under which every view counts as `per_view` independent pixels; views with under 30 pixels count less."""
    counts = np.bincount(view, minlength=int(view.max()) + 1)
    share = per_view * np.minimum(1.0, counts / 30.0) / np.maximum(counts, 1)
    return weight * share[view]
