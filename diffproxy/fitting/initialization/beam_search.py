"""Beam search over the poses of a pair of limbs whose pixels contradict the closed-form pose.

The closed form decides on the pose of an upper arm before it considers the forearm, and it takes every label's side as
right. Here the best poses of each limb are kept (a beam), segment by segment from the trunk outwards, from pixels of
both sides, those of the other side with less weight. Of all pairs of a left and a right pose the one is chosen that
explains the pixels of both limbs best. A pixel may belong to either side, to the side of its label at less cost.
"""

from __future__ import annotations

import numpy as np

from diffproxy.body import BodyParams
from diffproxy.fitting.initialization.register_segments import SEARCH_SIGMA
from diffproxy.fitting.initialization.segments import LIMBS, KinematicTree, SegmentSearch, distinct
from diffproxy.fitting.rays import RAY_KERNEL
from diffproxy.fitting.terms.correspondences import per_view_weights
from diffproxy.fitting.terms.left_right import LabelFlips
from diffproxy.geometry.rotations import rotation_angle

PAIRS = (LIMBS[:2], LIMBS[2:])
"""The legs and the arms: joints that drive their segments."""
MAX_LIMB_LOSS = 0.25
"""Mean robust loss (0 to 1) of a limb's pixels above which its pair is searched again."""
BEAM = 4
OTHER_SIDE_WEIGHT = 0.3
"""Factor on the weights of pixels whose labels are those of the other side."""
FLIP_LOSS = 0.2
"""Loss of a pixel for being assigned to the other side than its label's."""


class LimbBeamSearch:
    """The searches of one subject. `search` holds every pixel twice: as labelled, and as its counterpart."""

    def __init__(self, search: SegmentSearch, flips: LabelFlips):
        self.search = search
        n = len(flips.stated)
        self.stated, self.counterpart = (
            search.driving_joint[:n],
            np.where(flips.sided, search.driving_joint[n:], -1),
        )
        self.weight = np.zeros(n)
        for joint in np.unique(self.stated):
            rows = np.flatnonzero(self.stated == joint)
            self.weight[rows] = per_view_weights(flips.stated.view[rows], flips.stated.weight[rows])

    def losses(self, tree: KinematicTree, limb: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Robust loss of every pixel on this limb (n,), as labelled and as counterpart; 1 for pixels of other parts."""
        n = len(self.stated)
        out = []
        for movers, first in ((self.stated, 0), (self.counterpart, n)):
            on = np.flatnonzero(np.isin(movers, limb))
            loss = np.ones(n)
            loss[on] = self.search.losses(tree, first + on)
            out.append(loss)
        return out[0], out[1]

    def beam(self, tree: KinematicTree, limb: tuple[int, ...]) -> list[tuple[float, KinematicTree]]:
        """Poses of a limb with their costs under the pose prior, the present pose first."""
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
        """The best poses of a pair of limbs."""
        beams = [self.beam(tree, limb) for limb in (left, right)]
        unit = RAY_KERNEL**2 / (2 * SEARCH_SIGMA**2)
        about = np.isin(self.stated, (*left, *right))
        losses = [
            [self.losses(t, limb) for _, t in beam] for beam, limb in zip(beams, (left, right), strict=True)
        ]
        best, least = tree, np.inf
        for (pa, a), (stated_a, counterpart_a) in zip(beams[0], losses[0], strict=True):
            for (pb, b), (stated_b, counterpart_b) in zip(beams[1], losses[1], strict=True):
                stated = np.minimum(stated_a, stated_b)  # one of the two is 1
                other = np.minimum(counterpart_a, counterpart_b)
                loss = np.minimum(stated, FLIP_LOSS + other)
                cost = unit * float((self.weight * loss)[about].sum()) + heavy_tailed(pa) + heavy_tailed(pb)
                if cost < least:
                    best, least = tree.copy(), cost
                    best.local[list(left)] = a.local[list(left)]
                    best.local[list(right)] = b.local[list(right)]
        return best


def heavy_tailed(penalty: float) -> float:
    """Negative log-likelihood with heavy tails, as of a Student t: a Gaussian makes unusual poses too rare."""
    return 4.0 * float(np.log1p(penalty / 4.0))


def search_limbs(limbs: LimbBeamSearch, params: BodyParams) -> BodyParams | None:
    """Parameters with better poses of limbs with a high loss; None if there are no such limbs, or no limb moved."""
    tree = KinematicTree.of(params, limbs.search.joints, limbs.search.parents)
    start = tree.pose()[0]
    for left, right in PAIRS:
        suspicious = False
        for limb in (left, right):
            rows = np.isin(limbs.stated, limb)
            if rows.sum() > 8:
                loss = np.average(limbs.losses(tree, limb)[0][rows], weights=limbs.weight[rows])
                suspicious |= bool(loss > MAX_LIMB_LOSS)
        if suspicious:
            tree = limbs.pair(tree, left, right)
    after = tree.pose()[0]
    if not any(rotation_angle(start[j], after[j]) > 0.3 for pair in PAIRS for limb in pair for j in limb):
        return None
    moved = tree.to_params(limbs.search.rest)
    return moved.replace(left_hand_pose=params.left_hand_pose, right_hand_pose=params.right_hand_pose)
