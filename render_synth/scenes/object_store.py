"""The user's own files for scenes: environments, furniture, photographs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from diffproxy.utils.errors import InputError
from render_synth.scenes.catalogue import Item, read_catalogue

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Store:
    environments: tuple[str, ...]
    items: tuple[Item, ...]
    images: tuple[str, ...]


def image_files(folder: str) -> tuple[str, ...]:
    """Photographs in a folder and below, sorted; none without a folder. InputError where it has none."""
    if not folder:
        return ()
    files = tuple(
        sorted(str(p) for p in Path(folder).rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    )
    if not files:
        fix = "put photographs there, or leave backgrounds out"
        raise InputError(f"images ({', '.join(IMAGE_SUFFIXES)}) in backgrounds", f"none in {folder}", fix)
    return files


@lru_cache(maxsize=4)
def open_store(environments: tuple[str, ...], furniture: str, backgrounds: str) -> Store:
    """List the user's files; they are read when a scene needs them."""
    items = tuple(read_catalogue(Path(furniture))) if furniture else ()
    return Store(environments, items, image_files(backgrounds))
