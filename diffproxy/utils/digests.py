"""Short digests of files, to notice that an input is no longer the one that results were computed from."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from diffproxy.utils.errors import from_os_error
from diffproxy.utils.file_patterns import files_named

WHOLE = 4 << 20  # bytes; of larger files so much is read, in blocks all over the file
BLOCKS = 64


def fingerprint(settings: dict[str, Any]) -> str:
    """Short hash of plain settings; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def path_digest(path: Path | str) -> str:
    """Digest of a file, or of all files below a folder with their names; "" where there is neither.

    Files of up to 4 MB are read whole. Of a larger one, such as a video, 64 blocks are read, and its size and time of
    change count too. InputError where a file cannot be read.
    """
    path = Path(path)
    try:
        if path.is_file():
            stat = path.stat()
            return _file_digest(path, stat.st_size, stat.st_mtime_ns)
        if not path.is_dir():
            return ""
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return fingerprint({str(p.relative_to(path)): path_digest(p) for p in files})
    except OSError as error:
        raise from_os_error(error, path) from error


@lru_cache(maxsize=4096)
def _file_digest(path: Path, size: int, changed: int) -> str:
    total = hashlib.blake2b(str(size).encode(), digest_size=8)
    with path.open("rb") as file:
        if size <= WHOLE:
            total.update(file.read())
        else:
            total.update(str(changed).encode())
            for k in range(BLOCKS):
                file.seek(k * (size - WHOLE // BLOCKS) // (BLOCKS - 1))
                total.update(file.read(WHOLE // BLOCKS))
    return total.hexdigest()


def listing_digest(path: Path | str) -> str:
    """Digest of names, sizes and times of change of a file, of all files below a folder, or of those that a pattern
    names: contents are not read."""
    path = Path(path)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else files_named(path)
    return fingerprint({str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in files})
