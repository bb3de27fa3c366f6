"""Files that are either complete or absent."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`; renamed to it when the block ends, removed when the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file that is never seen half-written."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Compressed npz, atomically; the time stamps inside are fixed, so that equal arrays give equal bytes."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def to_json(metrics: dict[str, Any]) -> bytes:
    """Indented JSON; a value that is not finite is an error, since JSON has no such number."""
    return (json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode()


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
