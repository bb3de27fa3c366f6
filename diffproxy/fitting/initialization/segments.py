"""The body as a tree of rigid pieces, and the search for one piece given the pose of what carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.initialization.register_segments import (
    PoseHypotheses,
    RegistrationPrior,
    RigidSegment,
    register_segment,
    rotation_grid,
)
from diffproxy.fitting.pose_statistics import PosePenalty
from diffproxy.fitting.rays import pixel_rays, relative_loss
from diffproxy.fitting.terms.correspondences import Correspondences, driving_joints, per_view_weights
from diffproxy.geometry.directions import rotation_between
from diffproxy.geometry.rotations import rotation_angle, to_matrix, to_rotvec

SPREAD = {3, 6, 9, 12, 15}
"""Joints that share a bend equally (spine, neck); elsewhere the last joint before the piece takes all of it."""
APART = np.radians(35)
"""Hypotheses of a piece closer than this are one."""
ENOUGH = 8
"""Fewer pixels than this do not locate a piece."""
LIMBS = ((1, 4, 7), (2, 5, 8), (16, 18, 20), (17, 19, 21))
"""Joints of legs and arms from the trunk outwards, left and right."""


@dataclass
class KinematicTree:
    """A posed skeleton: local rotations (J,3,3), place of the root joint (world, metres), scale."""

    parents: list[int]
    rest: Float[np.ndarray, "J 3"]
    local: Float[np.ndarray, "J 3 3"]
    t: Float[np.ndarray, "3"]
    scale: float

    def pose(self) -> tuple[Float[np.ndarray, "J 3 3"], Float[np.ndarray, "J 3"]]:
        """World rotations and positions of the joints."""
        R, c = self.local.copy(), np.empty_like(self.rest)
        c[0] = self.t
        for j in range(1, len(R)):
            p = self.parents[j]
            R[j] = R[p] @ self.local[j]
            c[j] = c[p] + self.scale * R[p] @ (self.rest[j] - self.rest[p])
        return R, c

    def swing(self, joint: int, start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"]) -> None:
        """Turn a joint, in place, by the smallest rotation from one world direction to another."""
        R, parent = self.pose()[0], self.parents[joint]
        self.local[joint] = R[parent].T @ rotation_between(start, end) @ R[joint]

    def copy(self) -> KinematicTree:
        return KinematicTree(self.parents, self.rest, self.local.copy(), self.t, self.scale)

    @staticmethod
    def of_body(params: BodyParams, body: BodyModel) -> KinematicTree:
        """The tree of one posed body."""
        rest = body.rest_joints(params)[0].double().cpu().numpy()
        return KinematicTree.of(params, rest, [-1, *(int(p) for p in body.parents[1:])])

    @staticmethod
    def of(params: BodyParams, rest: Float[np.ndarray, "J 3"], parents: list[int]) -> KinematicTree:
        """The tree of one posed body with these rest joints."""
        rotvecs = params.full_pose[0].double().cpu().numpy().reshape(-1, 3)
        scale = float(params.scale)
        t = params.transl[0].double().cpu().numpy() + scale * rest[0]
        return KinematicTree(parents, rest, to_matrix(rotvecs), t, scale)

    def to_params(self, like: BodyParams) -> BodyParams:
        """`like` with this pose, place and scale; the root joint of the unplaced body stays at its rest position."""
        betas = like.betas
        pose = torch.as_tensor(to_rotvec(self.local), dtype=betas.dtype, device=betas.device).reshape(1, 165)
        transl = torch.as_tensor(self.t - self.scale * self.rest[0], dtype=betas.dtype, device=betas.device)
        scale = torch.full_like(like.scale, self.scale)
        return like.replace(**BodyParams.split_full_pose(pose), transl=transl[None], scale=scale)


class SegmentSearch:
    """Everything that the searches of one subject share: rest points of the pixels, their rays, the rotation grid.

    Args:
        body: Body model.
        found: The subject's pixels.
        cameras: Of the maps that these are of.
        penalty: What is known of poses.
        shape: One body, whose betas are assumed.
        grid: Number of rotations to try.
    """

    def __init__(
        self,
        body: BodyModel,
        found: Correspondences,
        cameras: tuple[Camera, ...],
        penalty: PosePenalty,
        shape: BodyParams,
        grid: int,
    ):
        rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
        self.rest = rest.replace(betas=shape.betas)
        faces, bary = torch.from_numpy(found.face)[None], torch.from_numpy(found.bary)[None]
        posed = body.surface_points(self.rest, faces.to(rest.betas.device), bary.to(rest.betas))
        self.points = posed[0].double().cpu().numpy()
        self.joints = body.joints(self.rest)[0].double().cpu().numpy()
        self.parents = [-1, *(int(p) for p in body.parents[1:])]
        self.found, self.penalty = found, penalty
        self.rays = pixel_rays(cameras, found.view, found.pixel)
        self.driving_joint = driving_joints(body, found.label)
        self.rotations = np.concatenate([np.eye(3)[None], rotation_grid(grid)])
        # fingers are left to the solver: a relaxed hand is close enough
        self.seen = sorted(j for j in set(self.driving_joint.tolist()) if 0 < j < len(penalty.mean))

    def piece(self, rows: Int[np.ndarray, " N"], pivot: Float[np.ndarray, "3"]) -> RigidSegment:
        weight = per_view_weights(self.found.view[rows], self.found.weight[rows])
        return RigidSegment(self.points[rows] - pivot, self.rays[rows], weight)

    def chain(self, joint: int) -> list[int]:
        """The joints from the next piece inwards (exclusive) to this piece's joint that its rotation is given to."""
        chain = [joint]
        while self.parents[chain[0]] not in (0, *self.seen):
            chain.insert(0, self.parents[chain[0]])
        return chain if all(j in SPREAD for j in chain) else [joint]

    def find(self, tree: KinematicTree, joint: int, keep: int = 4) -> PoseHypotheses | None:
        """Places of the piece that `joint` moves, on the tree as posed; None if too few pixels show it."""
        rows = np.flatnonzero(self.driving_joint == joint)
        if len(rows) < ENOUGH:
            return None
        chain = self.chain(joint)
        R, c = tree.pose()
        R_base = R[self.parents[chain[0]]]

        def improbable(R_world: np.ndarray) -> np.ndarray:
            return self.penalty(joint, to_matrix(to_rotvec(R_base.T @ R_world) / len(chain)))

        anchor = RegistrationPrior(c[chain[0]], pivot_std=0.05 if len(chain) == 1 else 0.07)
        candidates = np.concatenate([R[joint][None], R_base @ self.rotations])
        piece = self.piece(rows, self.joints[chain[0]])
        return register_segment(piece, anchor, candidates, improbable, tree.scale, keep)

    def find_outwards(self, tree: KinematicTree, but: int = 0) -> None:
        """Find the pieces in sight one after the other, parents first, in place; `but`: a piece that stays."""
        for joint in (j for j in _outwards(self.parents) if j in self.seen and j != but):
            places = self.find(tree, joint)
            if places is not None:
                self.turn(tree, joint, places.R[0])

    def losses(self, tree: KinematicTree, rows: Int[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        """Robust loss (0 to 1) of these pixels, each on the piece of its label."""
        R, c = tree.pose()
        j = self.driving_joint[rows]
        X = self.points[rows] - self.joints[j]
        world = c[j] + tree.scale * np.einsum("nij,nj->ni", R[j], X)
        return relative_loss(self.rays[rows].offsets(world))

    def turn(self, tree: KinematicTree, joint: int, R_world: Float[np.ndarray, "3 3"]) -> None:
        """Give the piece this world rotation, in place; joints that share a bend take equal parts."""
        chain = self.chain(joint)
        R_base = tree.pose()[0][self.parents[chain[0]]]
        share = to_matrix(to_rotvec((R_base.T @ R_world)[None])[0] / len(chain))
        for j in chain:
            tree.local[j] = share


def near(R: Float[np.ndarray, "3 3"], std: float) -> Callable[[np.ndarray], np.ndarray]:
    """Penalty on turning away from R, `std` in radians."""
    return lambda other: 0.5 * (to_rotvec(R.T @ other) ** 2).sum(-1) / std**2


def distinct(R: Float[np.ndarray, "K 3 3"], count: int) -> list[int]:
    """Indices of the first `count` rotations that are `APART` from each other, in the order given."""
    kept: list[int] = []
    for k in range(len(R)):
        if len(kept) < count and all(rotation_angle(R[k], R[j]) > APART for j in kept):
            kept.append(k)
    return kept


def _outwards(parents: list[int]) -> list[int]:
    """Joints ordered so that parents come first (SMPL-X numbering does already; others may not)."""
    order = [0]
    for j in order:
        order += [k for k, p in enumerate(parents) if p == j and k != 0]
    return order
