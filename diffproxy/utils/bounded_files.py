"""Files of unknown origin: kind and size are checked before anything is read.

Every function raises InputError and nothing else, whatever the file holds. The limits are listed in `Limits`; content
is parsed and decoded by `bounded_text`, `bounded_arrays` and `bounded_images`.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import NoReturn

from diffproxy.utils.errors import InputError, from_os_error


class Limits:
    """Largest inputs that are read."""

    TEXT_BYTES = 64 << 20
    YAML_BYTES = 4 << 20
    CALIBRATION_BYTES = 20 << 20
    NESTING = 64  # levels of lists and objects
    YAML_NODES = 200_000  # with aliases expanded
    ARRAY_BYTES = 4 << 30  # of one npz, decompressed
    IMAGE_FILE_BYTES = 512 << 20
    IMAGE_PIXELS = 100_000_000
    IMAGE_SIDE = 32_767
    VIDEO_BYTES = 1 << 40
    VIDEO_FRAMES = 10_000_000
    CAMERAS = 2_000  # of a rig; pairs of them are compared
    NUMBER_DIGITS = 9  # of a frame number in a file name


def regular_file(path: Path, what: str, limit: int) -> Path:
    """`path`, if it is a readable file of at most `limit` bytes: no folder, FIFO, socket or device."""
    try:
        info = path.stat()
        if stat.S_ISREG(info.st_mode):
            with path.open("rb"):
                pass
    except FileNotFoundError as error:
        raise InputError(f"{what} in {path}", "no such file", "check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise _from_system(error, path, what) from error
    if not stat.S_ISREG(info.st_mode):
        found = "a folder" if stat.S_ISDIR(info.st_mode) else "no regular file (a pipe, socket or device)"
        raise InputError(f"{what} in {path}", found, "remove or rename it")
    if info.st_size > limit:
        raise InputError(
            f"{what} of at most {limit >> 20} MiB in {path}",
            f"{info.st_size / (1 << 20):.1f} MiB",
            "check that this is the right file",
        )
    return path


def path_inside(folder: Path, name: str, where: str, fix: str) -> Path:
    """`folder / name` of a name that a file states; InputError for one that leads out of the folder.

    Args:
        folder: Where the file that is named lies.
        name: Its name, of any content.
        where: What is named and where that is from, for errors.
        fix: What to do about an error.
    """
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(f"names inside of {folder}: {where}", repr(name)[:80], fix)
    return folder / name


def read_bytes(path: Path, what: str, limit: int = Limits.TEXT_BYTES) -> bytes:
    """The content of a regular file of at most `limit` bytes; `what` it should be is named in errors."""
    regular_file(path, what, limit)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _from_system(error, path, what) from error


def read_text(path: Path, what: str, limit: int = Limits.TEXT_BYTES) -> str:
    """The text of a file in UTF-8, or in what its byte order mark says."""
    return decode_text(read_bytes(path, what, limit), f"{what} in {path}")


def decode_text(data: bytes, where: str) -> str:
    """Text in UTF-8, with or without a byte order mark, or in UTF-16 with one."""
    try:
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{where} as text in UTF-8", str(error), "save the file again as UTF-8") from error


def damaged_file(where: str, error: Exception, found: str = "") -> NoReturn:
    """Raise the InputError for a file that its library cannot read; `found` replaces the library's own words."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    raise InputError(where, found or f"a damaged file: {text}", "copy or write the file again") from error


def _from_system(error: Exception, path: Path, what: str) -> InputError:
    if isinstance(error, OSError):
        return from_os_error(error, path)
    return InputError(f"{what} in {path}", str(error), "check the path")
