"""A first pose without local minima: pieces are located from the trunk outwards, each by a search over rotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.correspondences import Correspondences
from diffproxy.fitting.rays import pixel_rays
from diffproxy.fitting.resection import KERNEL, Anchor, Piece, exp_map, locate, rotation_grid

TRUNK = (0, 3, 6, 9)
"""Pelvis and spine: located together first, as one rigid piece."""
SPREAD = {3, 6, 9, 12, 15}
"""Joints that share a bend equally (spine, neck); elsewhere the last joint before the piece takes all of it."""
ENOUGH = 8
"""Fewer pixels than this do not locate a piece."""


@dataclass(frozen=True)
class Start:
    """The first guess, and how each located piece went: joint → (pixels, cost per unit weight)."""

    params: BodyParams
    pieces: dict[int, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class PosePenalty:
    """Gaussian over joint rotations relative to the parent: means (22,3) and precisions (22,3,3), radians."""

    mean: Float[np.ndarray, "22 3"]
    precision: Float[np.ndarray, "22 3 3"]

    def __call__(self, joint: int, R_parent_joint: Float[np.ndarray, "K 3 3"]) -> Float[np.ndarray, "K"]:
        e = log_map(R_parent_joint) - self.mean[joint]
        return 0.5 * np.einsum("ki,ij,kj->k", e, self.precision[joint], e)


def log_map(R: Float[np.ndarray, "K 3 3"]) -> Float[np.ndarray, "K 3"]:
    """Rotation vectors, angles in [0, pi]."""
    return Rotation.from_matrix(R).as_rotvec()


def piece_joints(body: BodyModel, labels: np.ndarray) -> np.ndarray:
    """The joint that moves the part of each label (N,)."""
    return np.asarray(body.atlas.segment_of_label)[labels]


def balanced(view: np.ndarray, weight: np.ndarray, per_view: float = 8.0) -> np.ndarray:
    """Weights under which every view has one voice, of `per_view` independent observations; small views less."""
    counts = np.bincount(view, minlength=int(view.max()) + 1)
    voice = per_view * np.minimum(1.0, counts / 30.0) / np.maximum(counts, 1)
    return weight * voice[view]


class _Tree:
    """Joint positions and world rotations, filled in from the root down."""

    def __init__(self, parents: list[int], rest: np.ndarray):
        self.parents, self.rest = parents, rest
        self.local = np.broadcast_to(np.eye(3), (len(parents), 3, 3)).copy()

    def pose(self, t: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """World rotations (J,3,3) and positions (J,3); `t` is the place of the root joint."""
        R, c = self.local.copy(), np.empty_like(self.rest)
        c[0] = t
        for j in range(1, len(R)):
            p = self.parents[j]
            R[j] = R[p] @ self.local[j]
            c[j] = c[p] + scale * R[p] @ (self.rest[j] - self.rest[p])
        return R, c


def closed_form_start(
    body: BodyModel,
    found: Correspondences,
    cameras: tuple[Camera, ...],
    penalty: PosePenalty,
    shape: BodyParams,
    free_scale: bool = True,
    grid: int = 300,
) -> Start:
    """Pose and place from correspondences, and scale where it is free and two views show it.

    `shape` gives betas and scale; its pose and place do not matter.
    """
    rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
    rest = rest.replace(betas=shape.betas)
    scale = float(shape.scale)
    faces = torch.from_numpy(found.face)[None]
    posed = body.surface_points(rest, faces, torch.from_numpy(found.bary)[None].to(rest.betas.dtype))
    points = posed[0].double().cpu().numpy()
    joints = body.joints(rest)[0].double().cpu().numpy()
    parents = [int(p) for p in body.parents]
    parents[0] = -1
    tree = _Tree(parents, joints)
    tree.local[1:22] = exp_map(penalty.mean[1:])  # what nobody sees stays at the prior's mean

    rays = pixel_rays(cameras, found.view, found.pixel)
    moved_by = piece_joints(body, found.label)
    num_views = len(np.unique(found.view))

    def piece(rows: np.ndarray, pivot: np.ndarray) -> Piece:
        return Piece(points[rows] - pivot, rays[rows], balanced(found.view[rows], found.weight[rows]))

    trunk = np.flatnonzero(np.isin(moved_by, TRUNK))
    if len(trunk) < ENOUGH:
        trunk = np.arange(len(found))  # no trunk in sight: the whole body as if rigid is better than nothing
    candidates = rotation_grid(grid)
    anchor = Anchor(log_scale_std=0.04 if free_scale and num_views > 1 else 0.0)
    first = locate(piece(trunk, joints[0]), anchor, candidates, scale=scale, keep=8, iterations=8)
    scale, t = float(first.scale[0]), first.t[0]
    tree.local[0] = first.R[0]
    pelvis = np.flatnonzero(moved_by == 0)
    if len(pelvis) >= ENOUGH:  # the trunk bends: let the pelvis settle from there
        anchor = Anchor(t, pivot_std=0.05)
        own = locate(piece(pelvis, joints[0]), anchor, first.R[:1], _near(first.R[0]), scale, iterations=8)
        t, tree.local[0] = own.t[0], own.R[0]
    report = {0: (len(trunk), float(first.cost[0]))}

    # fingers are left to the solver: a relaxed hand is close enough
    seen = sorted(j for j in set(moved_by.tolist()) if 0 < j < len(penalty.mean))
    for joint in (j for j in _outwards(parents) if j in seen):
        rows = np.flatnonzero(moved_by == joint)
        if len(rows) < ENOUGH:
            continue
        chain = [joint]
        while parents[chain[0]] not in (0, *seen):
            chain.insert(0, parents[chain[0]])
        shared = all(j in SPREAD for j in chain)
        pivot = chain[0] if shared else joint
        R, c = tree.pose(t, scale)
        R_base = R[parents[pivot]]
        parts = len(chain) if shared else 1

        def improbable(R_world: np.ndarray, R_base=R_base, joint=joint, parts=parts) -> np.ndarray:
            relative = R_base.T @ R_world
            return penalty(joint, exp_map(log_map(relative) / parts))

        base = R_base[None] @ np.concatenate([np.eye(3)[None], candidates])
        anchor = Anchor(c[pivot], pivot_std=0.05 if not shared else 0.07)
        best = locate(piece(rows, joints[pivot]), anchor, base, improbable, scale)
        relative = R_base.T @ best.R[0]
        share = exp_map(log_map(relative[None])[0] / parts)
        for j in chain if shared else [joint]:
            tree.local[j] = share
        report[joint] = (len(rows), float(best.cost[0]))

    pose = torch.as_tensor(log_map(tree.local), dtype=rest.betas.dtype).reshape(1, 165)
    # a posed point is scale * x + transl, and the root joint of x stays at its rest place
    transl = torch.as_tensor(t - scale * joints[0], dtype=rest.betas.dtype)[None]
    params = rest.replace(
        **BodyParams.split_full_pose(pose), transl=transl, scale=torch.full_like(rest.scale, scale)
    )
    return Start(params, report)


def disagreement(
    body: BodyModel, found: Correspondences, cameras: tuple[Camera, ...], params: BodyParams
) -> float:
    """Mean robust loss of a guess, in [0, 1]: 0 where every ray meets its point, 1 where all miss by far."""
    bary = torch.from_numpy(found.bary)[None].to(params.betas)
    points = body.surface_points(params, torch.from_numpy(found.face)[None].to(bary.device), bary)
    e = pixel_rays(cameras, found.view, found.pixel).away(points[0].double().cpu().numpy())
    square = np.einsum("ni,ni->n", e, e) / KERNEL**2
    return float(np.average(square / (1 + square), weights=balanced(found.view, found.weight)))


def _near(R: np.ndarray, std: float = 0.4) -> Callable[[np.ndarray], np.ndarray]:
    """Penalty on turning away from R, `std` in radians."""
    return lambda other: 0.5 * (log_map(R.T @ other) ** 2).sum(-1) / std**2


def _outwards(parents: list[int]) -> list[int]:
    """Joints ordered so that parents come first (SMPL-X numbering does already; others may not)."""
    order = [0]
    for j in order:
        order += [k for k, p in enumerate(parents) if p == j and k != 0]
    return order
