"""Finished frames on disk: written whole or not at all, found again by the next run."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.io import write_atomic

log = logging.getLogger(__name__)


def record_digest(record: FrameResult) -> str:
    """Changes when the body of a frame does."""
    total = hashlib.sha256(record.status.encode())
    for array in (*record.params.values(), record.joints, record.joint_std, record.joint_observed):
        total.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return total.hexdigest()[:16]


class FrameStore:
    """One npz a frame in `folder`, each stamped with the fingerprint of the settings it was made with."""

    def __init__(self, folder: Path, stamp: str):
        self.folder, self.stamp = folder, stamp

    def path(self, frame_id: int) -> Path:
        return self.folder / f"{frame_id:06d}.npz"

    def save(self, record: FrameResult) -> None:
        buffer = io.BytesIO()
        arrays: dict[str, Any] = record.to_arrays()
        np.savez(buffer, stamp=np.array(self.stamp), **arrays)
        write_atomic(self.path(record.frame_id), buffer.getvalue())

    def before(self, frame_id: int, gap: int) -> FrameResult | None:
        """The nearest of the `gap` frames before this one that is finished."""
        found = (self.load(k) for k in range(frame_id - 1, max(frame_id - gap - 1, -1), -1))
        return next((r for r in found if r is not None), None)

    def load(self, frame_id: int) -> FrameResult | None:
        """The finished frame; None when there is none, or one that is damaged or of other settings."""
        path = self.path(frame_id)
        if not path.exists():
            return None
        try:
            arrays = read_npz(path, "a finished frame")
            record = FrameResult.from_arrays(arrays)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s is damaged (%s): computing this frame again", path, error)
            return None
        return record if str(arrays["stamp"]) == self.stamp and record.frame_id == frame_id else None
