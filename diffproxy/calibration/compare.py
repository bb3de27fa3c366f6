"""How far two calibrations of the same cameras are apart, wherever their worlds lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.utils.errors import InputError


def lay_on(
    a: Sequence[Camera], b: Sequence[Camera], scaled: bool
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"], float]:
    """R, t, s that take the world of rig `a` onto that of `b`: turned by the cameras' mean rotation, then shifted (and
    sized) by their centres. Rotations decide the turn, so that two cameras, or cameras in a row, are enough."""
    M = sum(y.R_cam_world.T @ x.R_cam_world for x, y in zip(a, b, strict=True))
    u, _, vt = np.linalg.svd(M)
    R = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    p = np.stack([c.center_world for c in a]) @ R.T
    q = np.stack([c.center_world for c in b])
    p0, q0 = p - p.mean(0), q - q.mean(0)
    s = float((p0 * q0).sum() / max((p0 * p0).sum(), 1e-12)) if scaled else 1.0
    return R, q.mean(0) - s * p.mean(0), s


def compare_rigs(found: Sequence[Camera], true: Sequence[Camera]) -> dict[str, float]:
    """Worst camera's rotation (degrees) and position (mm) errors, rigidly and up to scale; and the scale's own error.

    Cameras are matched by order. InputError unless there are as many.
    """
    if len(found) != len(true):
        raise InputError(f"{len(true)} cameras", f"{len(found)}", "compare rigs of the same cameras")
    R, t, _ = lay_on(found, true, scaled=False)
    _, t_s, s = lay_on(found, true, scaled=True)
    turn, rigid, similar = [], [], []
    for x, y in zip(found, true, strict=True):
        E = x.R_cam_world @ R.T @ y.R_cam_world.T
        turn.append(np.degrees(np.arccos(np.clip((np.trace(E) - 1) / 2, -1, 1))))
        rigid.append(np.linalg.norm(R @ x.center_world + t - y.center_world))
        similar.append(np.linalg.norm(s * R @ x.center_world + t_s - y.center_world))
    return {
        "rigid_deg": float(max(turn)),
        "mean_deg": float(np.mean(turn)),
        "rigid_mm": 1000 * float(max(rigid)),
        "up_to_scale_mm": 1000 * float(max(similar)),
        "mean_up_to_scale_mm": 1000 * float(np.mean(similar)),
        "scale_percent": 100 * (1 / s - 1) if s > 0 else float("inf"),
    }
