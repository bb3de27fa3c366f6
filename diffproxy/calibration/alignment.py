"""The gauge of a calibration: scale from a known length, world from a known camera or upright under the body."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import CalibrationConfig
from diffproxy.calibration.terms import body_height
from diffproxy.cameras import Camera
from diffproxy.geometry.procrustes import nearest_rotation
from diffproxy.utils.errors import InputError

LEANING = 0.7
"""Cosine of the angle between spine and upwards in the images from which on a person lies or bends down."""
AGREED = 0.5
"""Length of the mean of the cameras' upward directions, from which on they are held upright rather than look down."""


def scale_factor(
    rig: RigState,
    betas: Float[Tensor, "10"],
    scale: float,
    cameras: Sequence[Camera],
    body: BodyModel,
    config: CalibrationConfig,
) -> float:
    """Factor on all lengths that makes the known distance or height right; 1 without either.

    Args:
        rig: The solved cameras.
        betas: (10,) shape of the solved body.
        scale: Its scale.
        cameras: The rig's, for their names.
        body: Body model.
        config: The known distance of two cameras, metres, which counts first, or stature, metres.
    """
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
    """Rotation (3, 3) and translation (3,) to the final world: of the fixed camera, upright under the body, or none.

    Args:
        rig: The solved cameras.
        params: The solved bodies of the F frames, in their world.
        body: Body model.
        cameras: The given cameras, one of which `config.fix` may name.
        config: Which world is wanted.

    Raises:
        InputError: `config.fix` names no camera.
    """
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
    up = upright(up / up.norm(dim=-1, keepdim=True), rig)
    # the second if it lies on a side
    sides = torch.stack([joints[0, 1] - joints[0, 2], joints[0, 12] - joints[0, 0]])
    level = sides - (sides @ up)[:, None] * up
    x = level[0] if level[0].norm() > 0.5 * sides[0].norm() else level[1]
    x = x / x.norm()
    R = torch.stack([x, up, torch.linalg.cross(x, up)])
    floor = joints[0, 0] - up * ((joints[0, 0] - low) @ up).max()
    return R, -R @ floor


def upright(spines: Float[Tensor, "F 3"], rig: RigState) -> Float[Tensor, "3"]:
    """Unit vector upwards: along the bodies, or that of the images where they agree on one that bodies lie across."""
    body, images = spines.mean(0), -rig.R_cam_world[:, 1].mean(0).to(spines.dtype)
    body, known = body / body.norm(), float(images.norm())
    images = images / known
    return images if known > AGREED and float(body @ images) < LEANING else body


def transform_bodies(
    params: BodyParams, body: BodyModel, R: Float[Tensor, "3 3"], t: Float[Tensor, "3"]
) -> BodyParams:
    """The bodies after `x_new = R x + t`."""
    import roma

    root = body.rest_joints(params)[:, 0]
    orient = roma.rotmat_to_rotvec(R @ roma.rotvec_to_rotmat(params.global_orient))
    # the root joint is the point that stays when only the orientation changes
    at = params.scale * root + params.transl
    return params.replace(global_orient=orient, transl=at @ R.T + t - params.scale * root)
