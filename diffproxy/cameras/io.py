"""Reading and writing calibrations; the format is detected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffproxy.cameras.formats import _unread, all_formats, writers
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

SUBFOLDERS = (".", "calibration", "calib")


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
        hits = [(m, file) for m in all_formats() if folder.is_dir() and (file := m.find(folder)) is not None]
        hits = [(m, file) for m, file in hits if m.PRIORITY == hits[0][0].PRIORITY]
        if len(hits) > 1:
            raise InputError(
                f"one calibration in {folder}",
                ", ".join(f"{file.name} ({m.NAME})" for m, file in hits),
                "name the one to use: calibration=<file>",
            )
        if hits:
            return replace(hits[0][0].read(hits[0][1]), root=root)
        if folder.is_dir():
            _unread.refuse(folder)
    names = ", ".join(m.NAME for m in all_formats())
    here = ", ".join(sorted(p.name for p in root.iterdir())[:12]) or "an empty folder"
    raise InputError(
        f"a calibration in {root} ({names})", here, "see docs/rigs.md, or name it: calibration=<file>"
    )


def _read_named(file: Path) -> Rig:
    if file.is_dir():
        return load_rig(file)
    for module in all_formats():
        if module.is_format(file):
            return module.read(file)
    _unread.refuse(file)
    names = ", ".join(m.NAME for m in all_formats())
    raise InputError(f"a calibration of a known format ({names})", f"{file.name}", "see docs/rigs.md")


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
