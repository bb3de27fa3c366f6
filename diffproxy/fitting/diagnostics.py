"""Whether to believe a fit: what its proxies say against the body, and against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.initialization.left_right import Sides
from diffproxy.fitting.initialization.register_segments import KERNEL
from diffproxy.fitting.observed import UNOBSERVED, unobserved_note, unobserved_parts
from diffproxy.fitting.result import Status
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.uncertainty import KERNEL_SIGMAS
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.proxies import ProxyMaps

ENOUGH = 15
"""Fewer pixels than this say nothing of a view or of a part."""


@dataclass(frozen=True)
class Evidence:
    """The first four as in `FitResult`."""

    inliers: float
    misfit: float
    exchanged: float
    view_residuals: tuple[float, ...]
    swapped: tuple[str, ...]
    """Parts whose side most of their pixels misstate: not one view's slip, the person as a whole is in question."""


def evidence_against(
    maps: ProxyMaps,
    sides: Sides,
    found: Correspondences,
    distance: Float[np.ndarray, " N"],
    sigma: Float[np.ndarray, " N"],
    view: Int[np.ndarray, " N"],
    weight: Float[np.ndarray, " N"],
    names: dict[int, str],
) -> Evidence:
    """`distance`, `sigma` (metres), `view`, `weight` (0: not a pixel that states a part) of the rows of the last stage;
    `found` are the pixels with their sides as read in the end, `names` the palette's."""
    total = max(float(weight.sum()), 1e-12)
    loss = geman_mcclure((np.minimum(distance, 1e3) / KERNEL) ** 2, 1.0)[0]
    exchanged = found.label != sides.own.label
    return Evidence(
        inliers=float(weight[distance < KERNEL_SIGMAS * sigma].sum() / total),
        misfit=float((weight * loss).sum() / total),
        exchanged=float(exchanged.mean()),
        view_residuals=tuple(_median(distance[(view == v) & (weight > 0)]) for v in range(maps.num_views)),
        swapped=_swapped(sides.own.label, exchanged, names),
    )


def _median(distance: Float[np.ndarray, " n"]) -> float:
    return float(np.median(distance)) if len(distance) >= ENOUGH else float("nan")


def _swapped(label: np.ndarray, exchanged: np.ndarray, names: dict[int, str]) -> tuple[str, ...]:
    part = np.array([names.get(k, "").removesuffix("_l").removesuffix("_r") for k in range(256)])[label]
    found = []
    for name in np.unique(part[exchanged]):
        rows = part == name
        if rows.sum() >= ENOUGH and exchanged[rows].mean() > 0.5:
            found.append(str(name).replace("_", " "))
    return tuple(found)


def odd_views(maps: ProxyMaps, residuals: tuple[float, ...], config: FitConfig) -> list[str]:
    """Names of body views that agree with the body far worse than the others do: of someone else, or misplaced."""
    known = [v for v, kind in enumerate(maps.kind) if kind == "body" and np.isfinite(residuals[v])]
    odd = []
    for v in known:
        others = [residuals[u] for u in known if u != v]
        if others and residuals[v] > max(config.odd_view, config.odd_ratio * float(np.median(others))):
            odd.append(maps.cameras[v].name)
    return odd


MOSTLY_UNSEEN = 11
"""A body of whose 22 joints more than this are unobserved is doubtful, whatever the rest says."""


def verdict(
    against: Evidence,
    config: FitConfig,
    finite: bool,
    views: int,
    maps: ProxyMaps,
    observed: Float[np.ndarray, "55"],
) -> tuple[Status, str, str]:
    """Status, reason, and what to doubt about a body.

    `views`: body views that see the person. Strong doubts (high robust loss, few inliers, sides swapped, most of the
    body unseen) make a body `doubtful`. Weaker ones, and the parts that no view shows, leave it `ok` and are named in
    the reason.
    """
    if not finite:
        return "failed", "the solution is not finite", ""
    if against.inliers < config.min_inliers or against.misfit > config.max_misfit:
        explained = min(against.inliers, 1 - against.misfit)
        return "failed", f"the body explains only {explained:.0%} of the proxies", ""
    doubts, strong = [], False
    if against.misfit > config.doubtful_misfit:
        strong = True
        doubts.append(f"the proxies miss the body by far in {against.misfit:.0%}")
    elif against.inliers < config.doubtful_inliers:
        strong = against.inliers < config.few_inliers
        doubts.append(f"the body explains only {against.inliers:.0%} of the proxies")
    odd = odd_views(maps, against.view_residuals, config)
    if odd:
        doubts.append(f"{', '.join(odd)} disagrees with the other views")
    strong |= bool(against.swapped) or against.exchanged > config.doubtful_sides
    if against.swapped:
        doubts.append(f"most views state the wrong side of: {', '.join(against.swapped)}")
    elif against.exchanged > config.doubtful_sides:
        doubts.append(f"{against.exchanged:.0%} of the proxies state the wrong side")
    if (observed[:22] < UNOBSERVED).sum() > MOSTLY_UNSEEN:
        strong = True
        doubts.append("no view shows most of the body")
    status: Status = "doubtful" if strong else "one_view" if views == 1 else "ok"
    alone = ["only one view shows the person: depth rests on an average body size"] if views == 1 else []
    unseen = [note] if (note := unobserved_note(unobserved_parts(observed))) else []
    return status, "; ".join([*doubts, *alone, *unseen]), "; ".join(doubts)
