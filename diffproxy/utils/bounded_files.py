"""Reading files of unknown origin: sizes, depth and aliases are limited before anything is parsed or decoded.

Every function raises InputError and nothing else, whatever the file holds. The limits are listed in `Limits`.
"""

from __future__ import annotations

import json
import math
import re
import stat
import tomllib
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import numpy as np

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


def read_json(path: Path, what: str = "JSON", limit: int = Limits.TEXT_BYTES, finite: bool = True) -> Any:
    """The value in a JSON file.

    Args:
        path: The file.
        what: What it should be, for errors.
        limit: Most bytes.
        finite: Refuse NaN, Infinity and numbers too large for a float.

    Returns:
        The value, of plain dict, list, str, int, float, bool, None.

    Raises:
        InputError: no regular file, too large, no JSON, nested deeper than `Limits.NESTING`, not finite.
    """
    return parse_json(read_bytes(path, what, limit), f"{what} in {path}", finite)


def parse_json(data: bytes | str, where: str, finite: bool = True) -> Any:
    """The value of a JSON text, limited as by `read_json`; `where` says what is read from where."""
    text = decode_text(data, where) if isinstance(data, bytes) else data
    if not text.strip():
        raise InputError(where, "an empty file", "write the file again, or remove it")

    def constant(name: str) -> float:
        if finite:
            raise InputError(f"finite numbers: {where}", name, "correct that number")
        return float(name)

    def number(digits: str) -> float:
        value = float(digits)
        if finite and not math.isfinite(value):
            raise InputError(f"finite numbers: {where}", digits[:40], "correct that number")
        return value

    def whole(digits: str) -> int | float:
        return int(digits) if len(digits) < 300 else number(digits)

    try:
        value = json.loads(text, parse_constant=constant, parse_float=number, parse_int=whole)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"{where} as JSON", str(error), "correct that line, or write the file again"
        ) from error
    except RecursionError as error:
        raise _too_deep(where) from error
    _limit_nesting(value, where)
    return value


def _limit_nesting(value: Any, where: str) -> None:
    level, depth = [value], 0
    while level:
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
        depth += 1
        if depth > Limits.NESTING:
            raise _too_deep(where)


def _too_deep(where: str) -> InputError:
    found = f"more than {Limits.NESTING} levels of lists or objects"
    return InputError(where, found, "check that this is the right file")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text, limited in depth; `where` says what is read from where."""
    try:
        value = tomllib.loads(text)
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:
        raise InputError(f"{where} as TOML", str(error), "correct that line") from error
    _limit_nesting(value, where)
    return value


def parse_xml(text: str, where: str) -> ElementTree.Element:
    """The root of an XML text, limited in depth; documents that define entities are refused unread."""
    if re.search(r"<!(ENTITY|DOCTYPE)", text):
        raise InputError(
            f"plain XML: {where}", "a document type with definitions of entities", "export it again"
        )
    parser: ElementTree.XMLPullParser = ElementTree.XMLPullParser(("start", "end"))
    depth = 0
    try:
        for start in range(0, len(text), 65_536):
            parser.feed(text[start : start + 65_536])
            for event, _ in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > Limits.NESTING:
                    raise _too_deep(where)
        parser.close()
        return ElementTree.fromstring(text)
    except InputError:
        raise
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{where} as XML", str(error), "export the file again") from error


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text, all scalars as str.

    Tags are ignored (no objects are made). Nesting and the number of nodes, aliases expanded, are limited before
    the text is composed: nine lines can otherwise mean a thousand million nodes.
    """
    import yaml

    if len(text) > Limits.YAML_BYTES:
        found = f"{len(text) / (1 << 20):.1f} MiB"
        raise InputError(f"{where} of at most {Limits.YAML_BYTES >> 20} MiB", found, "check the file")
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _limit_yaml(yaml.parse(text, Loader=loader), where)
        return yaml.load(text, Loader=loader)  # noqa: S506
    except InputError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        found = " ".join(str(error).split())
        raise InputError(f"{where} as YAML", found, "correct that line, or write the file again") from error


def _limit_yaml(events: Any, where: str) -> None:
    """Walk the events of the parser with the expanded size of every node; no tree exists yet."""
    import yaml

    sizes: dict[str, int] = {}  # anchor -> nodes
    open_nodes: list[tuple[str | None, int]] = []  # anchor and nodes so far
    total = 0
    for event in events:
        size = 0
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            if len(open_nodes) > Limits.NESTING:
                raise _too_deep(where)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            if anchor:
                sizes[anchor] = size
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise InputError(
                    f"{where} as YAML", f"*{event.anchor}, which names itself or nothing", "remove it"
                )
            size = sizes[event.anchor]
        if open_nodes and size:
            anchor, before = open_nodes[-1]
            open_nodes[-1] = (anchor, before + size)
        total = max(total, size, open_nodes[-1][1] if open_nodes else 0)
        if total > Limits.YAML_NODES:
            found = f"more than {Limits.YAML_NODES} values, with aliases (*name) written out"
            raise InputError(where, found, "write the file without aliases")


def read_npz(
    path: Path, what: str, names: Collection[str] | None = None, limit: int = Limits.ARRAY_BYTES
) -> dict[str, np.ndarray]:
    """Arrays of an .npz without pickled objects.

    Args:
        path: The file.
        what: What it should be, for errors.
        names: Arrays to read, where the file has them; None: all.
        limit: Most bytes of its arrays together, decompressed, as their headers state.

    Returns:
        Name -> array.

    Raises:
        InputError: no regular file, no npz, damaged, pickled objects, arrays that are too large.
    """
    regular_file(path, what, limit)
    where = f"{what} in {path}"
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
            stated = sum(_stated_bytes(archive, member) for member in archive.infolist())
            if max(total, stated) > limit:
                found = f"arrays of {max(total, stated) / (1 << 20):.0f} MiB"
                raise InputError(f"{where}, at most {limit >> 20} MiB", found, "check the file")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if names is None or name in names}
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for damaged files
        _damaged(where, error)


def read_npy(path: Path, what: str, limit: int = Limits.ARRAY_BYTES) -> np.ndarray:
    """The array of an .npy without pickled objects; InputError where it is none, damaged or too large."""
    regular_file(path, what, limit)
    try:
        values = np.load(path, allow_pickle=False)
        if isinstance(values, np.ndarray):
            return values
    except Exception as error:  # as above
        _damaged(f"{what} in {path}", error)
    raise InputError(f"{what} in {path}, one array", "an .npz", "save it with numpy.save")


def _stated_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes that the header of an array asks for; 0 for members that are no arrays."""
    if not member.filename.endswith(".npy"):
        return 0
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
    return math.prod(int(n) for n in shape) * dtype.itemsize


def read_safetensors(path: Path, what: str, limit: int = 16 << 30) -> dict[str, Any]:
    """All tensors of a .safetensors file on the CPU; InputError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    regular_file(path, what, limit)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        _damaged(f"{what} in {path}", error)


def check_image_size(width: int, height: int, where: str) -> None:
    """InputError where an image of this size would not be decoded."""
    largest = f"{Limits.IMAGE_PIXELS // 1_000_000} million pixels and sides of at most {Limits.IMAGE_SIDE}"
    if not (0 < width <= Limits.IMAGE_SIDE and 0 < height <= Limits.IMAGE_SIDE) or (
        width * height > Limits.IMAGE_PIXELS
    ):
        raise InputError(f"{where} of at most {largest}", f"{width}x{height}", "resize it, or check the file")


def image_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height that the header of an image states, checked; no pixel is decoded."""
    import io
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(f"{where} of at most 100 million pixels", str(error), "resize it") from error
    except Exception as error:  # Pillow raises many kinds for damaged headers
        _damaged(where, error, f"{len(data)} bytes that do not decode")
    check_image_size(width, height, where)
    return width, height


def decode_image(data: bytes, where: str, flags: int) -> np.ndarray:
    """An image decoded by OpenCV (`flags`: its IMREAD_*), its header checked first."""
    import cv2

    image_size(data, where)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        _damaged(where, error)
    if image is None:
        raise InputError(where, f"{len(data)} bytes that do not decode", "export it again")
    return image


def _damaged(where: str, error: Exception, found: str = "") -> NoReturn:
    text = " ".join(str(error).split())[:300] or type(error).__name__
    raise InputError(where, found or f"a damaged file: {text}", "copy or write the file again") from error


def _from_system(error: Exception, path: Path, what: str) -> InputError:
    if isinstance(error, OSError):
        return from_os_error(error, path)
    return InputError(f"{what} in {path}", str(error), "check the path")
