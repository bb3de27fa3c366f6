"""JSON, TOML, XML and YAML of unknown origin: depth, aliases and numbers are limited before or while they are parsed.

Every function raises InputError and nothing else, whatever the text holds.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from diffproxy.utils.bounded_files import Limits, decode_text, read_bytes
from diffproxy.utils.errors import InputError


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

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):  # JSON's own reader would keep the last one without a word
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            fix = "remove or rename one of them"
            raise InputError(f"each name once in an object: {where}", f"{twice[:40]!r} twice", fix)
        return found

    try:
        value = json.loads(
            text, parse_constant=constant, parse_float=number, parse_int=whole, object_pairs_hook=once
        )
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
