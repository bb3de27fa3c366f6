"""Detections of one frame to known people by least loss, and with two views pairs of detections first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from diffproxy.association.config import AssociationConfig
from diffproxy.association.new_people import mean_loss
from diffproxy.association.observations import Observations


def assigned(
    points: Sequence[Float[np.ndarray, "T 17 3"]],
    observed: Observations,
    known: Bool[np.ndarray, "T 17"],
    free: Bool[np.ndarray, "V D"],
    later: Float[np.ndarray, "T 1"],
    config: AssociationConfig,
) -> Int[np.ndarray, "T V"]:
    """In each view the assignment of detections to people with the least total loss below the gate.

    Args:
        points: Expected joints for each view, metres.
        observed: The detections of one frame.
        known: Joints whose place in the body is known.
        free: Detections that may be assigned.
        later: Loss added for people who may be anywhere along their rays, so that others come first.
        config: Tolerances.

    Returns:
        The detection of each person in each view, -1 for none.
    """
    out = np.full((len(known), len(points)), -1)
    for v, expected in enumerate(points):
        loss = _loss(v, expected, observed, known, free, config)
        rows, columns = _least(loss, later, config.gate)
        out[rows, v] = columns
    return out


def assigned_pairs(
    points: Float[np.ndarray, "T 17 3"],
    observed: Observations,
    known: Bool[np.ndarray, "T 17"],
    free: Bool[np.ndarray, "2 D"],
    later: Float[np.ndarray, "T 1"],
    same: Bool[np.ndarray, "D D"],
    held: Bool[np.ndarray, "T 2 D"],
    config: AssociationConfig,
) -> Int[np.ndarray, "T 2"]:
    """`assigned` for two views: pairs of detections to people first, then single ones to those who have none.

    Args:
        points: Expected joints, metres.
        observed: The detections of one frame.
        known: Joints whose place in the body is known.
        free: Detections that may be assigned.
        later: Loss added for people who may be anywhere along their rays, so that others come first.
        same: Whether detection d of the first view and e of the second are one person.
        held: Whether a detection goes on with a chain of detections that has been this person before.
        config: Tolerances.

    Returns:
        The detection of each person in each view, -1 for none.
    """
    loss = np.stack([_loss(v, points, observed, known, free, config) for v in range(2)])
    first, second = np.nonzero(same)
    rows, columns = _least(np.maximum(loss[0][:, first], loss[1][:, second]), later, config.gate)
    out = np.full((len(known), 2), -1)
    out[rows, 0], out[rows, 1] = first[columns], second[columns]
    paired = out.copy()
    cost = np.ones((len(known), 2))
    for v in range(2):
        rest = loss[v].copy()
        rest[rows], rest[:, paired[rows, v]] = 1.0, 1.0
        who, what = _least(rest, later, config.gate)
        out[who, v], cost[who, v] = what, rest[who, what] + later[who, 0]
    for t in np.flatnonzero(
        (paired[:, 0] < 0) & (out >= 0).all(-1)
    ):  # no pair: two people, of whom the better one stays
        out[t, int(cost[t].argmax())] = -1
    # The detections of a pair cannot be two people, unless both have been seen there before: then their rays cross.
    for d, e in np.argwhere(same).tolist():
        owners = [np.flatnonzero((paired[:, v] < 0) & (out[:, v] == k)).tolist() for v, k in ((0, d), (1, e))]
        for one, other in product(*owners):
            if not (held[one, 0, d] and held[other, 1, e]):
                out[(one, 0) if cost[one, 0] > cost[other, 1] else (other, 1)] = -1
    return out


def _loss(
    v: int,
    points: np.ndarray,
    observed: Observations,
    known: np.ndarray,
    free: np.ndarray,
    config: AssociationConfig,
) -> Float[np.ndarray, "T D"]:
    """Mean robust loss of each detection of view `v` as each person, in [0, 1]; 1 for detections that are not free."""
    weight = observed.weight[v][None] * known[:, None]
    return np.where(free[v], mean_loss(observed.of_view(v, points), weight, config), 1.0)


def _least(
    loss: Float[np.ndarray, "T K"], later: Float[np.ndarray, "T 1"], gate: float
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """Rows and columns of the assignment with the least total loss below the gate."""
    rows, columns = linear_sum_assignment(np.where(loss < gate, loss + later, gate))
    good = loss[rows, columns] < gate
    return rows[good], columns[good]
