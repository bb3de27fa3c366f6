"""People in the detections of one frame that nobody known accounts for: pairs of views propose, all views judge."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.association.config import AssociationConfig
from diffproxy.association.observations import NEAREST, Observations, triangulate
from diffproxy.association.skeleton import is_human_size
from diffproxy.geometry.triangulation import perpendicular, solve_point


@dataclass(frozen=True)
class NewPerson:
    """`points` metres, `found` the joints that two views support, `picks` the detection of each view or -1."""

    points: Float[np.ndarray, "17 3"]
    found: Bool[np.ndarray, "17"]
    picks: Int[np.ndarray, " V"]
    evidence: float


def mean_loss(
    miss: Float[np.ndarray, "*B 17"], weight: Float[np.ndarray, "*B 17"], config: AssociationConfig
) -> Float[np.ndarray, "*B"]:
    """Mean over joints of the robust loss in [0, 1]; 1 where fewer than `config.min_joints` can be compared."""
    square = np.square(np.minimum(miss, 1e3))
    loss = square / (square + config.loss_scale**2)
    total = weight.sum(-1)
    mean = (weight * loss).sum(-1) / np.maximum(total, 1e-9)
    return np.asarray(np.where((weight > 0).sum(-1) >= config.min_joints, mean, 1.0))


def find_new_people(
    observed: Observations,
    free: Bool[np.ndarray, "V D"],
    config: AssociationConfig,
    pairs: Bool[np.ndarray, "D D"] | None = None,
) -> list[NewPerson]:
    """Everybody on whom two views or more agree, most evidence first; each detection serves one person at most.

    Args:
        observed: The detections of one frame.
        free: Detections that belong to nobody yet.
        config: Tolerances.
        pairs: With two views, which detections of the first and the second may be one person; None: all.
    """
    free = free & (observed.score > 0)
    if free.any(-1).sum() < 2:
        return []
    proposals = _proposals(observed, free, config)
    if pairs is not None:
        proposals = [p for p in proposals if pairs[p[0][0][1], p[0][1][1]]]
    found: list[NewPerson] = []
    while proposals:
        people = [_expanded(observed, p, free, config) for p in proposals]
        kept = [(p, person) for p, person in zip(proposals, people, strict=True) if person is not None]
        if not kept:
            break
        best = max((person for _, person in kept), key=lambda person: person.evidence)
        found.append(best)
        seen = np.flatnonzero(best.picks >= 0)
        free[seen, best.picks[seen]] = False
        proposals = [p for p, _ in kept if all(free[v, d] for v, d in p[0])]
    return found


_Proposal = tuple[tuple[tuple[int, int], tuple[int, int]], np.ndarray, np.ndarray]


def pair_misses(observed: Observations, config: AssociationConfig) -> Float[np.ndarray, "D D"]:
    """Median distance in metres of the rays of two views from the joints between them, for each pair of detections.

    Infinite where they are no person: few joints in common, behind a camera, or no human size.
    """
    P = perpendicular(observed.direction)
    b = np.einsum("vdkij,vj->vdki", P, observed.origin)
    points = solve_point(P[0][:, None] + P[1][None], b[0][:, None] + b[1][None])  # (D, D, 17, 3)
    both = (observed.weight[0][:, None] > 0) & (observed.weight[1][None] > 0)
    off = np.zeros(both.shape)
    for v in range(2):
        away = points - observed.origin[v]
        own = observed.direction[v][:, None] if v == 0 else observed.direction[v][None]
        along = (away * own).sum(-1)
        across = np.sqrt(np.maximum(np.square(away).sum(-1) - along**2, 0.0))
        off = np.maximum(off, np.where(along > NEAREST, across, np.inf))
    human = is_human_size(points, both & (off < config.tolerance), unknown=True)
    return np.where(human & (both.sum(-1) >= config.min_joints), median_of_known(off, both), np.inf)


def median_of_known(
    values: Float[np.ndarray, "*B K"], known: Bool[np.ndarray, "*B K"]
) -> Float[np.ndarray, "*B"]:
    """The (lower) median of the known values of each row; infinite without any."""
    ordered = np.sort(np.where(known, values, np.inf), axis=-1)
    middle = np.maximum(known.sum(-1) - 1, 0) // 2
    return np.asarray(np.take_along_axis(ordered, middle[..., None], -1)[..., 0])


def _proposals(observed: Observations, free: np.ndarray, config: AssociationConfig) -> list[_Proposal]:
    """Pairs of detections in two views that agree on a body of human size: the pair, its joints, which agree."""
    out: list[_Proposal] = []
    P = perpendicular(observed.direction)
    b = np.einsum("vdkij,vj->vdki", P, observed.origin)
    for v, w in combinations(range(len(free)), 2):
        i, j = (
            x.ravel() for x in np.meshgrid(np.flatnonzero(free[v]), np.flatnonzero(free[w]), indexing="ij")
        )
        if not len(i):
            continue
        points = solve_point(P[v, i] + P[w, j], b[v, i] + b[w, j])
        both = (observed.weight[v, i] > 0) & (observed.weight[w, j] > 0)
        rows = np.arange(len(i))
        miss = observed.miss(points)
        agree = both & (np.maximum(miss[v, rows, i], miss[w, rows, j]) < config.tolerance)
        enough = (agree.sum(-1) >= config.min_joints) & (agree.sum(-1) >= config.min_agreement * both.sum(-1))
        for k in np.flatnonzero(enough & is_human_size(points, agree)):
            out.append((((v, int(i[k])), (w, int(j[k]))), points[k], agree[k]))
    return out


def _expanded(
    observed: Observations, proposal: _Proposal, free: np.ndarray, config: AssociationConfig
) -> NewPerson | None:
    """The proposal with the best free detection of every other view, triangulated from all; None if that fails."""
    pair, points, agree = proposal
    loss = mean_loss(observed.miss(points[None])[:, 0], observed.weight * agree, config)  # (V, D)
    loss = np.where(free, loss, 1.0)
    picks = np.where(loss.min(-1) < config.gate, loss.argmin(-1), -1)
    for v, d in pair:
        picks[v] = d
    result = triangulate(observed, picks[None], points[None], np.full((1, 17), 1e-6), config.loss_scale)
    direction_weight = observed.chosen(picks[None])[1][0]
    supports = (direction_weight > 0) & (result.miss[0] < config.tolerance)
    found = supports.sum(0) >= 2
    count = (direction_weight > 0).sum(-1)
    keep = supports.sum(-1) >= np.maximum(config.min_joints, config.min_agreement * count)
    picks = np.where(keep, picks, -1)
    if (
        (picks >= 0).sum() < 2
        or found.sum() < config.min_joints
        or not is_human_size(result.points[0], found)
    ):
        return None
    seen = np.flatnonzero(picks >= 0)
    # Rays of two people may meet within the tolerance too: those that meet best come first.
    support = supports * (1 - np.square(np.minimum(result.miss[0] / config.tolerance, 1.0)))
    evidence = float((observed.score[seen, picks[seen]] * support[seen].sum(-1)).sum())
    return NewPerson(result.points[0], found, picks, evidence)
