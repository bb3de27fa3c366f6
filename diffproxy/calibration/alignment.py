"""The gauge of a calibration: scale from a known length, world from a known camera or the upright body."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import CalibrationConfig
from diffproxy.calibration.terms import body_height
from diffproxy.cameras import Camera
from diffproxy.geometry.procrustes import nearest_rotation
from diffproxy.utils.errors import InputError


def scale_factor(
    rig: RigState,
    betas: Tensor,
    scale: float,
    cameras: Sequence[Camera],
    body: BodyModel,
    config: CalibrationConfig,
) -> float:
    """Factor on all lengths that makes the known distance or height right; 1 without either."""
    if config.distance is not None:
        names = [c.name for c in cameras]
        if set(config.distance[:2]) <= set(names):
            a, b = (names.index(n) for n in config.distance[:2])
            return config.distance[2] / max(float((rig.center[a] - rig.center[b]).norm()), 1e-3)
    if config.height is not None:
        return config.height / body_height(body, betas, scale)
    return 1.0


def align_rig(rig: RigState, target: RigState, rows: Sequence[int]) -> RigState:
    """The rig, moved rigidly so that its cameras `rows` agree with those of `target`; the others are `target`'s."""
    k = list(rows)
    summed = (target.R_cam_world[k].mT @ rig.R_cam_world[k]).sum(0)  # new world from old
    R = torch.from_numpy(nearest_rotation(summed.numpy()))
    t = (target.center[k] - rig.center[k] @ R.T).median(0).values
    moved = rig.moved(R, t)
    rest = [c for c in range(len(rig)) if c not in k]
    if rest:  # cameras without a person keep their prior pose
        moved.R_cam_world[rest], moved.center[rest] = target.R_cam_world[rest], target.center[rest]
    return moved


def align_world(
    rig: RigState, params: BodyParams, body: BodyModel, cameras: Sequence[Camera], config: CalibrationConfig
) -> tuple[Tensor, Tensor]:
    """Rotation and translation to the final world: of the fixed camera, or upright under the body, or the identity."""
    if config.fix is not None:
        names = [c.name for c in cameras]
        if config.fix not in names:
            raise InputError(f"a camera of {', '.join(names)}", f"fix={config.fix}", "use one of these names")
        k = names.index(config.fix)
        given = RigState.from_cameras(cameras)
        R = given.R_cam_world[k].T @ rig.R_cam_world[k]
        return R, given.center[k] - R @ rig.center[k]
    if config.rough and not config.upright:
        return torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    with torch.no_grad():
        joints = body.joints(params)
        low = body(params[0]).vertices[0]
    up = joints[:, 12] - joints[:, 0]  # pelvis to neck, averaged over the frames
    up = (up / up.norm(dim=-1, keepdim=True)).mean(0)
    up = up / up.norm()
    across = (joints[:, 1] - joints[:, 2])[0]
    x = across - (across @ up) * up
    x = x / x.norm()
    R = torch.stack([x, up, torch.linalg.cross(x, up)])
    floor = joints[0, 0] - up * ((joints[0, 0] - low) @ up).max()
    return R, -R @ floor


def transform_bodies(params: BodyParams, body: BodyModel, R: Tensor, t: Tensor) -> BodyParams:
    """The bodies after `x_new = R x + t`."""
    import roma

    root = body.rest_joints(params)[:, 0]
    orient = roma.rotmat_to_rotvec(R @ roma.rotvec_to_rotmat(params.global_orient))
    # the root joint is the point that stays when only the orientation changes
    at = params.scale * root + params.transl
    return params.replace(global_orient=orient, transl=at @ R.T + t - params.scale * root)
