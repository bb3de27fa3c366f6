"""Other starts for a body that one view shows: limbs whose bones lean towards the camera instead of away, or back.

A bone of known length that looks short in an image leans towards the camera or away from it by the same angle, so each
bone has a second pose with nearly the same image. Coordinates on the surface and the pose prior tell which is right,
but the solver does not get from one to the other.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.initialization.segments import KinematicTree
from diffproxy.geometry.directions import rotation_between
from diffproxy.geometry.meshes import unit

LIMBS = ((1, 4, 7), (2, 5, 8), (16, 18, 20), (17, 19, 21))
"""Joints of each limb: its root, its hinge and its end."""
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
    rest = body.rest_joints(params)[0].double().cpu().numpy()
    tree = KinematicTree.of(params, rest, [-1, *(int(p) for p in body.parents[1:])])
    centers = tree.pose()[1]
    flipped = []
    for limb in LIMBS:
        bones = list(pairwise(limb))
        as_seen = [_lean(centers[j], centers[k], camera.center_world) for j, k in bones]
        for chosen in ((True, False), (False, True), (True, True)):
            if all(
                2 * abs(np.arcsin(lean)) > LEAST_TURN for lean, c in zip(as_seen, chosen, strict=True) if c
            ):
                other = tree.copy()
                for (joint, child), mirrored in zip(bones, chosen, strict=True):
                    _turn(
                        other,
                        joint,
                        child,
                        centers[child] - centers[joint],
                        camera.center_world if mirrored else None,
                    )
                flipped.append(other.to_params(params))
    return flipped


def _lean(start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"], eye: Float[np.ndarray, "3"]) -> float:
    """Sine of the angle between a bone and the plane perpendicular to the ray to its start; positive: away."""
    return float(unit(end - start) @ unit(start - eye))


def _turn(
    tree: KinematicTree,
    joint: int,
    child: int,
    direction: Float[np.ndarray, "3"],
    eye: Float[np.ndarray, "3"] | None,
) -> None:
    """Give a bone this direction, in place, mirrored in depth if it is seen from `eye`."""
    R, centers = tree.pose()
    if eye is not None:
        ray = unit(centers[joint] - eye)
        direction = direction - 2 * (direction @ ray) * ray
    turn = rotation_between(centers[child] - centers[joint], direction)
    tree.local[joint] = R[tree.parents[joint]].T @ turn @ R[joint]
