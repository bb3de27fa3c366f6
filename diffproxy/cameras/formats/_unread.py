"""Calibrations that are known by name and not read, with the way around."""

from __future__ import annotations

from pathlib import Path

from diffproxy.utils.errors import InputError

BY_ENDING = {
    ".cal": ("OptiTrack .cal, an undocumented binary", "export a .mcal from Motive"),
    ".cameramodel": ("mrcal .cameramodel", "mrcal-to-kalibr *.cameramodel > camchain.yaml"),
    ".sfm": ("AliceVision/Meshroom .sfm", "export the cameras for COLMAP"),
    ".psx": ("a Metashape project", "File > Export > Export Cameras, as COLMAP"),
    ".nvm": ("VisualSFM .nvm", "export the model for COLMAP"),
    ".pickle": (
        "a pickle such as OpenCap's, which may run code when it is read",
        "write its numbers as rig.json",
    ),
    ".pkl": ("a pickle, which may run code when it is read", "write its numbers as rig.json"),
    ".qca": ("Qualisys .qca", "export it as .qca.txt from QTM"),
}
BY_NAME = {"bundle.out": ("Bundler's bundle.out", "export the model for COLMAP")}


def known(path: Path) -> tuple[str, str] | None:
    """(what the file is, what to do), or None if it is none of these."""
    return BY_NAME.get(path.name) or BY_ENDING.get(path.suffix.lower())


def refuse(path: Path) -> None:
    """InputError by name if `path`, or a file in the folder `path`, is a format of this list."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        found = known(file) if file.is_file() else None
        if found:
            raise InputError(
                f"a calibration that can be read in {path}", f"{file.name}: {found[0]}", found[1]
            )
