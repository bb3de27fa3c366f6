"""Random streams of a sample: one per job, so that a change in one job does not reshuffle the others."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, k: int, name: str) -> np.random.Generator:
    """The generator that sample `k` of run `seed` uses for the job `name`, e.g. "person" or "cameras"."""
    return np.random.default_rng([seed, k, crc32(name.encode())])
