"""The second pass over a run's frames: one shape, smooth motion, feet on the floor (docs/sequences.md)."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.fitting import FitResult
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.fitting.sequence.contacts import find_floor, foot_slide, standing_heights
from diffproxy.fitting.sequence.fit_sequence import fit_sequence
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.fit_frame import BodyFitter, to_record
from diffproxy.pipeline.frame_store import FrameStore, record_digest
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.pipeline.run_folder import RunFolder
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.timing import Stopwatch

log = logging.getLogger(__name__)

FOLDER = "frames_shared"
REPORT = "sequence.json"
FAR_FROM_GROUND = 1.0  # metres of the lowest joints: nobody stands on it, or it is not in metres


def wanted(options: FitOptions) -> bool:
    """Whether frames are to help each other."""
    return options.shape == "shared" or options.smooth > 0 or options.ground != "none"


def sequence_config(options: FitOptions, up: Sequence[float] = (0.0, 1.0, 0.0)) -> SequenceConfig:
    """InputError for options that do not go together."""
    x, y, z = (float(v) for v in up)
    return SequenceConfig(shape=options.shape, smooth=options.smooth, ground=options.ground, up=(x, y, z))


class StoredFrames(Sequence):
    """What some frames show, read when it is asked for; None where a frame has no proxies.

    `encoder`: reads the encoder's keypoints; None: proxies alone.
    """

    def __init__(self, proxies: ProxyStore, ids: list[int], encoder: EncoderKeypointFitter | None):
        self.proxies, self.ids, self.encoder = proxies, ids, encoder
        self.known = set(proxies.frame_ids)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, i: int) -> ShownFrame | None: ...
    @overload
    def __getitem__(self, i: slice) -> list[ShownFrame | None]: ...
    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if self.ids[i] not in self.known:
            return None
        made = self.proxies.load(self.ids[i])
        if self.encoder is None or made.keypoints is None:
            return ShownFrame(made.maps)
        return ShownFrame(made.maps, self.encoder.evidence_in(made.maps, made.keypoints))


def fit_as_sequence(
    run: RunFolder,
    records: list[FrameResult],
    proxies: ProxyStore,
    fitter: BodyFitter,
    sequence: SequenceConfig,
    fps: float,
) -> list[FrameResult]:
    """Fit all frames again as one sequence.

    Args:
        run: Where finished frames and the report of the sequence are kept; an earlier call's are used again.
        records: The frames as they were fitted one by one.
        proxies: Of all frames.
        fitter: What the frames were fitted with; keypoints from files are not used here.
        sequence: Shape, smoothness and floor.
        fps: Frame numbers a second.
    """
    out = run.out
    for note in without_effect(records, sequence):
        log.warning("%s: %s", out, note)
    if sum(r.has_body for r in records) < 2:
        (out / REPORT).unlink(missing_ok=True)
        return records
    ids = [r.frame_id for r in records]
    first = [record_digest(r) for r in records]
    settings = {"stamp": run.stamp, "ids": ids, "first": first, "fps": fps, **asdict(sequence)}
    store = FrameStore(out / FOLDER, fingerprint(settings))
    done = [store.load(i) for i in ids]
    if all(r is not None for r in done) and _report(out) is not None:
        return [r for r in done if r is not None]
    starts = [r.body_params() if r.has_body else None for r in records]
    shown = StoredFrames(proxies, ids, fitter.encoder)
    fitted = fit_sequence(shown, fitter.body, fitter.config, sequence, np.array(ids) / fps, starts)
    each = sum(fitted.report["seconds"].values()) / len(ids)
    changed = [_record(r, f, proxies, each) for r, f in zip(records, fitted.frames, strict=True)]
    write_atomic(out / REPORT, json.dumps(fitted.report, indent=1).encode())
    for record in changed:
        store.save(record)
    return changed


def without_effect(records: Sequence[FrameResult], sequence: SequenceConfig) -> list[str]:
    """Notes on options that do nothing for these frames: too few bodies, or a ground that no foot reaches."""
    joints = [r.joints for r in records if r.has_body]
    moves = sequence.smooth > 0 or sequence.ground != "none"
    if len(joints) < (3 if moves else 2):
        return [f"shape=shared needs two bodies, smooth and ground need three: {len(joints)} here"]
    if sequence.ground in ("none", "auto"):
        return []
    low = float(np.median((np.stack(joints) @ np.array(sequence.up)).min(axis=1)))
    if abs(low - float(sequence.ground)) <= FAR_FROM_GROUND:
        return []
    return [
        f"ground={sequence.ground} is no ground of these people, whose lowest joints are at {low:.2f} m (median)"
    ]


def _record(first: FrameResult, result: FitResult, proxies: ProxyStore, seconds: float) -> FrameResult:
    """The sequence's answer for one frame, with the quality of its views where it has any."""
    clock = Stopwatch()
    clock.seconds.update({**first.info.get("timings", {}), "sequence": seconds})
    if result.status == "filled":
        info = {**first.info, "timings": clock.seconds}
        joints, std = result.joints.astype(np.float32), np.asarray(result.joint_std, dtype=np.float32)
        params = params_to_arrays(result.params)
        observed = result.joint_observed.astype(np.float32)
        return FrameResult(first.frame_id, "filled", result.reason, params, joints, std, info, observed)
    if not result.has_body:
        return replace(first, info={**first.info, "timings": clock.seconds})
    record = to_record(first.frame_id, result, proxies.load(first.frame_id), proxies.body, clock)
    return refitted(first, record)


def refitted(first: FrameResult, record: FrameResult) -> FrameResult:
    """A later fit of a frame, with what was noted about its images when it was `first` fitted."""
    problems = first.info.get("image_problems", [])
    info = {**first.info, **record.info, "notes": [*record.info["notes"], *problems]}
    return replace(record, info=info, reason="; ".join(x for x in (record.reason, *problems) if x))


def _report(out: Path) -> dict[str, Any] | None:
    """The report of the second pass; None where it is missing or damaged."""
    try:
        report = read_json(out / REPORT)
    except InputError:
        return None
    return report if isinstance(report, dict) else None


def motion_metrics(
    out: Path, records: Sequence[FrameResult], body: BodyModel, up: Sequence[float], fps: float
) -> dict[str, Any]:
    """Slide of standing feet, cm/s, and what the second pass found; empty for fewer than three bodies."""
    good = [r for r in records if r.has_body]
    if len(good) < 3:
        return {}
    axis = np.asarray(up, dtype=np.float64)
    params = good[0].body_params()
    rest = standing_heights(body, params.betas[0], float(params.scale))
    joints = np.stack([r.joints for r in good]).astype(np.float64)
    times = np.array([r.frame_id for r in good]) / fps
    slide = foot_slide(joints, times, find_floor(joints, axis, rest))
    found: dict[str, Any] = {"foot_slide_cm_s": None if slide is None else round(slide, 3)}
    if (report := _report(out)) is not None:
        found["sequence"] = {k: v for k, v in report.items() if k not in ("jitter_mm", "foot_slide_cm_s")}
    return found
