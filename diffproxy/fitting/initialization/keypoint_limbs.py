"""Another start for a fitted body: limbs turned to where the keypoints of several views meet.

Keypoints are far rows of the data term's robust kernel where a limb was fitted elsewhere, so they do not bring it back;
the solver has to start where they are.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.initialization.segments import LIMBS, KinematicTree
from diffproxy.fitting.observed import moving_joints
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.keypoints.triangulate import agreed_point

BONES = tuple(limb[:2] for limb in LIMBS)
"""Joints that turn the two bones of each limb. The keypoint at a bone's end moves with it."""
AWAY = 0.12
"""Metres between a keypoint of the fitted body and where views agree that it is, above which its limb is turned."""


def limbs_at_keypoints(
    params: BodyParams, body: BodyModel, keypoints: Keypoints, cameras: tuple[Camera, ...]
) -> BodyParams | None:
    """Turn the limbs of a fitted body whose keypoints several views put elsewhere.

    Args:
        params: One body.
        body: Body model.
        keypoints: Keypoints of the views.
        cameras: Pinhole cameras of the views.

    Returns:
        The body with these limbs turned, bone by bone from the trunk outwards, each by the smallest rotation; None if
        no keypoint on which two views agree is more than `AWAY` from its place.
    """
    tree = KinematicTree.of_body(params, body)
    marks = _Marks(params, keypoints, cameras)
    moved = False
    for limb in BONES:
        bones = [joint for joint in limb if joint in marks.points]
        if any(np.linalg.norm(marks.points[j] - marks.place(tree, j)) > AWAY for j in bones):
            moved = True
            for joint in bones:
                center = tree.pose()[1][joint]
                tree.swing(joint, marks.place(tree, joint) - center, marks.points[joint] - center)
    return tree.to_params(params) if moved else None


class _Marks:
    """The keypoint at the end of each bone: where it is fixed at rest, and where views agree that it is.

    `points`: (3,) world, metres, by the joint that moves the keypoint.
    """

    def __init__(self, params: BodyParams, keypoints: Keypoints, cameras: tuple[Camera, ...]):
        rows, marked = keypoints.rows, keypoints.body
        movers = moving_joints(marked, rows.face)
        self.points: dict[int, Float[np.ndarray, "3"]] = {}
        self.fixed: dict[int, Float[np.ndarray, "3"]] = {}
        unposed = BodyParams.rest(1, dtype=params.betas.dtype, device=params.betas.device)
        unposed = unposed.replace(betas=params.betas)
        faces, barys = (torch.from_numpy(a)[None].to(params.betas.device) for a in (rows.face, rows.bary))
        fixed = marked.surface_points(unposed, faces, barys.to(params.betas))[0].double().cpu().numpy()
        for joint in (j for limb in BONES for j in limb):
            seen = np.flatnonzero(movers == joint)
            views = [cameras[v] for v in rows.view[seen]]
            if len(set(rows.view[seen])) < 2 or len(set(rows.face[seen])) > 1:
                continue
            xy = np.concatenate([c.normalized(p[None]) for c, p in zip(views, rows.pixel[seen], strict=True)])
            point, agreeing = agreed_point(xy, rows.weight[seen], views)
            if agreeing.any():
                self.points[joint], self.fixed[joint] = point, fixed[seen[0]]

    def place(self, tree: KinematicTree, joint: int) -> Float[np.ndarray, "3"]:
        """Where a posed body has the keypoint that `joint` moves, world, metres."""
        R, centers = tree.pose()
        return centers[joint] + tree.scale * R[joint] @ (self.fixed[joint] - tree.rest[joint])
