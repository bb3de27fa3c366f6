"""MakeHuman materials (`.mhmat`): picture, colour, transparency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from render_synth.humans.makehuman.asset_files import inside, licence, numbers, read_lines, words


@dataclass(frozen=True)
class Material:
    """`picture` is None where the file names none, or one that is not there; `color` linear RGB."""

    name: str
    picture: Path | None
    color: Float[np.ndarray, "3"]
    transparent: bool
    licence: str


def read_mhmat(path: Path, root: Path) -> Material:
    """Read a `.mhmat`; pictures outside `root` are refused. Raises InputError with the line at fault."""
    lines = read_lines(path)
    name, picture, color, transparent = path.stem, None, np.ones(3), False
    for line, w in words(lines):
        if w[0] == "name" and len(w) > 1:
            name = " ".join(w[1:])
        elif w[0] == "diffuseTexture" and len(w) > 1:
            target = inside(path, " ".join(w[1:]), root)
            picture = target if target.is_file() else None
        elif w[0] == "diffuseColor":
            color = np.clip(numbers(w[1:], 3, path, line), 0.0, 1.0)
        elif w[0] == "transparent" and len(w) > 1:
            transparent = w[1].lower() in ("true", "1", "yes")
    return Material(name, picture, color, transparent, licence(lines, path, root))
