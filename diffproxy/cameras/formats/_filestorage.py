"""OpenCV's FileStorage in its three endings as plain dictionaries: YAML, XML and JSON."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from diffproxy.cameras.formats._files import read_json, read_xml
from diffproxy.cameras.formats._yaml import read_yaml
from diffproxy.utils.errors import InputError

ENDINGS = (".yml", ".yaml", ".xml", ".json")


def read_storage(path: Path) -> dict:
    """Mapping of names to numbers, text, lists, mappings, and matrices as {rows, cols, data}; or InputError."""
    ending = path.suffix.lower()
    if ending in (".yml", ".yaml"):
        return read_yaml(path)
    data = read_json(path) if ending == ".json" else _element(read_xml(path))
    if not isinstance(data, dict):
        raise InputError(
            f"a mapping of names to matrices in {path}", type(data).__name__, "write the file again"
        )
    return data


def _element(element: ElementTree.Element):
    """Children by name, else a list of the words inside, else the text."""
    if len(element):
        names = [child.tag for child in element]
        if set(names) == {"_"}:  # OpenCV's sequences
            return [_element(child) for child in element]
        return {
            child.tag: (child.text or "").split() if child.tag in ("data", "sizes") else _element(child)
            for child in element
        }
    words = (element.text or "").split()
    return words if len(words) > 1 else words[0] if words else ""
