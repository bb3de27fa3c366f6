"""All frames of a run one after the other, each finished frame safe on disk."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.frame_fitter import TRACK_GAP
from diffproxy.pipeline.frame_source import Stage
from diffproxy.pipeline.frame_store import record_digest
from diffproxy.pipeline.planned_files import keeps_proxies
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.take import Take
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)


def run_frames(
    take: Take, ids: list[int], finished: dict[int, FrameResult], quiet: bool = False
) -> tuple[list[FrameResult], list[InputError]]:
    """Every frame's record, and the errors of the frames that could not be computed; these are tried again next time.

    A frame starts from the one before it in `ids`, the first one from an earlier frame that is finished, none from a
    frame of another segment. A finished frame that had another start is computed again: so frames computed one by one,
    in parts or by several processes are those of one run.

    Args:
        take: What the run works with.
        ids: Frames of this run or process, in rising order.
        finished: Frames that an earlier run has computed.
        quiet: Without a progress bar.
    """
    records: list[FrameResult] = []
    errors: list[InputError] = []
    computed = 0
    with tqdm(ids, desc="frames", unit="frame", disable=quiet) as bar:
        for frame_id in bar:
            before = records[-1] if records else take.store.before(frame_id, TRACK_GAP)
            last = _start(take.options, frame_id, before)
            start = {"frame": last.frame_id, "digest": record_digest(last)} if last is not None else None
            record = finished.get(frame_id)
            if record is None or record.info.get("start") != start:

                def stage(name: str, frame_id: int = frame_id) -> None:
                    bar.set_postfix_str(f"{frame_id}: {name}")

                record, error = _compute(take, frame_id, last, start, stage)
                errors += [error] if error is not None else []
                computed += 1
                if record.status != "ok":
                    log.warning("frame %d: %s (%s)", frame_id, record.status, record.reason)
            records.append(record)
    if computed < len(ids):
        log.info("%d of %d frames were finished before", len(ids) - computed, len(ids))
    return records, errors


def _start(options: FitOptions, frame_id: int, before: FrameResult | None) -> FrameResult | None:
    """The frame before, if a frame may start from it."""
    if not options.track or before is None or not before.has_body or frame_id - before.frame_id > TRACK_GAP:
        return None
    segment = options.segment
    return None if segment and before.frame_id // segment != frame_id // segment else before


def _compute(
    take: Take, frame_id: int, last: FrameResult | None, start: dict[str, Any] | None, stage: Stage
) -> tuple[FrameResult, InputError | None]:
    """The record of a frame, stored with its files, or the error for which there is none; that is not stored."""
    options, error = take.options, None
    begin, digests = time.perf_counter(), take.source.inputs(frame_id)
    try:
        record, made = take.source.solve(frame_id, last, stage)
    except InputError as found:
        error = found
    except np.linalg.LinAlgError as found:
        error = InputError("a fit that converges", f"{found}", "look at the images of this frame")
    if error is not None:
        reason = f"expected {error.expected}, found {error.found}"
        record, made = FrameResult(frame_id, "failed", reason), None
    record.info.update(seconds=time.perf_counter() - begin, inputs=digests, start=start)
    if made is not None and keeps_proxies(options):
        take.proxies.save(frame_id, made)
    if error is None:
        take.store.save(record)  # last, so that a finished frame has all its files
    return record, error
