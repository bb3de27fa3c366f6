"""Reading and writing calibrations; the format is detected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffproxy.cameras.formats import all_formats, rig_json
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
    names = ", ".join(m.NAME for m in all_formats())
    raise InputError(f"a calibration of a known format ({names})", f"{file.name}", "see docs/rigs.md")


def save_rig(rig: Rig, path: Path | str) -> Path:
    """Write a calibration as rig.json.

    Args:
        rig: The rig.
        path: The file, or a folder for rig.json.

    Returns:
        The file.
    """
    file = Path(path)
    if file.suffix.lower() != ".json":
        file = file / "rig.json"
    rig_json.write(rig, file)
    return file
