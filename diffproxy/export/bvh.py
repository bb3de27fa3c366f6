"""Motion as BVH: the 55-joint skeleton and its rotations, for animation programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import PARAM_DIMS, BodyModel, BodyParams
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

UNITS_PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
TIP = 0.03  # metres: length of a bone without child, such as the last of a finger


@checked
def write_bvh(
    path: str | Path, body: BodyModel, params: BodyParams, fps: float, up_axis: str = "+Y", units: str = "cm"
) -> None:
    """Write F frames as BVH, rotated from the rig's world to +Y up; rotations in Z X Y order, degrees.

    BVH has one skeleton: bone lengths are medians over the frames. Frames without a body (NaN) repeat the previous
    one, or the first one with a body.

    Args:
        path: File to write.
        body: The body model.
        params: F parameter sets.
        fps: Frames per second.
        up_axis: Up axis of the rig's world.
        units: Unit of the file: m, cm or mm.

    Raises:
        InputError: no frame with a body, a wrong `fps`, or unknown `units`.
    """
    import roma

    if units not in UNITS_PER_METRE or not fps > 0:
        raise InputError(
            f"units among {list(UNITS_PER_METRE)} and fps > 0", f"{units!r}, {fps}", "change them"
        )
    rows = hold_known(params)
    params = BodyParams(**{key: getattr(params, key)[rows] for key in PARAM_DIMS})
    unit = UNITS_PER_METRE[units]
    with torch.no_grad():
        rest = params.scale[:, None] * body.rest_joints(params)
        joints = body.joints(params)
    R_yup_world = torch.from_numpy(rotation_to_y_up(up_axis)).to(params.full_pose)
    rotations = roma.rotvec_to_rotmat(params.full_pose.unflatten(-1, (55, 3)))
    rotations[:, 0] = R_yup_world @ rotations[:, 0]
    angles = roma.rotmat_to_euler("ZXY", rotations.double(), degrees=True).numpy()
    angles = np.unwrap(angles, period=360.0, axis=0)
    place = unit * (joints[:, 0] @ R_yup_world.T).double().numpy()
    parents = body.parents.tolist()
    order: list[int] = []
    lines = _hierarchy(body, unit * rest.median(dim=0).values.double().numpy(), parents, unit, order)
    motion = np.concatenate([place, angles[:, order].reshape(len(angles), -1)], axis=1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / fps:.9f}"]
    lines += [" ".join(f"{x:.5f}" for x in row) for row in motion.tolist()]
    write_atomic(Path(path), ("\n".join(lines) + "\n").encode())


def hold_known(params: BodyParams) -> list[int]:
    """Row to show in each frame: its own if it has a body, else the last one before, else the first one."""
    flat = torch.cat([params.full_pose, params.transl, params.scale, params.betas], dim=-1)
    known = torch.isfinite(flat).all(dim=-1).tolist()
    if True not in known:
        raise InputError(
            "at least one frame with a body", f"none of {len(known)}", "look at the frames' status"
        )
    rows, last = [], known.index(True)
    for row, fine in enumerate(known):
        last = row if fine else last
        rows.append(last)
    return rows


def _hierarchy(
    body: BodyModel, rest: Float[np.ndarray, "55 3"], parents: list[int], unit: float, order: list[int]
) -> list[str]:
    """Lines of the HIERARCHY section; `order` receives the joints in the order of their channels."""
    lines = ["HIERARCHY"]

    def add(joint: int, depth: int) -> None:
        pad, parent = "  " * depth, parents[joint]
        order.append(joint)
        offset = rest[joint] - rest[parent] if depth else np.zeros(3)
        moves = "6 Xposition Yposition Zposition " if not depth else "3 "
        lines.extend(
            [
                f"{pad}{'JOINT' if depth else 'ROOT'} {body.joint_names[joint]}",
                f"{pad}{{",
                f"{pad}  OFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}",
                f"{pad}  CHANNELS {moves}Zrotation Xrotation Yrotation",
            ]
        )
        children = [j for j in range(1, len(parents)) if parents[j] == joint]
        for child in children:
            add(child, depth + 1)
        if not children:
            tip = TIP * unit * offset / max(float(np.linalg.norm(offset)), 1e-9)
            lines.extend(
                [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET {tip[0]:.6f} {tip[1]:.6f} {tip[2]:.6f}"]
            )
            lines.append(f"{pad}  }}")
        lines.append(f"{pad}}}")

    add(0, 0)
    return lines
