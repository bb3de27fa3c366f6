"""Text formats as plain dictionaries and lists, with a limit on their size and errors that name the file."""

from __future__ import annotations

import json
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from pathlib import Path

from diffproxy.utils.errors import InputError

LIMIT = 20_000_000  # bytes; a calibration is a few kB, larger files are something else


def text_of(path: Path) -> str:
    """UTF-8 text, also with a byte order mark; UTF-16 where the mark says so or every other byte is zero."""
    if path.stat().st_size > LIMIT:
        raise InputError(f"a calibration in {path}", f"{path.stat().st_size} bytes", "name another file")
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"text in {path}", str(error), "export the file again") from error


def read_json(path: Path):
    """Contents of a JSON file; InputError naming the line of a fault."""
    try:
        return json.loads(text_of(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"JSON text in {path}", str(error), "correct that line") from error


def read_toml(path: Path) -> dict:
    """Contents of a TOML file; InputError naming the line of a fault."""
    try:
        return tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"TOML text in {path}", str(error), "correct that line") from error


def read_xml(path: Path) -> ElementTree.Element:
    """Root of an XML file; InputError naming the line of a fault. Documents that define entities are refused."""
    text = text_of(path)
    if "<!ENTITY" in text:
        raise InputError(f"plain XML in {path}", "definitions of entities", "export the file again")
    try:
        return ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise InputError(f"XML in {path}", str(error), "export the file again") from error


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
    """The one file of `folder` with that ending for which `is_format` holds."""
    return only_one((p for p in folder.glob(f"*{suffix}") if is_format(p)), folder, name)
