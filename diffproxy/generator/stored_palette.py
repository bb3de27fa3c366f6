"""The palette that a generator was trained with, stored beside its weights: colours are part of what it learned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Number, Schema, validated


@dataclass(frozen=True)
class StoredPalette:
    """Part names and colours: `colors[id]` is RGB in [0, 1], id 0 the black background."""

    names: dict[int, str]
    colors: Float[np.ndarray, "L 3"]
    body_ids: tuple[int, ...]
    hand_ids: tuple[int, ...]


def write_palette(palette: Any, path: Path) -> None:
    """`palette`: anything with names, colors, body_ids and hand_ids (the body's own palette, or a stored one)."""
    colors = palette.colors.tolist()
    value = {
        "names": {str(int(k)): str(v) for k, v in palette.names.items()},
        "colors": [[round(float(c), 6) for c in row] for row in colors],
        "body_ids": [int(i) for i in palette.body_ids],
        "hand_ids": [int(i) for i in palette.hand_ids],
    }
    path.write_text(json.dumps(value) + "\n")


class _PaletteFile(Schema):
    names: dict[int, str]
    colors: list[tuple[Number, Number, Number]]
    body_ids: list[int]
    hand_ids: list[int]


def read_palette(path: Path) -> StoredPalette:
    """The palette of a generator folder; InputError for a damaged file."""
    fix = "restore the generator folder from its source"
    value = validated(_PaletteFile, read_json(path, "a palette"), f"the palette in {path}", fix)
    colors = np.array(value.colors, dtype=np.float64)
    for ids in ([*value.names], value.body_ids, value.hand_ids):
        if ids and not (min(ids) >= 0 and max(ids) < len(colors)):
            raise InputError(f"ids below {len(colors)}, the number of colours, in {path}", f"{max(ids)}", fix)
    return StoredPalette(value.names, colors, tuple(value.body_ids), tuple(value.hand_ids))
