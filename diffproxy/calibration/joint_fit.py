"""Cameras and body of one instant optimised together, where cameras are predicted or unknown.

The paper's inference without camera calibration (section 4.3, Table 2). The world is that of the first camera, the unit
of length comes from the body: of average size at first, then as its shape and scale are estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.calibrate_rig import calibrate
from diffproxy.calibration.config import Calibration, CalibrationConfig
from diffproxy.calibration.initialization import fit_single_views
from diffproxy.cameras import Camera
from diffproxy.fitting import FitConfig
from diffproxy.keypoints import Person2D
from diffproxy.proxies import ProxyMaps

FOCAL_STD = 0.1
"""Of the logarithm of a predicted focal length."""
GUESSED_FOCAL_STD = 0.4
"""Of the logarithm of a focal length of which only a usual field of view is known."""


def fit_with_cameras(
    maps: ProxyMaps,
    cameras: Sequence[Camera],
    body: BodyModel,
    poses: bool,
    intrinsics: bool,
    people: Sequence[Sequence[Person2D]] | None = None,
) -> Calibration:
    """Body and cameras that explain the proxies of one instant best.

    Args:
        maps: Proxies of one person; a map belongs to the camera of the same name.
        cameras: C pinhole cameras of the whole images. The pose of the first one is kept.
        body: The body model of the proxies.
        poses: The other poses are approximately right, up to the unit of length; otherwise they are not used.
        intrinsics: Focal lengths are right; otherwise they are estimated, one factor for all cameras if `poses` is
            False as well.
        people: People detected by each camera, in pixels of `cameras`; further observations.

    Returns:
        Cameras in metres, the body (without fingers), and their uncertainty.

    Raises:
        InputError: fewer than two cameras see the person, or one of unknown pose sees nobody.
    """
    given = tuple(cameras)
    alone = fit_single_views([maps], given, body, FitConfig(hands=False))
    scale = body_scale({c: params for (_, c), params in alone.items()}, given, body) if poses else None
    if scale is not None:
        given = scaled_about_first(given, scale)
    config = CalibrationConfig(
        rough=scale is not None,
        focal=not intrinsics,
        focal_std=FOCAL_STD if poses else GUESSED_FOCAL_STD,
        common_focal=not (poses or intrinsics),
        fix=given[0].name,
    )
    return calibrate([maps], given, body, config, None if people is None else [people], alone)


def body_scale(alone: Mapping[int, BodyParams], cameras: Sequence[Camera], body: BodyModel) -> float | None:
    """Metres per unit of the cameras' translations, from the average body fitted to each view c alone, `alone[c]`.

    The pelvis X (in metres) lies at `x_c = R_c X + s t_c` in camera c. None where fewer than two views show the
    person, or no positive scale fits.
    """
    if len(alone) < 2:
        return None
    rows, right = [], []
    for c, params in alone.items():
        rows.append(np.column_stack([cameras[c].R_cam_world, cameras[c].t_cam_world]))
        right.append(body.joints(params)[0, 0].detach().double().numpy())
    solution = np.linalg.lstsq(np.concatenate(rows), np.concatenate(right), rcond=None)[0]
    return float(solution[3]) if solution[3] > 0 else None


def scaled_about_first(cameras: Sequence[Camera], scale: float) -> tuple[Camera, ...]:
    """The rig with all distances from the first camera's centre times `scale`."""
    origin = cameras[0].center_world
    centers = [origin + scale * (c.center_world - origin) for c in cameras]
    return tuple(replace(c, t_cam_world=-c.R_cam_world @ x) for c, x in zip(cameras, centers, strict=True))


def in_world_of(cameras: Sequence[Camera], first: Camera) -> tuple[Camera, ...]:
    """The rig, moved rigidly so that its first camera has the pose of `first`."""
    R = first.R_cam_world.T @ cameras[0].R_cam_world  # new world from old
    t = first.center_world - R @ cameras[0].center_world
    return tuple(
        replace(c, R_cam_world=c.R_cam_world @ R.T, t_cam_world=c.t_cam_world - c.R_cam_world @ R.T @ t)
        for c in cameras
    )


def with_rig(maps: ProxyMaps, old: Sequence[Camera], new: Sequence[Camera]) -> ProxyMaps:
    """The maps of crops of `old` as crops of `new`, cameras of the same images; maps of other cameras are dropped."""
    names = [c.name for c in old]
    rows = [m for m, camera in enumerate(maps.cameras) if camera.name in names]
    kept = maps.select(rows)
    cameras = []
    for camera in kept.cameras:
        before, after = (rig[names.index(camera.name)] for rig in (old, new))
        K = camera.K @ np.linalg.inv(before.K) @ after.K
        cameras.append(replace(camera, K=K, R_cam_world=after.R_cam_world, t_cam_world=after.t_cam_world))
    return replace(kept, cameras=tuple(cameras))
