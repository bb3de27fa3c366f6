"""Cameras and body optimised together, where cameras are predicted or unknown.

The paper's inference without camera calibration (section 4.3, Table 2). The unit of length comes from the body: of
average size at first, then as its shape and scale are estimated, or of a known height.
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
    frames: Sequence[ProxyMaps],
    cameras: Sequence[Camera],
    body: BodyModel,
    poses: bool,
    intrinsics: bool,
    people: Sequence[Sequence[Sequence[Person2D]]] | None = None,
    height: float | None = None,
    upright: bool = False,
) -> Calibration:
    """Bodies and cameras that explain the proxies best.

    Args:
        frames: Proxies of one person at F instants; a map belongs to the camera of the same name.
        cameras: C pinhole cameras of the whole images. The pose of the first one is kept, unless `upright`.
        body: The body model of the proxies.
        poses: The other poses are approximately right, up to the unit of length; otherwise they are not used.
        intrinsics: Focal lengths are right; otherwise they are estimated, one factor for all cameras if `poses` is
            False as well.
        people: `people[f][c]`: people detected in frame f by camera c, in pixels of `cameras`; further observations.
        height: Of the person, sole to crown, metres; None: the body prior's.
        upright: The world has its origin on the floor under the first body, and +Y up along the body.

    Returns:
        Cameras in metres, the bodies (without fingers), and their uncertainty.

    Raises:
        InputError: fewer than two cameras see the person, or one of unknown pose sees nobody.
    """
    given = tuple(cameras)
    alone = fit_single_views(frames, given, body, FitConfig(hands=False))
    scale = body_scale(alone, given, body) if poses else None
    if scale is not None:
        given = scaled_about_first(given, scale)
    config = CalibrationConfig(
        rough=scale is not None,
        focal=not intrinsics,
        focal_std=FOCAL_STD if poses else GUESSED_FOCAL_STD,
        common_focal=not (poses or intrinsics),
        height=height,
        fix=None if upright else given[0].name,
        upright=upright,
    )
    return calibrate(frames, given, body, config, people, alone)


def body_scale(
    alone: Mapping[tuple[int, int], BodyParams], cameras: Sequence[Camera], body: BodyModel
) -> float | None:
    """Metres per unit of the cameras' translations, from the average body fitted to each view c of each frame f alone.

    The pelvis X_f (in metres) of `alone[f, c]` lies at `x_fc = R_c X_f + s t_c` in camera c. None where no frame shows
    the person in two views, or no positive scale fits.
    """
    frames = sorted({f for f, _ in alone})
    if len(alone) < len(frames) + 1:
        return None
    rows, right = [], []
    for (f, c), params in alone.items():
        row = np.zeros((3, 3 * len(frames) + 1))
        row[:, 3 * frames.index(f) :][:, :3] = cameras[c].R_cam_world
        row[:, -1] = cameras[c].t_cam_world
        rows.append(row)
        right.append(body.joints(params)[0, 0].detach().double().numpy())
    scale = float(np.linalg.lstsq(np.concatenate(rows), np.concatenate(right), rcond=None)[0][-1])
    return scale if scale > 0 else None


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
