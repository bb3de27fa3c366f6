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
from jaxtyping import Bool, Float
from threadpoolctl import threadpool_limits

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.normal_equations import centered, frame_normal_equations
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.sequence.contacts import Floor, contacts, find_floor, standing_heights
from diffproxy.fitting.sequence.interpolation import bracketing_frames, interpolate_pose
from diffproxy.fitting.sequence.motion_residuals import MotionResiduals, world_joints
from diffproxy.fitting.sequence.outlier_limbs import LIMBS, outlier_columns, replace_outlier_limbs
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.block_banded import BlockBandedCholesky, BlockBandedMatrix
from diffproxy.fitting.state import BODY_JOINTS, HAND_JOINTS, TANGENT_DIM, Free, State
from diffproxy.fitting.terms.priors import pose_priors
from diffproxy.fitting.uncertainty import calibrated, joint_jacobian
from diffproxy.proxies import ProxyMaps

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
    maps: Sequence[ProxyMaps | None],
    frames: list[FitResult],
    body: BodyModel,
    config: FitConfig,
    times: Float[np.ndarray, " F"],
    smooth: float,
    max_gap: float,
    up: Float[np.ndarray, "3"],
    use_feet: bool,
    height: float | None,
) -> tuple[list[FitResult], Floor | None]:
    """New results for all frames that have a body or lie in a short gap; the floor, when feet are used."""
    good = [i for i, f in enumerate(frames) if f.status in ("ok", "one_view")]
    if len(good) < 3:
        return frames, None
    floor = None
    if use_feet:
        shape = frames[good[0]].params
        rest = standing_heights(body, shape.betas[0], float(shape.scale))
        joints = np.stack([frames[i].joints for i in good]).astype(np.float64)
        floor = find_floor(joints, up, rest) if height is None else Floor(up, height, rest)
    out = list(frames)
    for stretch in stretches(times, good, max_gap):
        if len(stretch) < 3:
            continue
        with threadpool_limits(1, user_api="blas"):  # small blocks: more threads only wait for one another
            smoothed = _smooth(maps, frames, body, config, times, smooth, floor, stretch)
        for i, result in smoothed.items():
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
    maps: Sequence[ProxyMaps | None],
    frames: list[FitResult],
    body: BodyModel,
    config: FitConfig,
    times: Float[np.ndarray, " F"],
    smooth: float,
    floor: Floor | None,
    rows: list[int],
) -> dict[int, FitResult]:
    seen = [k for k, i in enumerate(rows) if frames[i].has_body]
    params: list[BodyParams] = []
    for k, i in enumerate(rows):
        before, after, share = bracketing_frames(k, seen)
        ends = frames[rows[before]].params, frames[rows[after]].params
        params.append(frames[i].params if before == after else interpolate_pose(*ends, share))
    free = Free((*BODY_JOINTS, *(HAND_JOINTS if config.hands else ())), transl=True)
    fitted = np.stack([frames[rows[k]].joints for k in seen]).astype(np.float64)
    whole, outliers = replace_outlier_limbs(BodyParams.cat(params), fitted, seen, times[rows])
    unconstrained = outlier_columns(outliers, free)
    centers = body.joints(whole)[:, 0].double().cpu().numpy()
    state = centered(whole, centers)
    skeleton = Skeleton(body, state.expression)
    motion = MotionResiduals(skeleton, free, times[rows], centers, smooth, floor)
    columns = free.columns()
    factor: BlockBandedCholesky | None = None
    for _ in range(ROUNDS):
        H, g = _evidence(maps, body, config, rows, seen, state, centers, free)
        H[unconstrained[:, :, None] | unconstrained[:, None, :]] = 0.0
        H[:, range(len(columns)), range(len(columns))] += RIDGE * unconstrained
        g[unconstrained] = 0.0
        anchor = state
        for step in range(STEPS):
            if floor is not None:
                joints = world_joints(skeleton, state).double().cpu().numpy() + centers[:, None]
                motion = replace(motion, standing=contacts(joints, times[rows], floor))
            moved = _difference(anchor, state, free)
            band, gradient = BlockBandedMatrix(len(rows), len(columns)), g + np.einsum("fij,fj->fi", H, moved)
            band.H[0] += H
            motion.add(state, band, gradient)
            factor = band.factor()
            tangent = factor.solve(-gradient)
            full = torch.zeros(len(rows), TANGENT_DIM, dtype=state.betas.dtype)
            full[:, columns] = torch.as_tensor(tangent).to(full)
            state = state.retract(full.to(state.betas.device))
            if step and np.abs(tangent).max() < 1e-4:
                break
    return _results(frames, body, state, centers, free, skeleton, rows, seen, factor, outliers, config)


def _evidence(
    maps: Sequence[ProxyMaps | None],
    body: BodyModel,
    config: FitConfig,
    rows: list[int],
    seen: list[int],
    state: State,
    centers: Float[np.ndarray, "K 3"],
    free: Free,
) -> tuple[Float[np.ndarray, "K P P"], Float[np.ndarray, "K P"]]:
    """Hessian and gradient of every frame's own cost; of a missing frame next to nothing."""
    size = len(free.columns())
    H, g = np.tile(RIDGE * np.eye(size), (len(rows), 1, 1)), np.zeros((len(rows), size))
    priors = pose_priors(body.v_template, config.prior, config.pose_weight)
    for at in range(0, len(seen), BATCH):
        part = seen[at : at + BATCH]
        shown = [m for m in (maps[rows[k]] for k in part) if m is not None]  # a fitted frame has some
        normal = frame_normal_equations(
            shown,
            body,
            config,
            priors,
            take(state, part),
            centers[part],
            free,
            PIXELS,
        )
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


def _results(
    frames: list[FitResult],
    body: BodyModel,
    state: State,
    centers: Float[np.ndarray, "K 3"],
    free: Free,
    skeleton: Skeleton,
    rows: list[int],
    seen: list[int],
    factor: BlockBandedCholesky | None,
    outliers: dict[str, Bool[np.ndarray, " K"]],
    config: FitConfig,
) -> dict[int, FitResult]:
    params = state.to_params()
    shift = torch.as_tensor(centers, dtype=torch.float64, device=params.transl.device)
    params = params.replace(transl=(params.transl.double() + shift).to(params.transl.dtype))
    with torch.no_grad():
        joints = body.joints(params).cpu().numpy()
    J = joint_jacobian(skeleton, state, free).double().cpu().numpy()
    covariances = factor.covariances() if factor is not None else None
    out = {}
    for k, i in enumerate(rows):
        changed = replace(frames[i], params=params[k], joints=joints[k], vertices=None)
        if covariances is not None:
            half = np.einsum("jap,pq,jaq->j", J[k], covariances[k], J[k])
            std = np.sqrt(np.maximum(half, 0)).astype(np.float32)
            changed = replace(changed, joint_std=calibrated(std, changed.joint_observed, config))
        if jumped := [limb for limb, jumps in outliers.items() if jumps[k]]:
            said = f"{' and '.join(jumped)} taken from other frames: too far from where it was to have moved there"
            gone = np.isin(np.arange(55), [j for limb in jumped for j in LIMBS[limb]])
            observed = np.where(gone, 0.0, changed.joint_observed)
            warning, reason = (
                "; ".join(x for x in (old, said) if x) for old in (changed.warning, changed.reason)
            )
            changed = replace(
                changed, warning=warning, reason=reason, status="doubtful", joint_observed=observed
            )
        if k not in seen:
            reason = f"no body of its own ({frames[i].reason}): between its neighbours"
            changed = replace(changed, status="filled", reason=reason, joint_observed=np.zeros(55))
        out[i] = changed
    return out
