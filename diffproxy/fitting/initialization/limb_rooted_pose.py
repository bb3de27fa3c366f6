"""A pose where little is seen of the trunk: the limb that is seen best is located first, the pelvis follows from it."""

from __future__ import annotations

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.gather_correspondences import ObservedSubject
from diffproxy.fitting.initialization.closed_form_pose import LOG_SCALE_STD, TRUNK, mean_pose
from diffproxy.fitting.initialization.register_segments import RegistrationPrior, register_segment
from diffproxy.fitting.initialization.segments import ENOUGH, KinematicTree, SegmentSearch, distinct
from diffproxy.fitting.pose_statistics import pose_penalty
from diffproxy.fitting.terms.correspondences import driving_joints

ROOTS = 3
"""Segments that are tried as the first one, those with the most pixels first."""
POSES = 4
"""Poses of each that are continued to a body."""


def trunk_share(subject: ObservedSubject, body: BodyModel) -> float:
    """Share of the trunk in the sampled pixels of a subject's body views."""
    pixels = subject.pixels[np.isin(subject.pixels.view, subject.body_views)]
    return float(np.isin(driving_joints(body, pixels.label), TRUNK).mean())


def limb_rooted_pose(
    subject: ObservedSubject, body: BodyModel, config: FitConfig, rest: BodyParams, free_scale: bool = True
) -> BodyParams | None:
    """The best body of those that begin with one of the segments in sight.

    Args:
        subject: What is observed.
        body: Body model.
        config: Options of the search.
        rest: The unposed body, with the betas and the scale to search with.
        free_scale: The scale may change, where two views show the person.

    Returns:
        The body with the smallest loss over all pixels; None if no segment has enough of them.
    """
    search = SegmentSearch(
        body, subject.pixels, subject.maps.cameras, pose_penalty(), rest, config.num_initial_rotations
    )
    unseen = mean_pose(search, float(rest.scale))
    anchor = RegistrationPrior(
        log_scale_std=LOG_SCALE_STD if free_scale and subject.num_body_views > 1 else 0.0
    )
    counts = {j: int((search.driving_joint == j).sum()) for j in search.seen}
    roots = sorted((j for j in counts if counts[j] >= ENOUGH), key=lambda j: -counts[j])[:ROOTS]
    best, least, everything = None, np.inf, np.arange(len(search.found))
    for root in roots:
        piece = search.piece(np.flatnonzero(search.driving_joint == root), search.joints[root])
        places = register_segment(piece, anchor, search.rotations, scale=unseen.scale, keep=8, iterations=8)
        for k in distinct(places.R, POSES):
            tree = unseen.copy()
            tree.scale = float(places.scale[k])
            _carry(tree, root, places.R[k], places.t[k])
            search.find_outwards(tree, but=root)
            if (
                loss := float(np.average(search.losses(tree, everything), weights=search.found.weight))
            ) < least:
                best, least = tree, loss
    return None if best is None else best.to_params(search.rest)


def _carry(tree: KinematicTree, joint: int, R_world: np.ndarray, at: np.ndarray) -> None:
    """Turn and move the whole body, in place, so that `joint` has this rotation and place; its own bend stays."""
    R, c = tree.pose()
    turn = R_world @ R[joint].T
    tree.local[0] = turn @ tree.local[0]
    tree.t = at + turn @ (tree.t - c[joint])
