"""Shared readers of asset files: lines, numbers, safe paths, licences, images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from diffproxy.utils.errors import InputError

MAX_BYTES = 64 * 2**20
_HEADER = re.compile(
    r"\b(CC0|CC[- ]BY(?:[- ](?:SA|NC|ND))*|public domain|AGPL\w*|GPL\w*|MIT)\b", re.IGNORECASE
)


def read_lines(path: Path) -> list[str]:
    """All lines of a text asset. Raises InputError for a missing, huge or binary file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                f"an asset file below {MAX_BYTES >> 20} MB",
                f"{path}: {path.stat().st_size} bytes",
                "remove it",
            )
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            "a readable asset file", f"{path}: {error.strerror}", "check the asset folder"
        ) from error
    if b"\0" in text[:4096]:
        raise InputError("a text asset file", f"{path}: binary", "check the asset folder")
    return text.decode("utf-8", errors="replace").splitlines()


def words(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number (from 1) and words of each line that is neither empty nor a comment (# or //)."""
    for number, line in enumerate(lines, 1):
        w = line.split()
        if w and not w[0].startswith(("#", "//")):
            yield number, w


def numbers(w: list[str], count: int, path: Path, line: int) -> list[float]:
    """The first `count` words as finite numbers, else an InputError that names the line."""
    try:
        values = [float(x) for x in w[:count]]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(
            f"{count} numbers", f"{path}:{line}: {' '.join(w)[:80]!r}", "repair or remove this asset"
        )
    return values


def inside(path: Path, name: str, root: Path) -> Path:
    """The file `name` relative to the folder of `path`; refused if it leads out of `root`."""
    target = (path.parent / name.replace("\\", "/")).resolve()
    if not target.is_relative_to(root.resolve()):
        raise InputError(f"a file within {root}", f"{path} names {name!r}", "keep assets in one folder")
    return target


def licence(lines: list[str], path: Path, root: Path) -> str:
    """The licence a file's head comment names, else that of the nearest LICENSE file up to `root`, else "unknown"."""
    found = _HEADER.search("\n".join(x for x in lines[:60] if x.lstrip().startswith(("#", "//"))))
    if found:
        return found[1]
    for folder in path.parents:
        for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "COPYING"):
            file = folder / name
            if file.is_file():
                first = [x for x in read_lines(file) if x.strip()][:20]
                named = _HEADER.search("\n".join(first))
                return named[1] if named else (first[0].strip()[:60] if first else "unknown")
        if folder.resolve() == root.resolve():
            break
    return "unknown"


def read_image(path: Path, longest: int) -> UInt8[np.ndarray, "S T C"]:
    """An sRGB image, RGB or RGBA, no side above `longest` pixels."""
    import cv2

    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None:
        raise InputError("an image", f"{path}: unreadable", "repair or remove this asset")
    if image.dtype == np.uint16:
        image = (image // 256).astype(np.uint8)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, 2)
    if image.dtype != np.uint8 or image.shape[2] not in (3, 4):
        raise InputError("an 8- or 16-bit RGB(A) image", f"{path}: {image.dtype} {image.shape}", "convert it")
    image = np.concatenate([image[..., 2::-1], image[..., 3:]], 2)
    scale = longest / max(image.shape[:2])
    if scale < 1:
        size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)
