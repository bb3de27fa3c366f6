"""`calibrate`: cameras and bodies from the proxies of several frames, from approximate cameras or from none."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.alignment import align_rig, align_world, scale_factor, transform_bodies
from diffproxy.calibration.body_bundle_adjustment import (
    Bundle,
    FrameObservations,
    Solution,
    free_columns,
    solve,
)
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import Calibration, CalibrationConfig
from diffproxy.calibration.initialization import (
    fit_single_views,
    map_owner,
    register_cameras,
    rig_from_views,
    with_cameras,
)
from diffproxy.calibration.keypoint_observations import with_keypoints
from diffproxy.calibration.point_bundle_adjustment import adjust_points
from diffproxy.calibration.report import camera_reports
from diffproxy.calibration.terms import (
    CommonFocal,
    KnownDistance,
    KnownHeight,
    PriorCameras,
    RigTerm,
    body_height,
)
from diffproxy.cameras import Camera
from diffproxy.fitting import fit_many
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.correspondences import sample_correspondences
from diffproxy.fitting.terms.priors import default_priors
from diffproxy.keypoints import Person2D
from diffproxy.keypoints.keypoint_table import DETECTOR_STD
from diffproxy.keypoints.landmarks import with_landmarks
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError


def calibrate(
    frames: Sequence[ProxyMaps],
    cameras: Sequence[Camera],
    body: BodyModel,
    config: CalibrationConfig | None = None,
    keypoints: Sequence[Sequence[Sequence[Person2D]]] | None = None,
    alone: dict[tuple[int, int], BodyParams] | None = None,
) -> Calibration:
    """Estimate the poses (and focal lengths) of `cameras` from the body that they see.

    Args:
        frames: proxies of one person at F instants; a map belongs to the camera of the same name.
        cameras: C pinhole cameras of the whole undistorted images, metres and pixels. With `config.rough` their poses
            are a start and a prior; otherwise only intrinsics, names and sizes are used.
        body: the body model that the proxies refer to.
        config: priors, scale and limits; None: the defaults.
        keypoints: `keypoints[f][c]` are the people detected in frame f by camera c, in pixels of `cameras`; further
            observations beside the proxies.
        alone: the bodies of `fit_single_views`, where they are known already.

    Returns:
        Cameras, bodies of the frames, and standard deviations. Without approximate poses (`rough=False`) the world has
        its origin on the floor under the first frame's pelvis, and +Y up along the body.

    Raises:
        InputError: fewer than two cameras see a person, or names of maps, cameras or options do not match.
    """
    config = config or CalibrationConfig()
    frames = [_known_maps(m, cameras) for m in frames]
    notes: list[str] = []
    starts = [RigState.from_cameras(cameras)] if config.rough else []
    if alone is None:
        alone = fit_single_views(frames, cameras, body, config.fit)
    shown = sorted({c for _, c in alone})
    if len(shown) < 2:
        names = [cameras[c].name for c in shown]
        raise InputError(
            "two cameras that see the person", f"{names or 'none'}", "check the proxies, or add frames"
        )
    fresh, known = rig_from_views(alone, len(cameras), body)
    if config.rough:
        fresh = align_rig(fresh, starts[0], known)
    starts.append(fresh)
    lost = [cameras[c].name for c in range(len(cameras)) if c not in known]
    if lost and not config.rough:
        raise InputError(
            "the person in every camera, in frames that cameras share",
            f"{', '.join(lost)} see nobody",
            "leave these cameras out, or add frames",
        )
    notes += [f"{name}: sees nobody, keeps its rough pose" for name in lost]
    ends = [_from_start(frames, cameras, body, config, rig, known, keypoints) for rig in starts]
    tries = [t for t in ends if t is not None]
    if not tries:
        raise InputError("a body in at least one frame", "none", "look at the proxies")
    best = min(tries, key=lambda t: t.score)
    if config.rough and best is not tries[0]:
        notes.append("started from the views alone: the rough cameras explain the proxies less well")
    return _result(best, cameras, body, config, notes)


@dataclass
class _Candidate:
    """The solution reached from one initialization."""

    bundle: Bundle
    solution: Solution
    used: list[int]
    frames: list[ProxyMaps]
    score: float
    sigma: float
    total: int


def _known_maps(maps: ProxyMaps, cameras: Sequence[Camera]) -> ProxyMaps:
    owner = map_owner(maps, cameras)
    rows = [int(m) for m in np.flatnonzero(owner >= 0)]
    if not rows:
        raise InputError(
            f"proxies of the cameras {', '.join(c.name for c in cameras)}",
            ", ".join(sorted({c.name for c in maps.cameras})),
            "name the cameras alike",
        )
    return maps.select(rows)


def _from_start(
    frames: list[ProxyMaps],
    cameras: Sequence[Camera],
    body: BodyModel,
    config: CalibrationConfig,
    rig: RigState,
    known: list[int],
    sparse: Sequence[Sequence[Sequence[Person2D]]] | None,
) -> _Candidate | None:
    """Alternate twice between bodies and cameras, then adjust all together."""
    bodies: list[BodyParams | None] = []
    for turn in range(2):
        fitted = fit_many([with_cameras(m, cameras, rig) for m in frames], body, config.fit)
        bodies = [r.params if r.has_body else None for r in fitted]
        if all(b is None for b in bodies):  # the cameras contradict each other: keep the best solution
            bodies = [r.params if r.status == "failed" else None for r in fitted]
        if all(b is None for b in bodies):
            return None
        if turn == 0:
            rig = register_cameras(frames, bodies, cameras, rig, body, known)
            if config.rough:
                rig = align_rig(rig, RigState.from_cameras(cameras), known)
    used = [f for f, b in enumerate(bodies) if b is not None]
    start = BodyParams.cat([b for b in bodies if b is not None])
    return _bundle(frames, cameras, body, config, rig, start, used, sparse)


def _bundle(
    frames: list[ProxyMaps],
    cameras: Sequence[Camera],
    body: BodyModel,
    config: CalibrationConfig,
    rig: RigState,
    start: BodyParams,
    used: list[int],
    sparse: Sequence[Sequence[Sequence[Person2D]]] | None,
) -> _Candidate:
    body, landmarks = with_landmarks(copy.deepcopy(body).to(torch.float64))
    start = start.to(torch.float64)
    betas = start.betas.median(0).values.expand(len(used), 10).contiguous()
    log_scale = start.scale.log().median().expand(len(used))
    factor = scale_factor(rig, betas[0], float(log_scale[0].exp()), cameras, body, config)
    if factor != 1.0:
        rig = rig.moved(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), factor)
        log_scale = log_scale + math.log(factor)
        start = start.replace(transl=start.transl * factor)
    start = start.replace(betas=betas, scale=log_scale.exp()[:, None])
    centers = body.joints(start)[:, 0].detach()
    local = start.replace(transl=start.transl - centers)
    seen = []
    for k, f in enumerate(used):
        found = sample_correspondences(frames[f], body, config.max_pixels, config.fit.min_weight, hands=False)
        owner = map_owner(frames[f], cameras)
        frame = FrameObservations(
            found[found.label > 0], frames[f].cameras, owner, centers[k].numpy(), np.zeros(0)
        )
        people = sparse[f] if sparse is not None else [[] for _ in cameras]
        seen.append(with_keypoints(frame, people, cameras, rig, body, landmarks, start[k]))
    loose = replace(
        config.fit,
        beta_std=config.fit.beta_std * math.sqrt(len(used)),  # the shape is shared: its prior counts once
        log_scale_std=(0.15 if config.distance else config.fit.log_scale_std) * math.sqrt(len(used)),
    )
    bundle = Bundle(
        body, seen, default_priors(body.v_template, loose), _terms(cameras, body, config), start.expression
    )
    bodies = State.from_params(local)
    poses_only, everything = (
        free_columns(len(cameras), focal=config.focal and focal) for focal in (False, True)
    )
    solution = Solution(bodies, rig, float("inf"), 0)
    for kernel, free in (
        (0.3, poses_only),
        (0.12, everything),
        (0.05, everything),
        (0.0, everything),
        (0.0, everything),
    ):
        bundle.set_cameras(solution.rig, measure=True)
        noise = bundle.noise(solution.bodies, kernel, config.sigma_floor, config.max_sigma)
        solution = solve(bundle, solution.bodies, solution.rig, noise, free, config.iterations)
    solution = _refine_by_points(bundle, solution, cameras, config, sparse is not None)
    bundle.set_cameras(solution.rig, measure=True)
    fixed = bundle.noise(solution.bodies, 0.05, 0, 1)
    sigma = float(
        np.median(
            [float(n.kernel[0, 0]) / 4 for n in bundle.noise(solution.bodies, 0.0, 1e-5, config.max_sigma)]
        )
    )
    score = bundle.cost(solution.bodies, solution.rig, fixed) / len(used)
    return _Candidate(bundle, solution, used, frames, score, sigma, len(frames))


def _refine_by_points(
    bundle: Bundle, solution: Solution, cameras: Sequence[Camera], config: CalibrationConfig, sparse: bool
) -> Solution:
    """Point bundle adjustment where keypoints are more precise than the proxies, then bodies for its cameras."""
    noise = bundle.noise(solution.bodies, 0.0, 1e-5, config.max_sigma)
    coarse = float(np.median([float(n.kernel[0, 0]) / 4 for n in noise])) > DETECTOR_STD
    rig = (
        adjust_points(bundle, solution.rig, config.focal_std if config.focal else 0.0)
        if sparse and coarse
        else None
    )
    if rig is None:
        return solution
    bundle.set_cameras(rig, measure=True)
    noise = bundle.noise(solution.bodies, 0.0, config.sigma_floor, config.max_sigma)
    shape_only = free_columns(len(cameras), poses=False)
    return solve(bundle, solution.bodies, rig, noise, shape_only, config.iterations)


def _terms(cameras: Sequence[Camera], body: BodyModel, config: CalibrationConfig) -> list[RigTerm]:
    given = RigState.from_cameras(cameras)
    turn, place = (
        (math.radians(config.rotation_std_deg), config.translation_std) if config.rough else (1e4, 1e6)
    )
    terms: list[RigTerm] = [PriorCameras(given, turn, place, config.focal_std)]
    if config.focal and config.common_focal:
        terms.append(CommonFocal(0.002))
    if config.height is not None:
        terms.append(KnownHeight.of(body, config.height))
    if config.distance is not None:
        names = [c.name for c in cameras]
        missing = [n for n in config.distance[:2] if n not in names]
        if missing:
            raise InputError(
                f"two cameras of {', '.join(names)}", f"{missing}", "write distance=NAME,NAME,METRES"
            )
        terms.append(
            KnownDistance(
                names.index(config.distance[0]), names.index(config.distance[1]), config.distance[2]
            )
        )
    return terms


def _result(
    best: _Candidate, cameras: Sequence[Camera], body: BodyModel, config: CalibrationConfig, notes: list[str]
) -> Calibration:
    rig, bodies = best.solution.rig, best.solution.bodies
    body = copy.deepcopy(body).to(torch.float64)
    noise = best.bundle.noise(bodies, 0.0, config.sigma_floor, config.max_sigma)
    free = free_columns(len(cameras), focal=config.focal)
    reports = camera_reports(best.bundle, bodies, rig, noise, free, cameras)
    params = bodies.to_params()
    centers = torch.as_tensor(np.stack([s.center for s in best.bundle.frames]))
    params = params.replace(transl=params.transl + centers)
    R, t = align_world(rig, params, body, cameras, config)
    rig = rig.moved(R, t)
    params = transform_bodies(params, body, R, t)
    out: list[BodyParams | None] = [None] * best.total
    for k, f in enumerate(best.used):
        out[f] = params[k].to(torch.float32)
    lost = best.total - len(best.used)
    if lost:
        notes.append(f"{lost} of {best.total} frames show nobody and were left out")
    height = body_height(body, bodies.betas[0], float(bodies.log_scale[0].exp()))
    placed_cameras = tuple(rig.place(c, k) for k, c in enumerate(cameras))
    return Calibration(placed_cameras, out, reports, tuple(notes), height, best.sigma)
