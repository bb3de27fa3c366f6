"""When each frame of a camera was taken: a file of times, the times of a video's frames, or EXIF dates."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.image_sources import Source, Video
from diffproxy.utils.bounded_files import Limits, read_bytes
from diffproxy.utils.errors import InputError

FOLDER = "timestamps"
EXIF_IFD, TAKEN, FRACTION = (
    0x8769,
    0x9003,
    0x9291,
)  # tags of the Exif standard: DateTimeOriginal, SubSecTimeOriginal


def frame_times(root: Path, sources: dict[str, Source]) -> dict[str, Float[np.ndarray, " N"]]:
    """Seconds of each camera's frames, in the order of their numbers.

    Args:
        root: Rig folder. `timestamps/<camera>.txt` (or .csv) in it, seconds of one frame a line, is used first; else
            the times in the videos, which count from the start of each video, or the EXIF dates of the images.
        sources: The files of each camera.

    Returns:
        Times by camera name, all by one kind of clock.

    Raises:
        InputError: cameras without times, or with times of different kinds.
    """
    kinds: dict[str, str] = {}
    times = {}
    for name, source in sources.items():
        files = [p for ending in (".txt", ".csv") if (p := root / FOLDER / f"{name}{ending}").is_file()]
        if files:
            kinds[name], times[name] = FOLDER, _from_file(files[0], len(source.frame_ids))
        elif isinstance(source, Video):
            kinds[name], times[name] = "video", source.times()
        else:
            kinds[name], times[name] = (
                "EXIF",
                np.array([_exif_time(source.file(i)) for i in source.frame_ids]),
            )
    if len(set(kinds.values())) > 1:
        raise InputError(
            "time stamps of one kind for all cameras",
            ", ".join(f"{name}: {kind}" for name, kind in kinds.items()),
            f"write {root / FOLDER}/<camera>.txt, seconds of one frame a line",
        )
    return times


def _from_file(path: Path, count: int) -> Float[np.ndarray, " N"]:
    lines = read_bytes(path, "time stamps", Limits.TEXT_BYTES).decode(errors="replace").split()
    try:
        times = np.array([float(line.rstrip(",;")) for line in lines])
    except ValueError as error:
        raise InputError(
            f"seconds, one number a line, in {path}", str(error), "remove what is no number"
        ) from error
    if len(times) != count:
        raise InputError(
            f"{count} time stamps in {path}, one for each frame", f"{len(times)}", "write one a frame"
        )
    return times


def _exif_time(path: Path) -> float:
    """Seconds of the moment when a picture was taken, as its camera's clock says, with its fraction of a second."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            tags = image.getexif().get_ifd(EXIF_IFD)
        taken = datetime.strptime(str(tags[TAKEN]).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        digits = str(tags[FRACTION]).strip("\0 ")
        return (taken - datetime(1970, 1, 1)).total_seconds() + int(digits) / 10 ** len(digits)
    except Exception as error:  # Pillow raises many kinds for damaged headers
        raise InputError(
            f"EXIF tags DateTimeOriginal and SubSecTimeOriginal in {path}",
            f"none that can be read ({type(error).__name__})",
            f"write {FOLDER}/<camera>.txt in the rig folder, or rig.match=number",
        ) from error
