"""Finished frames on disk: written whole or not at all, found again by the next run."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

log = logging.getLogger(__name__)

OURS = (
    "frames", "frames_shared", "mesh", "overlay", "proxies",
    "result.npz", "metrics.json", "sequence.json", "report.html", "config.yaml", "run.json",
)  # fmt: skip


def fingerprint(settings: dict[str, Any]) -> str:
    """Short hash of plain settings; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


class FrameStore:
    """One npz a frame in `folder`, each stamped with the fingerprint of the settings it was made with."""

    def __init__(self, folder: Path, stamp: str):
        self.folder, self.stamp = folder, stamp

    def path(self, frame_id: int) -> Path:
        return self.folder / f"{frame_id:06d}.npz"

    def save(self, record: FrameResult) -> None:
        import io

        buffer = io.BytesIO()
        arrays: dict[str, Any] = record.to_arrays()
        np.savez(buffer, stamp=np.array(self.stamp), **arrays)
        write_atomic(self.path(record.frame_id), buffer.getvalue())

    def load(self, frame_id: int) -> FrameResult | None:
        """The finished frame; None when there is none, or one that is damaged or of other settings."""
        path = self.path(frame_id)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {k: file[k] for k in file.files}
            record = FrameResult.from_arrays(arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log.warning("%s is damaged (%s): computing this frame again", path, error)
            return None
        return record if str(arrays["stamp"]) == self.stamp and record.frame_id == frame_id else None


def open_run(out: Path, settings: dict[str, Any], overwrite: bool) -> str:
    """Make `out` ready for a run with these settings and return their fingerprint.

    A folder made with other settings raises InputError that names them, unless `overwrite`, which removes the
    earlier results (and nothing else in that folder).
    """
    if out.exists() and not out.is_dir():
        raise InputError("a folder to write to", f"{out}, a file", "choose another out=DIR")
    stamp, note = fingerprint(settings), out / "run.json"
    if overwrite:
        _remove_results(out)
    elif note.exists():
        earlier = _earlier_settings(note)
        if fingerprint(earlier) != stamp:
            raise InputError(
                f"the settings that the results in {out} were made with",
                "; ".join(_differences(earlier, settings)[:5]) or "an unreadable run.json",
                "add overwrite=true to start again, or choose another out=DIR",
            )
        return stamp
    write_atomic(note, json.dumps({"fingerprint": stamp, "settings": settings}, indent=1).encode())
    return stamp


def _remove_results(out: Path) -> None:
    for name in OURS:
        path = out / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _earlier_settings(note: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(note.read_text())["settings"])
    except (ValueError, KeyError, TypeError):
        return {}


def _differences(a: dict[str, Any], b: dict[str, Any], prefix: str = "") -> list[str]:
    """Readable `key: before -> now` for everything that differs."""
    out: list[str] = []
    for key in sorted({*a, *b}):
        x, y = a.get(key), b.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            out += _differences(x, y, f"{prefix}{key}.")
        elif x != y:
            out.append(f"{prefix}{key}: {x} before, {y} now")
    return out
