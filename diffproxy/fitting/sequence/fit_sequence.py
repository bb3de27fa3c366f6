"""Successive frames of one person: one shape, each frame started from its neighbours, motion without jitter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import BODY_JOINTS
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import Evidence, FixedShape, ShownFrame
from diffproxy.fitting.fit import fit_many
from diffproxy.fitting.result import FITTED, FitResult
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.fitting.sequence.contacts import find_floor, foot_slide, jitter, standing_heights
from diffproxy.fitting.sequence.interpolation import bracketing_frames, interpolate_pose
from diffproxy.fitting.sequence.shared_shape import shared_shape
from diffproxy.fitting.sequence.smoother import smooth_frames
from diffproxy.utils.errors import InputError
from diffproxy.utils.spread import spread


@dataclass(frozen=True)
class SequenceFit:
    """One result a frame, and what was found of them all."""

    frames: list[FitResult]
    report: dict[str, Any] = field(default_factory=dict)
    """jitter_mm (mm / frame²), foot_slide_cm_s, ground_m, betas, scale, filled frames, seconds by step."""


def fit_sequence(
    shown: Sequence[ShownFrame | None],
    body: BodyModel,
    config: FitConfig | None = None,
    sequence: SequenceConfig | None = None,
    times: Float[np.ndarray, " F"] | None = None,
    starts: Sequence[BodyParams | None] | None = None,
) -> SequenceFit:
    """Fit the frames of one person, each helped by the others.

    Args:
        shown: What each of F frames shows, None where nothing. It may load on access.
        body: Body model whose atlas the proxies refer to.
        config: Options of the fits; by default `FitConfig()`.
        sequence: How frames help each other; by default `SequenceConfig()`.
        times: (F,) seconds, rising; by default 30 frames a second.
        starts: A first guess for each frame, None where unknown. Without any, frames start from fitted neighbours.

    Returns:
        A result for every frame: one without usable proxies keeps its status, or is `filled` from its neighbours.

    Raises:
        InputError: `times` that do not rise, or are not one for each frame.
    """
    config, sequence = config or FitConfig(), sequence or SequenceConfig()
    count = len(shown)
    times = np.arange(count) / 30.0 if times is None else np.asarray(times, dtype=np.float64)
    if times.shape != (count,) or (count > 1 and not (np.diff(times) > 0).all()):
        raise InputError(f"{count} rising times", f"{times.shape}", "one time in seconds for each frame")
    given: list[BodyParams | None] = list(starts) if starts is not None else [None] * count
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    shape: FixedShape | None = None
    first: dict[int, FitResult] = {}
    report: dict[str, Any] = {}
    if sequence.shape == "shared" and count > 1:
        first = _key_frames(shown, body, config, sequence, given)
        good = [i for i, r in first.items() if r.status in FITTED]
        if good:
            fitted = [f for f in (shown[i] for i in good) if f is not None]
            shape = shared_shape(fitted, [first[i] for i in good], body, config)
            report |= {"betas": [round(float(b), 4) for b in shape.betas], "scale": round(shape.scale, 5)}
    seconds["shape"] = time.perf_counter() - began
    began = time.perf_counter()
    frames = _all_frames(shown, body, config, sequence, given, first, shape)
    seconds["frames"] = time.perf_counter() - began
    began = time.perf_counter()
    floor = None
    if sequence.smooth > 0 or sequence.ground != "none":
        frames, floor = smooth_frames(shown, frames, times, body, config, sequence)
    seconds["smooth"] = time.perf_counter() - began
    report |= motion_report(frames, body, times, np.array(sequence.up))
    if floor is not None:
        report["ground_m"] = round(floor.height, 4)
    report["filled"] = [i for i, f in enumerate(frames) if f.status == "filled"]
    report["seconds"] = {k: round(v, 3) for k, v in seconds.items()}
    return SequenceFit(frames, report)


def motion_report(
    frames: Sequence[FitResult], body: BodyModel, times: Float[np.ndarray, " F"], up: Float[np.ndarray, "3"]
) -> dict[str, float | None]:
    """Jitter of the 22 body joints and slide of standing feet."""
    known = [f for f in frames if _has_body(f)]
    if len(known) < 3:
        return {"jitter_mm": None, "foot_slide_cm_s": None}
    joints = np.stack([f.joints if _has_body(f) else np.full((55, 3), np.nan) for f in frames]).astype(
        np.float64
    )
    rest = standing_heights(body, known[0].params.betas[0], float(known[0].params.scale))
    slide = foot_slide(joints, times, find_floor(joints, up, rest))
    shake = jitter(joints[:, BODY_JOINTS], times, float(np.median(np.diff(times))))
    return {
        "jitter_mm": None if shake is None else round(shake, 3),
        "foot_slide_cm_s": None if slide is None else round(slide, 3),
    }


def _has_body(frame: FitResult) -> bool:
    return frame.status in (*FITTED, "filled")


def _key_frames(
    shown: Sequence[ShownFrame | None],
    body: BodyModel,
    config: FitConfig,
    sequence: SequenceConfig,
    given: list[BodyParams | None],
) -> dict[int, FitResult]:
    """A few frames, evenly spread, each with its own shape."""
    rows = spread(range(len(shown)), sequence.shape_frames)
    return _fit_rows(shown, rows, body, config, [given[i] for i in rows])


def _fit_rows(
    shown: Sequence[ShownFrame | None],
    rows: list[int],
    body: BodyModel,
    config: FitConfig,
    starts: list[BodyParams | None],
    shape: FixedShape | None = None,
) -> dict[int, FitResult]:
    """One batch; a frame without proxies has no person."""
    started = dict(zip(rows, starts, strict=True))
    frames = {i: frame for i in rows if (frame := shown[i]) is not None}
    evidence = [Evidence(frame.keypoints, started[i]) for i, frame in frames.items()]
    fits = fit_many([frame.maps for frame in frames.values()], body, config, evidence, shape)
    rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
    nobody = FitResult(
        rest, body.joints(rest)[0].cpu().numpy(), np.full(55, np.inf, np.float32), "no_person", "no proxies"
    )
    return {i: nobody for i in rows} | dict(zip(frames, fits, strict=True))


def _all_frames(
    shown: Sequence[ShownFrame | None],
    body: BodyModel,
    config: FitConfig,
    sequence: SequenceConfig,
    given: list[BodyParams | None],
    first: dict[int, FitResult],
    shape: FixedShape | None,
) -> list[FitResult]:
    """In waves: every wave halves the gaps between the frames that are done."""
    if shape is not None:
        config = replace(config, max_pixels=min(config.max_pixels, sequence.max_pixels))
    hints = {i: r.params for i, r in first.items() if r.status in FITTED}
    hints |= {i: g for i, g in enumerate(given) if g is not None}
    done: dict[int, FitResult] = {}
    bar = tqdm(total=len(shown), desc="frames", unit="frame", leave=False)
    for wave in waves(len(shown), sorted(first)):
        for at in range(0, len(wave), sequence.chunk):
            rows = wave[at : at + sequence.chunk]
            starts = [hints[i] if i in hints else _between(i, done) for i in rows]
            done |= _fit_rows(shown, rows, body, config, starts, shape)
            bar.update(len(rows))
    bar.close()
    return [done[i] for i in range(len(shown))]


def waves(count: int, first: list[int]) -> list[list[int]]:
    """All frames 0 ... count - 1 in an order in which each lies between two of earlier waves (or beyond them all)."""
    out = [first or [0]] if count else []
    done = sorted(out[0]) if out else []
    while len(done) < count:
        edges = [-1, *done, count]
        wave = [(a + b) // 2 for a, b in pairwise(edges) if b - a > 1]
        out.append(wave)
        done = sorted({*done, *wave})
    return out


def _between(i: int, done: dict[int, FitResult]) -> BodyParams | None:
    """The pose halfway (by distance) between the nearest fitted frames on both sides."""
    good = [k for k, r in done.items() if r.status in FITTED]
    if not good:
        return None
    before, after, share = bracketing_frames(i, good)
    return (
        done[before].params
        if before == after
        else interpolate_pose(done[before].params, done[after].params, share)
    )
