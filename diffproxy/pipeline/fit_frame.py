"""The proxies of one frame to a body, with a status instead of an exception when there is nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting import FitConfig, FitResult, fit
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.keypoint_fit import SparseKeypoints
from diffproxy.pipeline.generate_proxies import FirstFit, Generated
from diffproxy.pipeline.networks import Guess
from diffproxy.pipeline.reprojection_quality import (
    ViewQuality,
    head_to_ankle,
    judged,
    view_notes,
    view_quality,
    with_misfit,
)
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.timing import Stopwatch

AIM_PIXELS = 200  # a view; aiming needs centimetres only
AIM_SIGMA = 0.07  # metres; proxies that a first fit explains no better do not say where the hands are
HAND_DOUBT_MM = 120.0  # a hand crop whose proxies are further off than this shows something else
FITTED_ALONE = ("ok", "doubtful")  # bodies that at least two views place
UNSEEN_HAND = "no view shows the {side} hand: its fingers come from the prior"


@dataclass(frozen=True)
class BodyFitter:
    """What the proxies of every frame are fitted with.

    Args:
        body: Body model.
        config: Settings of the fitter.
        encoder: Fits the keypoints of the generator's encoder as well, where it predicts any; None: proxies alone.
        sparse: Keypoints from files, in place of the encoder's.
        guess: Gives bodies that compete with the closed form as starts; not used beside `sparse`.
    """

    body: BodyModel
    config: FitConfig
    encoder: EncoderKeypointFitter | None = None
    sparse: SparseKeypoints | None = None
    guess: Guess | None = None

    def fit(self, frame_id: int, made: Generated, start: BodyParams | None = None) -> FitResult:
        """The body of one frame; `start` is that of an earlier frame."""
        if self.sparse is not None:
            return self.sparse.fit(frame_id, made.maps, start)
        candidates = () if self.guess is None else self.guess(made)
        if self.encoder is not None and made.keypoints is not None:
            return self.encoder.fit(made.maps, made.keypoints, start, candidates=candidates)
        return fit(made.maps, self.body, self.config, start, candidates=candidates)


def first_fit(
    body: BodyModel, config: FitConfig, sparse: SparseKeypoints | None = None, frame_id: int = 0
) -> FirstFit:
    """A quick body from the first proxies, None when it does not explain them well enough to aim by."""
    quick = replace(config, hands=False, vertices=False, max_pixels=min(config.max_pixels, AIM_PIXELS))

    def find(maps: ProxyMaps) -> BodyParams | None:
        result = fit(maps, body, quick) if sparse is None else sparse.fit(frame_id, maps, quick=True)
        return result.params if result.status in FITTED_ALONE and result.sigma < AIM_SIGMA else None

    return find


def fit_frame(
    frame_id: int,
    made: Generated,
    fitter: BodyFitter,
    start: FrameResult | None = None,
    clock: Stopwatch | None = None,
) -> FrameResult:
    """Fit the body to the proxies (and keypoints) of one frame, and judge how well it explains them.

    Args:
        frame_id: Number of the frame.
        made: Its proxies, and what came with them.
        fitter: What they are fitted with.
        start: An earlier frame, whose body starts the fit if it has one.
        clock: Adds up the seconds of each stage.
    """
    clock = clock or Stopwatch()
    first = start.body_params() if start is not None and start.has_body else None
    with clock("fit"):
        result = fitter.fit(frame_id, made, first)
    with clock("quality"):
        return to_record(frame_id, result, made, fitter.body, clock)


def to_record(
    frame_id: int, result: FitResult, made: Generated, body: BodyModel, clock: Stopwatch
) -> FrameResult:
    """The fit's answer with the quality of each view and what to doubt.

    Args:
        frame_id: Number of the frame.
        result: The fitted body.
        made: What it was fitted to.
        body: Body model.
        clock: Has the seconds of each stage.
    """
    notes = list(made.notes)
    info: dict[str, Any] = {
        "notes": notes,
        "timings": clock.seconds,
        "fit_timings": {k: float(v) for k, v in result.timings.items()},
        "used_pixels": result.used_pixels,
        "residual_px": float(result.residual_px),
        "inlier_ratio": float(result.inlier_ratio),
        "robust_loss": float(result.robust_loss),
        "flip_ratio": float(result.flip_ratio),
        "hands": made.hands,
        "boxes": [[round(x, 2) for x in box] for box in made.boxes or ()],
    }
    if result.has_body and result.reason:
        notes.append(result.reason)
    if not result.has_body:
        notes += [UNSEEN_HAND.format(side=side) for side, crops in made.hands.items() if not crops]
        return FrameResult(frame_id, result.status, result.reason, info=info)
    info["head_to_ankle_m"] = head_to_ankle(body, result.params)
    views = view_quality(made, body, result.params)
    info["hands"] = trusted_hands(made.hands, views, notes)
    info |= view_notes(views)
    status, reason = judged(result.status, result.reason, info)
    joints = result.joints.astype(np.float32)
    std = with_misfit(np.asarray(result.joint_std, dtype=np.float32), info["residual_mm"])
    return FrameResult(
        frame_id,
        status,
        reason,
        params_to_arrays(result.params),
        joints,
        std,
        info,
        result.joint_observed.astype(np.float32),
    )


def trusted_hands(
    hands: dict[str, list[str]], views: list[ViewQuality], notes: list[str]
) -> dict[str, list[str]]:
    """The cameras whose crops of each hand agree with the body; what does not, and hands unseen, go to `notes`."""
    off = {
        (q.kind, q.camera): q.residual_mm
        for q in views
        if q.kind != "body" and not q.residual_mm < HAND_DOUBT_MM
    }
    trusted = {side: [c for c in names if (f"{side}_hand", c) not in off] for side, names in hands.items()}
    for side, names in hands.items():
        bad = [c for c in names if c not in trusted[side]]
        if bad:
            notes.append(f"{side} hand: the crops of {', '.join(bad)} show no hand that agrees with the body")
        if not trusted[side]:
            notes.append(UNSEEN_HAND.format(side=side))
    return trusted
