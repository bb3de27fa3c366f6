"""Reading and writing calibrations; the format is detected."""

from __future__ import annotations

import struct
import tokenize
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2

from diffproxy.cameras.formats import _unread, all_formats, writers
from diffproxy.cameras.rig import Rig
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError, from_os_error

MALFORMED = (
    *(LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError),
    *(MemoryError, EOFError, SyntaxError, tokenize.TokenError, struct.error, zlib.error, cv2.error),
)
"""What readers meet where a file is laid out in another way than its format says."""

SUBFOLDERS = (".", "calibration", "calib")
MEDIA = ("images", "videos")


class NoCalibrationError(InputError):
    """A folder has no file that could be a calibration."""


@checked
def load_rig(path: Path | str, calibration: Path | str | None = None) -> Rig:
    """Read a calibration.

    Args:
        path: Rig folder (searched with its subfolder calibration/), or a calibration file.
        calibration: The file to use when the folder has several, absolute or relative to `path`.

    Returns:
        The rig in metres; its `root` is the rig folder.

    Raises:
        InputError: no file of a known format, several of them, or a damaged one.
    """
    root = Path(path)
    if not root.exists():
        raise InputError(
            "a rig folder or calibration file", f"{root}, which does not exist", "check the path"
        )
    if calibration is not None:
        file = root / calibration if (root / calibration).exists() else Path(calibration)
        if not file.exists():
            raise InputError(
                "a calibration file", f"{calibration}, found neither here nor in {root}", "check the path"
            )
        return replace(_read_named(file), root=root if root.is_dir() else root.parent)
    if root.is_file():
        return replace(_read_named(root), root=root.parent)
    for sub in SUBFOLDERS:
        folder = root / sub
        hits = _calibrations(folder)
        hits = [(m, file) for m, file in hits if m.PRIORITY == hits[0][0].PRIORITY]
        if len(hits) > 1:
            raise InputError(
                f"one calibration in {folder}",
                ", ".join(f"{file.name} ({m.NAME})" for m, file in hits),
                "name the one to use: calibration=<file>",
            )
        if hits:
            module, file = hits[0]
            return replace(_told(module, module.read, file), root=root)
        if folder.is_dir():
            _unread.refuse(folder)
    names = ", ".join(m.NAME for m in all_formats())
    here = ", ".join(sorted(p.name for p in root.iterdir())[:12]) or "an empty folder"
    fix = "see docs/rigs.md, or name it: calibration=<file>"
    above = root.resolve().parent
    if root.name in MEDIA and _has_calibration(above):
        fix = f"name the folder above, which has a calibration: {above}"
    raise NoCalibrationError(f"a calibration in {root} ({names})", here, fix)


def _calibrations(folder: Path) -> list[tuple[ModuleType, Path]]:
    """The files in a folder that a format takes for its own, with the format; none where there is no such folder."""
    formats = all_formats() if folder.is_dir() else []
    return [(m, file) for m in formats if (file := _told(m, m.find, folder)) is not None]


def _has_calibration(root: Path) -> bool:
    try:
        return any(_calibrations(root / sub) for sub in SUBFOLDERS)
    except InputError:
        return False


def _read_named(file: Path) -> Rig:
    if file.is_dir():
        return load_rig(file)
    for module in all_formats():
        if _told(module, module.is_format, file):
            return _told(module, module.read, file)
    _unread.refuse(file)
    names = ", ".join(m.NAME for m in all_formats())
    raise InputError(f"a calibration of a known format ({names})", f"{file.name}", "see docs/rigs.md")


def _told(module: ModuleType, read: Callable[[Path], Any], path: Path) -> Any:
    """`read(path)`; whatever is wrong with the file, it is an InputError that names file and format."""
    try:
        return read(path)
    except InputError:
        raise
    except OSError as error:
        raise from_os_error(error, path) from error
    except MALFORMED as error:
        what = " ".join(str(error).split())[:200]
        raise InputError(
            f"a calibration as {module.NAME} in {path}",
            f"another layout ({type(error).__name__}: {what})",
            "export the calibration again, or write its numbers as rig.json (docs/rigs.md)",
        ) from error


@checked
def save_rig(rig: Rig, path: Path | str, format: str = "rig") -> Path:
    """Write a calibration.

    Args:
        rig: The cameras, metres.
        path: The file, or a folder to put it in under the usual name of the format; for COLMAP the model's folder.
        format: `rig` (rig.json, which holds everything), `pose2sim`, `easymocap`, `colmap` or `transforms`.

    Returns:
        The file written; for COLMAP the folder with its three files.

    Raises:
        InputError: An unknown format, or cameras that the format cannot hold (pixel_grid, some lenses).
    """
    known = writers()
    if format not in known:
        raise InputError(f"a format among {', '.join(known)}", f"{format!r}", "use one of these")
    module, file = known[format], Path(path)
    if file.suffix.lower() != Path(module.WRITES_TO).suffix:
        file = file / module.WRITES_TO
    module.write(rig, file)
    return file
