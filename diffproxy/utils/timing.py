"""Seconds per stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np


class Stopwatch:
    """Adds up wall-clock seconds by stage name; `on_stage` hears each name as its stage begins."""

    def __init__(self, on_stage: Callable[[str], None] | None = None):
        self.seconds: dict[str, float] = {}
        self._on_stage = on_stage

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        if self._on_stage is not None:
            self._on_stage(stage)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


def stage_milliseconds(frames: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, median and 95th percentile of each stage, ms, from its seconds in each frame; a missing stage took none."""
    stages = dict.fromkeys(name for seconds in frames for name in seconds)
    table = {}
    for name in stages:
        ms = [1000 * seconds.get(name, 0.0) for seconds in frames]
        mean, median, p95 = np.mean(ms), np.median(ms), np.percentile(ms, 95)
        table[name] = {
            "mean": round(float(mean), 2),
            "median": round(float(median), 2),
            "p95": round(float(p95), 2),
        }
    return table
