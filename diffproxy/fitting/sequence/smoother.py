"""Fixed-interval smoothing: all frames of a stretch in one least-squares problem, each as firm as its proxies make it.

Every frame's own cost is replaced by its Gauss-Newton model, acceleration and standing feet tie frames together, and
the block-pentadiagonal system is solved whole (a Rauch-Tung-Striebel smoother, in information form). Where a limb is
seen well its own frame decides; where it is hidden, or a whole frame is missing, the neighbours do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from diffproxy.body import BodyModel
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.normal_equations import frame_normal_equations
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.sequence.config import SequenceConfig, floor_height
from diffproxy.fitting.sequence.contacts import Floor, contacts, find_floor, standing_heights
from diffproxy.fitting.sequence.motion_residuals import MotionResiduals, world_joints
from diffproxy.fitting.sequence.outlier_limbs import outlier_columns
from diffproxy.fitting.sequence.stretch import Stretch
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.block_banded import BlockBandedMatrix
from diffproxy.fitting.state import BODY_JOINT_NUMBERS, HAND_JOINT_NUMBERS, TANGENT_DIM, Free, State
from diffproxy.fitting.terms.priors import pose_priors
from diffproxy.fitting.uncertainty import joint_jacobian

PIXELS = 150
"""A view: enough to say how firm a frame is."""
BATCH = 10
"""Frames whose proxies are in memory together."""
ROUNDS = 2
"""Times that proxies are consulted anew around the smoothed bodies."""
STEPS = 4
"""Steps on the models in between: turns are not linear, and feet are found again."""
RIDGE = 1e-3
"""Firmness of what nothing holds, so that the system has one solution."""


def smooth_frames(
    shown: Sequence[ShownFrame | None],
    fits: list[FitResult],
    times: Float[np.ndarray, " F"],
    body: BodyModel,
    config: FitConfig,
    sequence: SequenceConfig,
) -> tuple[list[FitResult], Floor | None]:
    """Smooth all frames that have a body or lie in a short gap.

    Args:
        shown: What each frame shows, None where nothing. It may load on access.
        fits: The fit of each frame by itself, with one shape.
        times: Seconds, rising.
        body: Body model.
        config: Options of the fits.
        sequence: How smooth the motion is, and the floor.

    Returns:
        The new results, and the floor when feet stand on one.
    """
    good = [i for i, f in enumerate(fits) if f.status in ("ok", "one_view")]
    if len(good) < 3:
        return fits, None
    floor = None
    if sequence.ground != "none":
        shape = fits[good[0]].params
        rest = standing_heights(body, shape.betas[0], float(shape.scale))
        up = np.array(sequence.up)
        if sequence.ground == "auto":
            joints = np.stack([fits[i].joints for i in good]).astype(np.float64)
            floor = find_floor(joints, up, rest)
        else:
            floor = Floor(up, floor_height(sequence.ground), rest)
    out = list(fits)
    for rows in stretches(times, good, sequence.max_gap):
        if len(rows) < 3:
            continue
        with threadpool_limits(1, user_api="blas"):  # small blocks: more threads only wait for one another
            stretch = Stretch.of(rows, fits, times, body)
            smoothed = _smooth(stretch, shown, body, config, sequence.smooth, floor)
        for i, result in zip(rows, smoothed, strict=True):
            out[i] = result
    return out, floor


def stretches(times: Float[np.ndarray, " F"], good: list[int], max_gap: float) -> list[list[int]]:
    """Runs of frames between fitted ones that are at most `max_gap` seconds apart; gaps inside belong to the run."""
    runs: list[list[int]] = []
    for i in good:
        if runs and times[i] - times[runs[-1][-1]] <= max_gap + 1e-9:
            runs[-1] += range(runs[-1][-1] + 1, i + 1)
        elif runs and i == runs[-1][-1] + 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _smooth(
    stretch: Stretch,
    shown: Sequence[ShownFrame | None],
    body: BodyModel,
    config: FitConfig,
    smooth: float,
    floor: Floor | None,
) -> list[FitResult]:
    free = Free((*BODY_JOINT_NUMBERS, *(HAND_JOINT_NUMBERS if config.hands else ())), transl=True)
    columns, unconstrained = free.columns(), outlier_columns(stretch.outliers, free)
    state, times = stretch.start, stretch.times
    skeleton = Skeleton(body, state.expression)
    motion = MotionResiduals(skeleton, free, times, stretch.centers, smooth, floor)
    for _ in range(ROUNDS):
        H, g = _frame_models(stretch, shown, body, config, state, free)
        H[unconstrained[:, :, None] | unconstrained[:, None, :]] = 0.0
        H[:, range(len(columns)), range(len(columns))] += RIDGE * unconstrained
        g[unconstrained] = 0.0
        anchor = state
        for step in range(STEPS):
            if floor is not None:
                joints = world_joints(skeleton, state).double().cpu().numpy() + stretch.centers[:, None]
                motion = replace(motion, standing=contacts(joints, times, floor))
            moved = _difference(anchor, state, free)
            band, gradient = (
                BlockBandedMatrix(len(times), len(columns)),
                g + np.einsum("fij,fj->fi", H, moved),
            )
            band.H[0] += H
            motion.add(state, band, gradient)
            factor = band.factor()
            tangent = factor.solve(-gradient)
            full = torch.zeros(len(times), TANGENT_DIM, dtype=state.betas.dtype)
            full[:, columns] = torch.as_tensor(tangent).to(full)
            state = state.retract(full.to(state.betas.device))
            if step and np.abs(tangent).max() < 1e-4:
                break
    J = joint_jacobian(skeleton, state, free).double().cpu().numpy()
    variance = [np.einsum("jap,pq,jaq->j", j, c, j) for j, c in zip(J, factor.covariances(), strict=True)]
    joint_std = np.sqrt(np.maximum(variance, 0)).astype(np.float32)
    return stretch.results(state, joint_std, body, config)


def _frame_models(
    stretch: Stretch,
    shown: Sequence[ShownFrame | None],
    body: BodyModel,
    config: FitConfig,
    state: State,
    free: Free,
) -> tuple[Float[np.ndarray, "K P P"], Float[np.ndarray, "K P"]]:
    """Hessian and gradient of every frame's own cost; of a missing frame next to nothing."""
    rows, size = stretch.rows, len(free.columns())
    H, g = np.tile(RIDGE * np.eye(size), (len(rows), 1, 1)), np.zeros((len(rows), size))
    priors = pose_priors(body.v_template, config.prior, config.pose_weight)
    for at in range(0, len(stretch.seen), BATCH):
        part = stretch.seen[at : at + BATCH]
        frames = [
            f for f in (shown[rows[k]] for k in part) if f is not None
        ]  # a fitted frame shows something
        bodies, centers = take(state, part), stretch.centers[part]
        normal = frame_normal_equations(frames, body, config, priors, bodies, centers, free, PIXELS)
        H[part] += normal.H.double().cpu().numpy()
        g[part] = normal.g.double().cpu().numpy()
    return H, g


def take(state: State, rows: list[int]) -> State:
    """Some of a batch's bodies."""
    return State(
        state.rotations[rows],
        state.betas[rows],
        state.log_scale[rows],
        state.transl[rows],
        state.expression[rows],
    )


def _difference(a: State, b: State, free: Free) -> Float[np.ndarray, "K P"]:
    """The tangent vector from a to b."""
    import roma

    joints = list(free.joints)
    turn = roma.rotmat_to_rotvec((b.rotations[:, joints] @ a.rotations[:, joints].transpose(-1, -2)).double())
    return torch.cat([turn.flatten(1), (b.transl - a.transl).double()], dim=1).cpu().numpy()
