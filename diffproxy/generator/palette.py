"""The palette a generator was trained with, stored beside its weights: colours are part of what it learned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float


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


def read_palette(path: Path) -> StoredPalette:
    value = json.loads(path.read_text())
    return StoredPalette(
        {int(k): v for k, v in value["names"].items()},
        np.array(value["colors"], dtype=np.float64),
        tuple(value["body_ids"]),
        tuple(value["hand_ids"]),
    )
