"""`calibrate`: cameras and bodies from the proxies of several frames, from approximate cameras or from none."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.alignment import align_rig, align_world, transform_bodies
from diffproxy.calibration.bundle_solver import free_columns
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import Calibration, CalibrationConfig
from diffproxy.calibration.initialization import (
    fit_single_views,
    map_owner,
    register_cameras,
    rig_from_views,
    with_cameras,
)
from diffproxy.calibration.joint_adjustment import Adjustment, CalibrationData, adjust_jointly
from diffproxy.calibration.report import camera_reports
from diffproxy.calibration.terms import body_height
from diffproxy.cameras import Camera
from diffproxy.cameras.views import without
from diffproxy.fitting import fit_many
from diffproxy.keypoints import Person2D
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_each


@checked
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
    if keypoints is not None:
        one_each("frames of keypoints", len(keypoints), len(frames), "frame")
        for people in keypoints:
            one_each("views of keypoints", len(people), len(cameras), "camera")
    frames = [_known_maps(m, cameras) for m in frames]
    data = CalibrationData(frames, cameras, body, config, keypoints)
    if alone is None:
        alone = fit_single_views(frames, cameras, body, config.fit)
    starts, known = _starts(data, alone)
    notes = [
        f"{camera.name}: sees nobody, keeps its rough pose"
        for c, camera in enumerate(cameras)
        if c not in known
    ]
    ends = [_from_start(data, rig, known) for rig in starts]
    tries = [t for t in ends if t is not None]
    if not tries:
        raise InputError("a body in at least one frame", "none", "look at the proxies")
    best = min(tries, key=lambda t: t.score)
    if config.rough and best is not tries[0]:
        notes.append("started from the views alone: the rough cameras explain the proxies less well")
    return _result(best, data, notes)


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


def _starts(
    data: CalibrationData, alone: dict[tuple[int, int], BodyParams]
) -> tuple[list[RigState], list[int]]:
    """Rigs to start from (the rough one first, where there is one), and the cameras that see the person.

    Raises:
        InputError: fewer than two cameras see a person, or without rough poses not all do.
    """
    names = [camera.name for camera in data.cameras]
    shown = sorted({c for _, c in alone})
    if len(shown) < 2:
        found = [names[c] for c in shown]
        raise InputError(
            "two cameras that see the person", f"{found or 'none'}", "check the proxies, or add frames"
        )
    from_views, known = rig_from_views(alone, len(names), data.body)
    if data.config.rough:
        rough = RigState.from_cameras(data.cameras)
        return [rough, align_rig(from_views, rough, known)], known
    lost = [name for c, name in enumerate(names) if c not in known]
    if lost:
        raise InputError(
            "the person in every camera, in frames that cameras share",
            f"{', '.join(lost)} see nobody",
            without(lost, names, "add frames that show the person in two cameras at once"),
        )
    return [from_views], known


def _from_start(data: CalibrationData, rig: RigState, known: list[int]) -> Adjustment | None:
    """Alternate twice between bodies and cameras, then adjust all together; None where no frame gets a body."""
    frames, cameras, body, config = data.frames, data.cameras, data.body, data.config
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
    return adjust_jointly(data, rig, start, used)


def _result(best: Adjustment, data: CalibrationData, notes: list[str]) -> Calibration:
    cameras, config, total = data.cameras, data.config, len(data.frames)
    rig, bodies = best.solution.rig, best.solution.bodies
    body = copy.deepcopy(data.body).to(torch.float64)
    noise = best.bundle.noise(bodies, 0.0, config.sigma_floor, config.max_sigma)
    free = free_columns(len(cameras), focal=config.focal)
    reports = camera_reports(best.bundle, bodies, rig, noise, free, cameras)
    params = bodies.to_params()
    centers = torch.as_tensor(np.stack([s.center for s in best.bundle.frames]))
    params = params.replace(transl=params.transl + centers)
    R, t = align_world(rig, params, body, cameras, config)
    rig = rig.moved(R, t)
    params = transform_bodies(params, body, R, t)
    out: list[BodyParams | None] = [None] * total
    for k, f in enumerate(best.used):
        out[f] = params[k].to(torch.float32)
    lost = total - len(best.used)
    if lost:
        notes.append(f"{lost} of {total} frames show nobody and were left out")
    height = body_height(body, bodies.betas[0], float(bodies.log_scale[0].exp()))
    placed_cameras = tuple(rig.place(c, k) for k, c in enumerate(cameras))
    return Calibration(placed_cameras, out, reports, tuple(notes), height, best.sigma)
