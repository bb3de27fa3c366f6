"""How firmly the proxies hold each fitted frame: normal matrices of data and pose prior, a few frames at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.noise import noise_level
from diffproxy.fitting.observations import ObservationRows, batch_observations, effective_weights
from diffproxy.fitting.refined_observations import Pictured, refined_observations
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.levenberg_marquardt import total_normal
from diffproxy.fitting.state import Free, State, in_world
from diffproxy.fitting.terms.correspondences import sample_correspondences, shows_hand
from diffproxy.fitting.terms.diffusion_prior import localised
from diffproxy.fitting.terms.priors import Prior, variables_of
from diffproxy.fitting.terms.reprojection import Normal, Reprojection


def frame_normal_equations(
    frames: Sequence[ShownFrame],
    body: BodyModel,
    config: FitConfig,
    priors: list[Prior],
    state: State,
    centers: Float[np.ndarray, "F 3"],
    free: Free,
    max_pixels: int,
) -> Normal:
    """Gauss-Newton model of every frame's own cost.

    Args:
        frames: Proxies and keypoints of F frames.
        body: Body model.
        config: Weights of the pixels, and their noise.
        priors: Least-squares terms of each frame.
        state: The F bodies around which the cost is modelled, relative to `centers`.
        centers: (F, 3) world, metres.
        free: The variables of the model; P is their number.
        max_pixels: Largest number of pixels of a view.

    Returns:
        Hessians (F, P, P), gradients (F, P) and costs (F,).
    """
    rows = []
    for frame, center in zip(frames, centers, strict=True):
        pixels = sample_correspondences(frame.maps, body, max_pixels, config.min_weight, config.hands)
        on_hand = shows_hand(pixels, body)
        factor = effective_weights(pixels, on_hand, config)
        own = [ObservationRows.of(pixels, factor=factor, on_hand=on_hand)]
        if frame.keypoints is not None:
            own.append(frame.keypoints.observations(frame.maps.cameras, center))
        rows.append(ObservationRows.cat(own))
    observed_body = next((f.keypoints.body for f in frames if f.keypoints is not None), body)
    if config.part_regions:
        subjects = [Pictured(f.maps, center) for f, center in zip(frames, centers, strict=True)]
        observations = refined_observations(rows, subjects, body, in_world(state, centers), observed_body)
    else:
        observations = batch_observations(
            rows, [f.maps.cameras for f in frames], list(centers), observed_body
        )
    data = Reprojection(observed_body, Skeleton(body, state.expression), observations, state.expression)
    terms = localised(priors, variables_of(state), 1.0)
    return total_normal(data, terms, state, free, noise_level(data, state, config, 0.0))


def schur_complement(
    normal: Normal, keep: Int[Tensor, " k"]
) -> tuple[Float[np.ndarray, "B k k"], Float[np.ndarray, "B k"]]:
    """What each body's normal equations say of some columns when all others follow: Schur complement and gradient."""
    H, g = normal.H.double().cpu().numpy(), normal.g.double().cpu().numpy()
    kept = keep.cpu().numpy()
    rest = np.setdiff1d(np.arange(H.shape[1]), kept)
    out_H, out_g = [], []
    for h, v in zip(H, g, strict=True):
        ridge = 1e-9 * np.trace(h) / len(h) * np.eye(len(rest))
        gain = np.linalg.solve(h[np.ix_(rest, rest)] + ridge, h[np.ix_(rest, kept)]).T
        out_H.append(h[np.ix_(kept, kept)] - gain @ h[np.ix_(rest, kept)])
        out_g.append(v[kept] - gain @ v[rest])
    return np.stack(out_H), np.stack(out_g)
