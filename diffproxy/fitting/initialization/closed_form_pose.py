"""A first pose without local minima: pieces are located from the trunk outwards, each by a search over rotations."""

from __future__ import annotations

import numpy as np

from diffproxy.body import BodyParams
from diffproxy.fitting.initialization.register_segments import RegistrationPrior, register_segment
from diffproxy.fitting.initialization.segments import (
    ENOUGH,
    KinematicTree,
    SegmentSearch,
    distinct,
    near,
)
from diffproxy.geometry.rotations import to_matrix

TRUNK = (0, 3, 6, 9)
"""Pelvis and spine: located together first, as one rigid piece."""
LOG_SCALE_STD = 0.04
BEND = 0.4
"""Radians by which the pelvis may turn away from the trunk as a whole."""


def closed_form_pose(
    search: SegmentSearch, shape: BodyParams, free_scale: bool = True, trunk_choice: int = 0
) -> BodyParams:
    """Pose and place from correspondences, and scale where it is free and two views show it.

    `shape` gives betas and scale; its pose and place do not matter. `trunk_choice` takes the second best (1), third
    best (2) ... place of the trunk that is not much like the better ones, or the last there is.
    """
    joints = search.joints
    tree = mean_pose(search, float(shape.scale))
    trunk = np.flatnonzero(np.isin(search.driving_joint, TRUNK))
    if len(trunk) < ENOUGH:
        # no trunk in sight: the whole body as if rigid is better than nothing
        trunk = np.arange(len(search.found))
    several = len(np.unique(search.found.view)) > 1
    anchor = RegistrationPrior(log_scale_std=LOG_SCALE_STD if free_scale and several else 0.0)
    whole = search.piece(trunk, joints[0])
    first = register_segment(whole, anchor, search.rotations, scale=tree.scale, keep=8, iterations=8)
    choices = distinct(first.R, 1 + trunk_choice)
    k = choices[-1]
    tree.scale, tree.t, tree.local[0] = float(first.scale[k]), first.t[k], first.R[k]
    pelvis = np.flatnonzero(search.driving_joint == 0)
    if len(pelvis) >= ENOUGH:  # the trunk bends: let the pelvis settle from there
        piece, anchor = search.piece(pelvis, joints[0]), RegistrationPrior(tree.t, pivot_std=0.05)
        own = register_segment(
            piece, anchor, first.R[k : k + 1], near(first.R[k], BEND), tree.scale, iterations=8
        )
        tree.t, tree.local[0] = own.t[0], own.R[0]

    search.find_outwards(tree)
    return tree.to_params(search.rest)


def mean_pose(search: SegmentSearch, scale: float) -> KinematicTree:
    """The body at the origin in the prior's mean pose, in which what nobody sees stays."""
    local = np.broadcast_to(np.eye(3), (len(search.joints), 3, 3)).copy()
    local[1:22] = to_matrix(search.penalty.mean[1:])
    return KinematicTree(search.parents, search.joints, local, np.zeros(3), scale)
