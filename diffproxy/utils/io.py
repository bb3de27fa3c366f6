"""Files that are either complete or absent."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.utils.errors import InputError, from_os_error

LEFTOVER = re.compile(r"\..+\.(\d+)\.tmp(\.\w+)?")


@contextmanager
def atomic_path(path: Path, suffix: bool = False) -> Iterator[Path]:
    """A temporary path in the folder of `path`; renamed to it when the block ends, removed when the block raises.

    `suffix`: it ends as `path` does, for libraries that choose the format by the name. InputError where the operating
    system refuses to write there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix if suffix else ''}")
    try:
        make_folder(path.parent)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            with suppress(NotADirectoryError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # what users know
        raise from_os_error(error, path) from error


def output_file(text: str, *suffixes: str) -> Path:
    """The path of a file to write, which ends with one of `suffixes` if it is there already.

    InputError for a folder, and for a file of another kind, which would be lost.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        raise InputError("a file to write", f"{path}, a folder", f"write out={path / f'name{suffixes[0]}'}")
    if path.exists() and path.suffix.lower() not in suffixes:
        found = f"{path}, which is there already"
        raise InputError(f"a new file, or one named *{suffixes[0]}", found, f"write out={path}{suffixes[0]}")
    return path


def make_folder(path: Path) -> Path:
    """The folder `path`, made if needed. InputError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, path) from error
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of `atomic_path` in `folder` whose process was killed."""
    for path in folder.glob(".*.tmp*"):
        found = LEFTOVER.fullmatch(path.name)
        if found and not is_alive(int(found[1])):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether another process has this number; one that has ended and that nobody has waited for does not count."""
    if os.name == "nt":
        return True  # there os.kill(pid, 0) sends Ctrl+C, so the files of killed processes stay
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid != os.getpid() and not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether a process is a zombie: so killed ones stay in a container whose first process waits for none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (OSError, IndexError):  # no /proc, or gone in the meantime
        return False


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
