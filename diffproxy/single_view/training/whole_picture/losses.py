"""What the network of whole pictures is trained with: its maps, and the bodies after every layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffproxy.detector.people import STRIDE, strongest_cells
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.training.losses import LossWeights, regression_losses
from diffproxy.single_view.training.whole_picture.pictures import PictureBatch
from diffproxy.single_view.whole_picture.features import PictureMaps
from diffproxy.single_view.whole_picture.network import PeopleOutput

NEAR = 0.15
"""Of the longer side of a person's box: how far from its middle a peak may be and still be that person's."""
SPREAD = 0.06
"""The same: standard deviation of the target of the score."""
FALSE_PEAKS = 4
"""Most peaks of nobody that become queries of a picture, so that the network learns to deny them."""


@dataclass(frozen=True)
class PictureLossWeights:
    """Factors of the terms, set by hand; `people`: of the regressor's terms."""

    score: float = 0.5
    depth: float = 0.3
    presence: float = 0.3
    people: LossWeights = field(default_factory=LossWeights)


class Queried(NamedTuple):
    """Which cells are looked at in training; M a picture."""

    cells: Int[Tensor, "B M"]
    valid: Bool[Tensor, "B M"]
    person: Int[Tensor, "B M"]
    """Row of `PictureBatch.people`; -1: nobody."""


@torch.no_grad()
def queries_of(batch: PictureBatch, maps: PictureMaps) -> Queried:
    """A query for each person who counts, at the peak nearest to the true place, or there if no peak is near.

    The strongest peaks far from everybody become queries of nobody. So no matching of predictions is needed.
    """
    score = maps.score.sigmoid()
    columns = score.shape[-1]
    peaks = strongest_cells(score, 16)
    places = STRIDE * torch.stack([peaks % columns, peaks // columns], -1).float()  # as MoveNet decodes cells
    strength = score.flatten(1).gather(1, peaks)
    rows: list[list[tuple[int, int]]] = []
    for b, own in enumerate(_rows_of(batch)):
        reach = NEAR * batch.extents[own].clamp_min(4 * STRIDE)
        away = (places[b][None] - batch.centers[own][:, None]).norm(dim=-1) / reach[:, None]  # (t, 16)
        chosen = []
        for t, row in enumerate(own.tolist()):
            if not batch.counted[row]:
                continue
            best = int(away[t].argmin())
            x, y = (batch.centers[row] / STRIDE).long().tolist()
            here = min(max(y, 0), score.shape[-2] - 1) * columns + min(max(x, 0), columns - 1)
            chosen.append((int(peaks[b, best]) if away[t, best] < 1 else here, row))
        lonely = (away > 2).all(0) & (strength[b] > 0.02) if len(own) else strength[b] > 0.02
        lonely &= ~batch.unlabelled[b].flatten()[peaks[b]]
        chosen += [(int(c), -1) for c in peaks[b][lonely][:FALSE_PEAKS]]
        rows.append(chosen)
    M = max(1, *(len(r) for r in rows))
    cells, person = torch.zeros(len(rows), M, dtype=torch.long), torch.full((len(rows), M), -1)
    valid = torch.zeros(len(rows), M, dtype=torch.bool)
    for b, chosen in enumerate(rows):
        for m, (cell, row) in enumerate(chosen):
            cells[b, m], person[b, m], valid[b, m] = cell, row, True
        valid[b, 0] = True  # attention needs somebody
    return Queried(cells, valid, person)


def picture_losses(
    out: PeopleOutput,
    queried: Queried,
    batch: PictureBatch,
    bins: Float[Tensor, " K"],
    skeleton: KeypointBody,
    weights: PictureLossWeights,
) -> dict[str, Tensor]:
    """The weighted terms; `total` is their sum.

    Score: the focal loss of Objects as Points (Zhou et al. 2019). Depth: cross entropy with the two bins next to the
    true depth, on people. Bodies: the terms of `training.losses`, means over the layers, people by how
    much of them is visible. Presence: cross entropy with
    whether somebody is there.

    Args:
        out: Output of the network for these queries.
        queried: The queries.
        batch: The truth.
        bins: Of log depth over focal length.
        skeleton: Poses bodies.
        weights: Factors.
    """
    rows = queried.valid.flatten()
    person = queried.person.flatten()[rows]
    is_person = (person >= 0).float()
    terms: dict[str, Tensor] = {}
    if len(batch.of):
        truth, counts = batch.people[person.clamp_min(0)], batch.visible[person.clamp_min(0)]
        told = batch.camera.repeat_interleave(queried.cells.shape[1], 0)[rows, 0]
        for stage in out.stages[1:]:
            body = type(stage)(*(value[rows] for value in stage)).body(told)
            for name, value in regression_losses(
                body, truth, is_person, skeleton, weights.people, counts
            ).items():
                terms[name] = terms.get(name, 0.0) + value / (len(out.stages) - 1)
        terms.pop("total")
    presence = [F.binary_cross_entropy_with_logits(s.presence[rows], is_person) for s in out.stages[1:]]
    terms["presence"] = weights.presence * torch.stack(presence).mean()
    terms["score"] = weights.score * score_loss(out.maps.score, batch)
    terms["depth_map"] = weights.depth * depth_loss(out.maps.depth_logits, batch, bins)
    terms["total"] = torch.stack([*terms.values()]).sum()
    return terms


def score_loss(score: Float[Tensor, "B 1 P Q"], batch: PictureBatch) -> Tensor:
    """Focal loss of the centres, over the number of people; people who do not count are left out with their boxes."""
    B, _, P, Q = score.shape
    y, x = (STRIDE * torch.arange(n, dtype=torch.float32) for n in (P, Q))
    target, ignored = torch.zeros(B, P, Q), batch.unlabelled.clone()
    positive = torch.zeros(B, P, Q, dtype=torch.bool)
    for b, own in enumerate(_rows_of(batch)):
        for row in own.tolist():
            (cx, cy), side = batch.centers[row].tolist(), float(batch.extents[row])
            if not batch.counted[row]:
                ignored[b] |= ((y - cy).abs() < side / 2)[:, None] & ((x - cx).abs() < side / 2)[None]
                continue
            spread = 2 * max(SPREAD * side, STRIDE / 2) ** 2
            bump = (
                torch.exp(-(y - cy).square() / spread)[:, None] * torch.exp(-(x - cx).square() / spread)[None]
            )
            target[b] = torch.maximum(target[b], bump)
            positive[b, int(min(max(cy / STRIDE, 0), P - 1)), int(min(max(cx / STRIDE, 0), Q - 1))] = True
    logits, share = score[:, 0], score[:, 0].sigmoid()
    found = -((1 - share).square() * F.logsigmoid(logits))[positive].sum()
    empty = -(1 - target).pow(4) * share.square() * F.logsigmoid(-logits)
    return (found + empty[~positive & ~ignored].sum()) / positive.sum().clamp_min(1)


def depth_loss(logits: Float[Tensor, "B K p q"], batch: PictureBatch, bins: Float[Tensor, " K"]) -> Tensor:
    """Cross entropy of the cells that show people with the two bins next to the true depth over focal length."""
    b, y, x = torch.nonzero(batch.depth > 0, as_tuple=True)
    if not len(b):
        return logits.sum() * 0
    focal = torch.ones(len(batch.depth)).index_put((batch.of,), batch.people.focal)
    true = (batch.depth[b, y, x] / focal[b]).log().clamp(float(bins[0]), float(bins[-1]))
    near = (1 - (true[:, None] - bins).abs() / (bins[1] - bins[0])).clamp_min(0)
    return -(near * logits[b, :, y, x].log_softmax(1)).sum(1).mean()


def _rows_of(batch: PictureBatch) -> list[Tensor]:
    """Rows of the people of each picture."""
    return [torch.nonzero(batch.of == b)[:, 0] for b in range(len(batch.images))]
