"""A second look at limbs that the proxies contradict: both limbs of a pair at once, with the trunk known by now.

The first guess takes the best place of an upper arm before it has looked at the forearm, and believes every label's
side. Here several places of each limb are kept, piece by piece outwards, from pixels of its own side and, with less
weight, of the other; then the pair of places wins that explains all pixels of both limbs best, each pixel read on the
side that suits it, the side it states being cheaper.
"""

from __future__ import annotations

import numpy as np

from diffproxy.body import BodyParams
from diffproxy.fitting.initialization.left_right import LabelFlips
from diffproxy.fitting.initialization.register_segments import KERNEL, SIGMA
from diffproxy.fitting.initialization.segments import KinematicTree, SegmentSearch, distinct, per_view_weights
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.geometry.rotations import rotation_angle

PAIRS = (((1, 4, 7), (2, 5, 8)), ((16, 18, 20), (17, 19, 21)))
"""Joints that move the pieces of legs and arms, from the trunk outwards, left and right."""
SUSPICIOUS = 0.25
"""Mean robust loss (0 to 1) of a limb's pixels above which its pair is searched again."""
BEAM = 4
OTHER = 0.3
"""Weight of pixels that state the other side."""
MISREAD = 0.2
"""Loss of a pixel for being read on the other side."""


class LimbBeamSearch:
    """The searches of one subject. `search` holds every pixel twice: as it is stated, and with its side exchanged."""

    def __init__(self, search: SegmentSearch, sides: LabelFlips):
        self.search, self.sides = search, sides
        n = len(sides.own)
        self.stated, self.twin = search.driving_joint[:n], np.where(sides.sided, search.driving_joint[n:], -1)
        self.weight = np.zeros(n)
        for joint in np.unique(self.stated):
            rows = np.flatnonzero(self.stated == joint)
            self.weight[rows] = per_view_weights(sides.own.view[rows], sides.own.weight[rows])

    def losses(self, tree: KinematicTree, limb: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Robust loss of every pixel on this limb (n,), as stated and exchanged; 1 where it shows something else."""
        R, c = tree.pose()
        n = len(self.stated)
        out = []
        for movers, first in ((self.stated, 0), (self.twin, n)):
            on = np.flatnonzero(np.isin(movers, limb))
            j = movers[on]
            X = self.search.points[first + on] - self.search.joints[j]
            world = c[j] + tree.scale * np.einsum("nij,nj->ni", R[j], X)
            e = self.search.rays[first + on].away(world)
            loss = np.ones(n)
            loss[on] = geman_mcclure(np.einsum("ni,ni->n", e, e) / KERNEL**2, 1.0)[0]
            out.append(loss)
        return out[0], out[1]

    def beam(self, tree: KinematicTree, limb: tuple[int, ...]) -> list[tuple[float, KinematicTree]]:
        """Places of a limb with what each costs under the pose prior, the present one first."""
        beam = [(0.0, 0.0, tree)]
        for joint in limb:
            longer = []
            for cost, improbable, base in beam:
                places = self.search.find(base, joint, keep=3 * BEAM)
                if places is None:
                    longer.append((cost, improbable, base))
                    continue
                for k in distinct(places.R, BEAM):
                    grown = base.copy()
                    self.search.turn(grown, joint, places.R[k])
                    extra = float(self.search.penalty(joint, grown.local[joint][None])[0])
                    longer.append((cost + float(places.cost[k]), improbable + extra, grown))
            beam = sorted(longer, key=lambda item: item[0])[:BEAM]
        now = sum(float(self.search.penalty(j, tree.local[j][None])[0]) for j in limb)
        return [(now, tree), *((improbable, found) for _, improbable, found in beam)]

    def pair(self, tree: KinematicTree, left: tuple[int, ...], right: tuple[int, ...]) -> KinematicTree:
        """The best two places of a pair of limbs."""
        beams = [self.beam(tree, limb) for limb in (left, right)]
        unit = KERNEL**2 / (2 * SIGMA**2)
        about = np.isin(self.stated, (*left, *right))
        losses = [
            [self.losses(t, limb) for _, t in beam] for beam, limb in zip(beams, (left, right), strict=True)
        ]
        best, least = tree, np.inf
        for (pa, a), (own_a, twin_a) in zip(beams[0], losses[0], strict=True):
            for (pb, b), (own_b, twin_b) in zip(beams[1], losses[1], strict=True):
                stated = np.minimum(own_a, own_b)  # one of the two is 1
                other = np.minimum(twin_a, twin_b)
                loss = np.minimum(stated, MISREAD + other)
                cost = unit * float((self.weight * loss)[about].sum()) + rare(pa) + rare(pb)
                if cost < least:
                    best, least = tree.copy(), cost
                    best.local[list(left)] = a.local[list(left)]
                    best.local[list(right)] = b.local[list(right)]
        return best


def rare(penalty: float) -> float:
    """A prior with heavy tails: people do strange things more often than a Gaussian has it."""
    return 4.0 * float(np.log1p(penalty / 4.0))


def search_limbs(limbs: LimbBeamSearch, params: BodyParams) -> BodyParams | None:
    """The body with better places for its suspicious limbs; None if there are none, or none moved.

    The caller decides, after a fit, whether better means better: the scores here ignore the shape's details.
    """
    tree = limbs.search.from_params(params)
    start = tree.pose()[0]
    for left, right in PAIRS:
        suspicious = False
        for limb in (left, right):
            rows = np.isin(limbs.stated, limb)
            if rows.sum() > 8:
                loss = np.average(limbs.losses(tree, limb)[0][rows], weights=limbs.weight[rows])
                suspicious |= bool(loss > SUSPICIOUS)
        if suspicious:
            tree = limbs.pair(tree, left, right)
    after = tree.pose()[0]
    if not any(rotation_angle(start[j], after[j]) > 0.3 for pair in PAIRS for limb in pair for j in limb):
        return None
    moved = limbs.search.to_params(tree)
    return moved.replace(left_hand_pose=params.left_hand_pose, right_hand_pose=params.right_hand_pose)
