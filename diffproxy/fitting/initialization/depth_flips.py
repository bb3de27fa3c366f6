"""Other starts for a body that one view shows: limbs whose bones lean towards the camera instead of away, or back.

A bone of known length that looks short in an image leans towards the camera or away from it by the same angle, so each
bone has a second pose with nearly the same image. Coordinates on the surface and the pose prior tell which is right,
but the solver does not get from one to the other.
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.initialization.segments import LIMBS, KinematicTree
from diffproxy.geometry.meshes import unit

LEAST_TURN = 0.4
"""Radians by which a bone has to turn: the solver gets over less by itself."""


def depth_flips(params: BodyParams, body: BodyModel, camera: Camera) -> list[BodyParams]:
    """The bodies with one or both bones of one limb flipped in depth.

    Args:
        params: One body.
        body: Body model.
        camera: The camera that sees it.

    Returns:
        Up to three bodies for each limb: with its upper bone, its lower one, or both mirrored in the plane through the
        joint above and perpendicular to its ray, unless that turns them by less than `LEAST_TURN`. The other bones keep
        their directions, hands and feet turn with the limb.
    """
    tree = KinematicTree.of_body(params, body)
    eye = camera.center_world
    return [
        _flipped(tree, limb, bones, eye).to_params(params)
        for limb in LIMBS
        for bones in _choices(tree, limb, eye)
    ]


def _choices(
    tree: KinematicTree, limb: tuple[int, ...], eye: Float[np.ndarray, "3"]
) -> list[tuple[int, ...]]:
    """One or both bones of a limb, by the joint above each, of those that mirroring would turn."""
    centers = tree.pose()[1]
    turned = []
    for joint, child in pairwise(limb):
        lean = unit(centers[child] - centers[joint]) @ unit(centers[joint] - eye)
        if 2 * abs(np.arcsin(lean)) > LEAST_TURN:
            turned.append(joint)
    return [bones for size in (1, 2) for bones in combinations(turned, size)]


def _flipped(
    tree: KinematicTree, limb: tuple[int, ...], bones: tuple[int, ...], eye: Float[np.ndarray, "3"]
) -> KinematicTree:
    """The tree with these bones of a limb mirrored in depth, and its other bones in the directions that they had."""
    other, before = tree.copy(), tree.pose()[1]
    for joint, child in pairwise(limb):
        centers = other.pose()[1]
        direction = before[child] - before[joint]
        if joint in bones:
            ray = unit(centers[joint] - eye)
            direction = direction - 2 * (direction @ ray) * ray
        other.swing(joint, centers[child] - centers[joint], direction)
    return other
