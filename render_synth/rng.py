"""Random generators of a sample: one per purpose, so that a change of one does not change the others."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, k: int, name: str) -> np.random.Generator:
    """The random generator of sample `k` of run `seed` for the purpose `name`, e.g. "person" or "cameras".

    Names are part of what makes shards reproducible: another name gives other samples.
    """
    return np.random.default_rng([seed, k, crc32(name.encode())])
