"""How a grid of cloth or hair hangs: position-based relaxation against the body, in numpy.

Müller et al., Position Based Dynamics (2007). The constraints of a grid fall into few groups that share no point, so
that each group is one vectorised step.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth.humans.body.posed import Obstacle, above
from render_synth.humans.garments.cloth_sheet import Sheet, constraint_groups


def drape(
    sheet: Sheet,
    start: Float[np.ndarray, "R C 3"],
    obstacle: Obstacle,
    margin: float = 0.006,
    steps: int = 30,
    rounds: int = 4,
    stiff: float = 0.1,
    friction: float = 0.7,
) -> Float[np.ndarray, "R C 3"]:
    """Let a sheet fall from `start` until it hangs; `stiff` and `friction` in [0, 1]."""
    shape = start.shape
    p = obstacle.push_out(start.reshape(-1, 3), margin).reshape(shape)
    free = np.ones(shape[:2])
    free[: sheet.held] = 0.0
    held = start[: sheet.held].copy()
    p[: sheet.held] = held
    groups = constraint_groups(sheet, stiff)
    down = np.linalg.norm(np.diff(sheet.rest[sheet.held - 1 :], axis=0), axis=-1)
    reach = 1.01 * np.cumsum(down, axis=0)[..., None]
    before = p.copy()
    for _ in range(steps):
        # Planes of where cloth is now, outside, hold during the step: nothing slips through a thin limb.
        planes = obstacle.planes(p[sheet.held :].reshape(-1, 3), margin)
        speed = np.clip(0.93 * (p - before), -0.03, 0.03)
        before = p.copy()
        speed[..., 1] -= 0.0027  # g / (60 Hz)^2
        p = p + free[..., None] * speed
        for _ in range(rounds):
            for g in groups:
                g.solve(p)
            # No point farther from its column's held end than the cloth is long: weight cannot stretch it.
            away = p[sheet.held :] - p[sheet.held - 1]
            length = np.linalg.norm(away, axis=-1, keepdims=True) + 1e-9
            p[sheet.held :] -= np.maximum(1 - reach / length, 0) * away
            moved = above(p[sheet.held :].reshape(-1, 3), *planes, obstacle.floor)
            touched = (moved != p[sheet.held :].reshape(-1, 3)).any(1)
            p[sheet.held :] = moved.reshape(-1, *shape[1:])
        grip = friction * touched.reshape(-1, shape[1], 1)
        before[sheet.held :] += grip * (p[sheet.held :] - before[sheet.held :])
    p[sheet.held :] = obstacle.push_out(p[sheet.held :].reshape(-1, 3), margin).reshape(-1, *shape[1:])
    return p
