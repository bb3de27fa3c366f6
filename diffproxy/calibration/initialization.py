"""Initial camera poses without a calibration, from a body fitted to every view alone.

A single view gives the body's orientation towards the camera and, through the body's size, its distance. Aligning the
bodies of all views (over several frames) therefore gives the relative camera poses even where cameras face each other
and share no surface point. Each camera is then registered to the common bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.cameras import Camera
from diffproxy.fitting import FitConfig, FixedShape, fit_many
from diffproxy.fitting.initialization.register_segments import (
    RegistrationPrior,
    RigidSegment,
    register_segment,
    rotation_grid,
)
from diffproxy.fitting.rays import Rays, pixel_rays
from diffproxy.fitting.terms.correspondences import per_view_weights, sample_correspondences
from diffproxy.geometry.procrustes import align_points
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.geometry.rotations import to_matrix
from diffproxy.proxies import ProxyMaps

REGISTRATION_PIXELS, REGISTRATION_ROTATIONS = 200, 300
"""Of each view, and tried for each camera, in the search of cameras that see known bodies."""
ALIGNMENT_KERNEL = 0.15
"""Robust scale (metres) for aligning the bodies of single views."""
VERTEX_STRIDE = 23
"""Step between the vertices that are used in the alignment."""


def map_owner(maps: ProxyMaps, cameras: Sequence[Camera]) -> np.ndarray:
    """Index (M,) of the rig camera of every map, by name; -1 for maps of other cameras."""
    names = [c.name for c in cameras]
    return np.array([names.index(c.name) if c.name in names else -1 for c in maps.cameras], dtype=np.int64)


def with_cameras(maps: ProxyMaps, cameras: Sequence[Camera], rig: RigState) -> ProxyMaps:
    """The maps with the poses and focal lengths of `rig`; their own intrinsics are those of log focal 0."""
    owner = map_owner(maps, cameras)
    return replace(
        maps, cameras=tuple(rig.place(c, int(k)) for c, k in zip(maps.cameras, owner, strict=True))
    )


def fit_single_views(
    frames: Sequence[ProxyMaps], cameras: Sequence[Camera], body: BodyModel, config: FitConfig
) -> dict[tuple[int, int], BodyParams]:
    """A body of average shape in camera coordinates, for every (frame, camera) that shows one."""
    jobs: dict[tuple[int, int], ProxyMaps] = {}
    for f, maps in enumerate(frames):
        owner = map_owner(maps, cameras)
        for c in range(len(cameras)):
            rows = [m for m in range(maps.num_views) if owner[m] == c and maps.kind[m] == "body"]
            if rows:
                alone = maps.select(rows)
                neutral = tuple(
                    replace(k, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for k in alone.cameras
                )
                jobs[f, c] = replace(alone, cameras=neutral)
    quick = replace(config, hands=False, max_pixels=min(config.max_pixels, 300))
    average = FixedShape(torch.zeros(10, dtype=body.v_template.dtype))
    results = fit_many(list(jobs.values()), body, quick, shape=average)
    return {k: r.params for k, r in zip(jobs, results, strict=True) if r.has_body}


def rig_from_views(
    found: dict[tuple[int, int], BodyParams], count: int, body: BodyModel
) -> tuple[RigState, list[int]]:
    """Camera poses under which the bodies of all views coincide, and the cameras that have one.

    The world is that of the camera with most frames.
    """
    clouds = {k: _cloud(body, r) for k, r in found.items()}
    seen = [sum(1 for f, c in clouds if c == k) for k in range(count)]
    R = np.broadcast_to(np.eye(3), (count, 3, 3)).copy()  # world from camera
    t = np.zeros((count, 3))
    known = [int(np.argmax(seen))]
    while True:  # next, the camera with most frames in common with those already placed
        shared = {
            c: sum((f, k) in clouds for k in known for f, o in clouds if o == c)
            for c in range(count)
            if c not in known
        }
        if not shared or max(shared.values()) == 0:
            break
        c = max(shared, key=lambda k: shared[k])
        known.append(c)
        R[c], t[c] = _align(clouds, c, known[:-1], R, t)
    for _ in range(3):
        for c in known[1:]:
            R[c], t[c] = _align(clouds, c, [k for k in known if k != c], R, t)
    rig = RigState(
        torch.as_tensor(np.swapaxes(R, 1, 2).copy()),
        torch.as_tensor(t),
        torch.zeros(count, dtype=torch.float64),
    )
    return rig, sorted(known)


def _cloud(body: BodyModel, params: BodyParams) -> np.ndarray:
    with torch.no_grad():
        return body(params).vertices[0, ::VERTEX_STRIDE].double().numpy()


def _align(
    clouds: dict[tuple[int, int], np.ndarray], c: int, others: list[int], R: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """World from camera c: robust alignment of its bodies with the median of the others'."""
    own, target = [], []
    for f, k in clouds:
        if k != c:
            continue
        there = [clouds[f, o] @ R[o].T + t[o] for o in others if (f, o) in clouds]
        if there:
            own.append(clouds[f, c])
            target.append(np.median(there, axis=0))
    if not own:
        return R[c], t[c]
    a, b = np.concatenate(own), np.concatenate(target)
    weight = np.ones(len(a))
    for _ in range(15):
        motion = align_points(a, b, weight, with_scale=False)
        weight = geman_mcclure(np.square(motion.apply(a) - b).sum(-1), ALIGNMENT_KERNEL)[1]
    return motion.R, motion.t


def register_cameras(
    frames: Sequence[ProxyMaps],
    bodies: Sequence[BodyParams | None],
    cameras: Sequence[Camera],
    rig: RigState,
    body: BodyModel,
    which: Sequence[int],
) -> RigState:
    """Register cameras to the bodies, by a search over all their rotations.

    Args:
        frames: Proxies of each frame.
        bodies: The body of each, world; None: there is none.
        cameras: Of the whole undistorted images.
        rig: Present poses: of all cameras that stay, and where the search starts.
        body: Body model.
        which: Numbers of the cameras to register; those with fewer than 30 pixels stay as they are.
    """
    points: dict[int, list[np.ndarray]] = {c: [] for c in which}
    pixels: dict[int, list[np.ndarray]] = {c: [] for c in which}
    weights: dict[int, list[np.ndarray]] = {c: [] for c in which}
    for maps, params in zip(frames, bodies, strict=True):
        if params is None:
            continue
        owner = map_owner(maps, cameras)
        found = sample_correspondences(maps, body, REGISTRATION_PIXELS, hands=False)
        found = found[found.label > 0]
        x = body.surface_points(
            params, torch.from_numpy(found.face)[None], torch.from_numpy(found.bary)[None].to(params.betas)
        )[0]
        neutral = tuple(
            replace(rig.place(k, int(o)), R_cam_world=np.eye(3), t_cam_world=np.zeros(3))
            for k, o in zip(maps.cameras, owner, strict=True)
        )
        rays = pixel_rays(neutral, found.view, found.pixel)
        for c in which:
            rows = owner[found.view] == c
            points[c].append(x.double().numpy()[rows])
            pixels[c].append(rays.direction[rows])
            weights[c].append(found.weight[rows])
    R, center = rig.R_cam_world.clone(), rig.center.clone()
    for c in which:
        at, d, w = (np.concatenate(a) if a else np.zeros((0, 3)) for a in (points[c], pixels[c], weights[c]))
        if len(at) < 30:
            continue
        pivot = np.median(at, axis=0)
        piece = RigidSegment(
            at - pivot,
            Rays(np.zeros_like(at), d),
            per_view_weights(np.zeros(len(at), dtype=np.int64), w, 60.0),
        )
        now = rig.R_cam_world[c].numpy()
        near = to_matrix(np.random.default_rng(0).normal(size=(40, 3)) * 0.15) @ now
        candidates = np.concatenate([now[None], near, rotation_grid(REGISTRATION_ROTATIONS)])
        best = register_segment(piece, RegistrationPrior(), candidates, keep=6, iterations=12)
        R[c] = torch.as_tensor(best.R[0])
        center[c] = torch.as_tensor(pivot - best.R[0].T @ best.t[0])
    return RigState(R, center, rig.log_focal)
