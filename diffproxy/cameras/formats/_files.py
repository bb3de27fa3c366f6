"""Text formats as plain dictionaries and lists, bounded, with errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from diffproxy.utils.bounded_files import Limits, decode_text, read_bytes
from diffproxy.utils.bounded_text import parse_json, parse_toml, parse_xml
from diffproxy.utils.errors import InputError


def text_of(path: Path) -> str:
    """UTF-8 text, also with a byte order mark; UTF-16 where the mark says so or every other byte is zero."""
    data = read_bytes(path, "a calibration", Limits.CALIBRATION_BYTES)
    if data[1:2] == b"\0":  # UTF-16 without the mark, as Motive writes it
        data = b"\xff\xfe" + data
    return decode_text(data, f"a calibration in {path}")


def read_json(path: Path) -> Any:
    """Contents of a JSON file; InputError naming the line of a fault."""
    return parse_json(text_of(path), f"a calibration in {path}", finite=False)


def read_toml(path: Path) -> dict[str, Any]:
    """Contents of a TOML file; InputError naming the line of a fault."""
    return parse_toml(text_of(path), f"a calibration in {path}")


def read_xml(path: Path) -> ElementTree.Element:
    """Root of an XML file; InputError naming the line of a fault. Documents that define entities are refused."""
    return parse_xml(text_of(path), f"a calibration in {path}")


def contents(path: Path, suffix: str, read: Callable):
    """`read(path)` if the file has that ending and can be read, else None: for looking what a file is."""
    if path.suffix.lower() != suffix or not path.is_file():
        return None
    try:
        return read(path)
    except InputError:
        return None


def only_one(paths: Iterable[Path], folder: Path, name: str) -> Path | None:
    """The one path, None without one, InputError with several."""
    found = sorted(paths)
    if len(found) > 1:
        raise InputError(
            f"one {name} file in {folder}",
            ", ".join(p.name for p in found),
            "name the one to use: calibration=<file>",
        )
    return found[0] if found else None


def only_like(folder: Path, suffix: str, is_format: Callable[[Path], bool], name: str) -> Path | None:
    """The one file of `folder` with that ending, in capitals or not, for which `is_format` holds."""
    files = (p for p in folder.iterdir() if p.suffix.lower() == suffix)
    return only_one((p for p in files if is_format(p)), folder, name)
