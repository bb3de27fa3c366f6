"""One shape from several frames: each frame's own fit says how firmly it holds each direction of shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import FixedShape, ShownFrame
from diffproxy.fitting.normal_equations import frame_normal_equations, schur_complement
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.state import BODY_JOINT_NUMBERS, Free, centered
from diffproxy.fitting.terms.priors import pose_priors

PIXELS = 250
"""A view."""
CORRELATED = 3.0
"""Errors of one network about one person go together: so many frames count as one."""


def shared_shape(
    frames: Sequence[ShownFrame], fits: Sequence[FitResult], body: BodyModel, config: FitConfig
) -> FixedShape:
    """The shape that the fitted frames agree on best, poses free: `argmin sum_f (s - s_f)ᵀ S_f (s - s_f)` plus prior.

    `S_f` is what frame f's proxies say of the shape once its pose has followed (a Schur complement). So frames that see
    little weigh little. The scale stays 1 where the configuration keeps it.
    """
    params = BodyParams.cat([f.params for f in fits])
    centers = np.stack([f.joints[0] for f in fits]).astype(np.float64)
    free = Free(BODY_JOINT_NUMBERS, betas=True, scale=True, transl=True)
    state = centered(params, centers)
    pose_only = pose_priors(body.v_template, config.prior, config.pose_weight)
    normal = frame_normal_equations(frames, body, config, pose_only, state, centers, free, PIXELS)
    shape = torch.arange(3 * len(BODY_JOINT_NUMBERS), 3 * len(BODY_JOINT_NUMBERS) + 11)
    S, g = schur_complement(normal, shape)
    # the minimum of each frame's own model, in information form: S s_f = S s - g
    here = torch.cat([state.betas, state.log_scale[:, None]], dim=1).double().cpu().numpy()
    voice = 1.0 if len(fits) == 1 else max(1.0 / CORRELATED, 1.0 / len(fits))
    prior = np.diag([config.beta_std**-2.0] * 10 + [config.log_scale_std**-2.0])
    if not config.fit_scale:
        prior[10, 10] = 1e12
    H = prior + voice * S.sum(0)
    b = voice * ((S @ here[..., None])[..., 0] - g).sum(0)
    best = np.linalg.solve(H, b)
    return FixedShape(torch.as_tensor(best[:10]).to(params.betas), float(np.exp(best[10])))
