"""Cameras and bodies of several frames adjusted together, from approximate ones: stages of one bundle adjustment."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.alignment import scale_factor
from diffproxy.calibration.body_bundle_adjustment import Bundle, FrameObservations
from diffproxy.calibration.bundle_solver import Solution, free_columns, solve
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import CalibrationConfig
from diffproxy.calibration.initialization import map_owner
from diffproxy.calibration.keypoint_observations import with_keypoints
from diffproxy.calibration.point_bundle_adjustment import adjust_points
from diffproxy.calibration.terms import CommonFocal, KnownDistance, KnownHeight, PriorCameras, RigTerm
from diffproxy.cameras import Camera
from diffproxy.fitting.noise import KERNEL_SIGMAS
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.correspondences import sample_correspondences
from diffproxy.fitting.terms.priors import default_priors
from diffproxy.keypoints import Person2D
from diffproxy.keypoints.keypoint_table import DETECTOR_STD
from diffproxy.keypoints.landmarks import with_landmarks
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

POSES, ALL = False, True
SCHEDULE = ((0.3, POSES), (0.12, ALL), (0.05, ALL), (0.0, ALL), (0.0, ALL))
"""Robust scale in metres (0: from the residuals' own spread) of each run of the solver, and what it moves."""


@dataclass(frozen=True)
class CalibrationData:
    """What a calibration is made from; see `calibrate`.

    Attributes:
        frames: Proxies of F instants.
        cameras: C pinhole cameras.
        body: Body model.
        config: Priors, scale and limits.
        keypoints: People detected in frame f by camera c; None without keypoints.
    """

    frames: list[ProxyMaps]
    cameras: Sequence[Camera]
    body: BodyModel
    config: CalibrationConfig
    keypoints: Sequence[Sequence[Sequence[Person2D]]] | None


@dataclass(frozen=True)
class Adjustment:
    """Where the adjustment from one initialization arrived.

    Attributes:
        bundle: What was adjusted.
        solution: Cameras and bodies.
        used: The frames that have a body.
        score: Cost of a frame under a common robust loss, to compare initializations.
        sigma: Median noise of the proxies, metres.
    """

    bundle: Bundle
    solution: Solution
    used: list[int]
    score: float
    sigma: float


def adjust_jointly(data: CalibrationData, rig: RigState, start: BodyParams, used: list[int]) -> Adjustment:
    """Adjust all cameras and bodies.

    Args:
        data: The observations.
        rig: Cameras to start from.
        start: Bodies to start from, one for each of `used`.
        used: The frames that have a body.
    """
    config, num_cameras = data.config, len(data.cameras)
    bundle, bodies, rig = _open_bundle(data, rig, start.to(torch.float64), used)
    free = {what: free_columns(num_cameras, focal=config.focal and what is ALL) for what in (POSES, ALL)}
    solution = Solution(bodies, rig, float("inf"), 0)
    for kernel, what in SCHEDULE:
        bundle.set_cameras(solution.rig, measure=True)
        noise = bundle.noise(solution.bodies, kernel, config.sigma_floor, config.max_sigma)
        solution = solve(bundle, solution.bodies, solution.rig, noise, free[what], config.iterations)
    solution = _refine_by_points(bundle, solution, data)
    bundle.set_cameras(solution.rig, measure=True)
    common = bundle.noise(solution.bodies, 0.05, 0, 1)
    score = bundle.cost(solution.bodies, solution.rig, common) / len(used)
    return Adjustment(bundle, solution, used, score, _proxy_noise(bundle, solution, config))


def _open_bundle(
    data: CalibrationData, rig: RigState, start: BodyParams, used: list[int]
) -> tuple[Bundle, State, RigState]:
    """The problem with bodies of one shape, relative to their pelvises, and cameras in metres to start from."""
    config, cameras = data.config, data.cameras
    body, landmarks = with_landmarks(copy.deepcopy(data.body).to(torch.float64))
    betas = start.betas.median(0).values.expand(len(used), 10).contiguous()
    log_scale = start.scale.log().median().expand(len(used))
    factor = scale_factor(rig, betas[0], float(log_scale[0].exp()), cameras, body, config)
    if factor != 1.0:
        rig = rig.moved(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), factor)
        log_scale = log_scale + math.log(factor)
        start = start.replace(transl=start.transl * factor)
    start = start.replace(betas=betas, scale=log_scale.exp()[:, None])
    centers = body.joints(start)[:, 0].detach()
    seen = []
    for k, f in enumerate(used):
        maps = data.frames[f]
        found = sample_correspondences(maps, body, config.max_pixels, config.fit.min_weight, hands=False)
        frame = FrameObservations(
            found[found.label > 0], maps.cameras, map_owner(maps, cameras), centers[k].numpy(), np.zeros(0)
        )
        people = data.keypoints[f] if data.keypoints is not None else [[] for _ in cameras]
        seen.append(with_keypoints(frame, people, cameras, rig, body, landmarks, start[k]))
    loose = replace(
        config.fit,
        beta_std=config.fit.beta_std * math.sqrt(len(used)),  # the shape is shared: its prior counts once
        log_scale_std=(0.15 if config.distance else config.fit.log_scale_std) * math.sqrt(len(used)),
    )
    priors, terms = default_priors(body.v_template, loose), _terms(cameras, body, config)
    bodies = State.from_params(start.replace(transl=start.transl - centers))
    return Bundle(body, seen, priors, terms, start.expression), bodies, rig


def _proxy_noise(bundle: Bundle, solution: Solution, config: CalibrationConfig) -> float:
    """Median noise of the frames' proxies around the bodies, metres."""
    noise = bundle.noise(solution.bodies, 0.0, 1e-5, config.max_sigma)
    return float(np.median([float(n.kernel[0, 0]) / KERNEL_SIGMAS for n in noise]))


def _refine_by_points(bundle: Bundle, solution: Solution, data: CalibrationData) -> Solution:
    """Point bundle adjustment where keypoints are more precise than the proxies, then bodies for its cameras."""
    config = data.config
    if data.keypoints is None or _proxy_noise(bundle, solution, config) <= DETECTOR_STD:
        return solution
    rig = adjust_points(bundle, solution.rig, config.focal_std if config.focal else 0.0)
    if rig is None:
        return solution
    bundle.set_cameras(rig, measure=True)
    noise = bundle.noise(solution.bodies, 0.0, config.sigma_floor, config.max_sigma)
    shape_only = free_columns(len(data.cameras), poses=False)
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
