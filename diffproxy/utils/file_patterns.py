"""Inputs that are one file or a glob pattern."""

from __future__ import annotations

from glob import glob
from pathlib import Path


def files_named(path: Path) -> list[Path]:
    """The file `path` where there is one, brackets in its name or not; otherwise what it names as a pattern, sorted."""
    if path.exists():
        return [path]
    return sorted(map(Path, glob(str(path))))  # noqa: PTH207 (Path.glob raises for a**b)
