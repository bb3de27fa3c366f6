"""MakeHuman proxies (`.mhclo`): binding of garment vertices to the base mesh, and body vertices they hide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from diffproxy.utils.errors import InputError
from render_synth.humans.makehuman.asset_files import inside, licence, numbers, read_lines, words

KEYS = ("verts", "delete_verts", "weights")  # start a block of lines


@dataclass(frozen=True)
class Clo:
    """`corners`, `weights`, `offsets` have a row per garment vertex; indices are those of the full base mesh."""

    path: Path
    name: str
    tags: tuple[str, ...]
    obj: Path
    material: Path | None
    licence: str
    corners: Int[np.ndarray, "N 3"]
    weights: Float[np.ndarray, "N 3"]
    offsets: Float[np.ndarray, "N 3"]
    scales: tuple[tuple[int, int, float] | None, ...]  # for x, y, z: two base vertices, their distance
    hidden: Int[np.ndarray, " M"]
    z_depth: float

    def place(self, base: Float[np.ndarray, "B 3"]) -> Float[np.ndarray, "N 3"]:
        """Garment vertices on a base mesh, in its units.

        The offset counts in units of the base mesh, per axis scaled by the distance of two of its vertices.
        """
        most = max(int(self.corners.max(initial=0)), *(max(s[:2]) for s in self.scales if s), 0)
        if most >= len(base):
            raise InputError(
                f"base vertices below {len(base)}",
                f"{self.path}: {most}",
                "use assets for the base mesh hm08",
            )
        unit = np.array(
            [abs(base[s[0], k] - base[s[1], k]) / s[2] if s else 1.0 for k, s in enumerate(self.scales)]
        )
        return np.einsum("nk,nkc->nc", self.weights, base[self.corners]) + self.offsets * unit


def read_mhclo(path: Path, root: Path) -> Clo:
    """Read a `.mhclo`. Files it names must lie within `root`. Raises InputError with the line at fault."""
    lines = read_lines(path)
    head: dict[str, str] = {}
    tags: list[str] = []
    scales: list[tuple[int, int, float] | None] = [None, None, None]
    rows: list[list[float]] = []
    hidden: set[int] = set()
    block = ""
    for line, w in words(lines):
        key = w[0]
        if key in KEYS:
            block = key
        elif key[0].isalpha():  # a header line, even within a block
            if key in ("x_scale", "y_scale", "z_scale"):
                a, b, size = numbers(w[1:], 3, path, line)
                if size <= 0 or min(a, b) < 0:
                    raise InputError("a positive scale", f"{path}:{line}: {' '.join(w)}", "repair this asset")
                scales["xyz".index(key[0])] = (int(a), int(b), size)
            elif key == "tag":
                tags.append(" ".join(w[1:]))
            else:
                head.setdefault(key, " ".join(w[1:]))
        elif block == "verts":
            rows.append(_vertex(w, path, line))
        elif block == "delete_verts":
            hidden.update(_ranges(w, path, line))
    if not rows or "obj_file" not in head:
        raise InputError("obj_file and verts", f"{path}: not both", "repair or remove this asset")
    table = np.array(rows)
    depth = head.get("z_depth", "50").split()
    return Clo(
        path=path,
        name=head.get("name", path.stem),
        tags=tuple(tags),
        obj=inside(path, head["obj_file"], root),
        material=inside(path, head["material"], root) if "material" in head else None,
        licence=licence(lines, path, root),
        corners=table[:, :3].astype(np.int64),
        weights=table[:, 3:6],
        offsets=table[:, 6:],
        scales=tuple(scales),
        hidden=np.array(sorted(hidden), dtype=np.int64),
        z_depth=numbers(depth, 1, path, 0)[0],
    )


def _vertex(w: list[str], path: Path, line: int) -> list[float]:
    """One vertex index, or three, three weights and an offset."""
    if len(w) == 1:
        at = numbers(w, 1, path, line)[0]
        row = [at, at, at, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    else:
        row = numbers(w, 9 if len(w) >= 9 else 6, path, line)
        row += [0.0] * (9 - len(row))
    if min(row[:3]) < 0 or any(x != int(x) for x in row[:3]) or max(map(abs, row[3:])) > 1e4:
        raise InputError("base vertex indices and weights", f"{path}:{line}: {' '.join(w)[:80]}", "repair it")
    return row


def _ranges(w: list[str], path: Path, line: int) -> list[int]:
    """`3 7 - 9 12`: single vertices and ranges that include their end."""
    out: list[int] = []
    until = False
    for word in w:
        if word == "-":
            until = bool(out)
            continue
        if not word.isdigit() or int(word) > 10**5 or (until and int(word) < out[-1]):
            raise InputError(
                "vertices and ranges like 3 - 9", f"{path}:{line}: {word!r}", "repair this asset"
            )
        out += range(out[-1] + 1, int(word) + 1) if until else [int(word)]
        until = False
    return out


# MakeHuman materials (`.mhmat`): image, colour, transparency.


@dataclass(frozen=True)
class Material:
    """`image` is None where the file names none, or one that is not there; `color` linear RGB."""

    name: str
    image: Path | None
    color: Float[np.ndarray, "3"]
    transparent: bool
    licence: str


def read_mhmat(path: Path, root: Path) -> Material:
    """Read a `.mhmat`; images outside `root` are refused. Raises InputError with the line at fault."""
    lines = read_lines(path)
    name, image, color, transparent = path.stem, None, np.ones(3), False
    for line, w in words(lines):
        if w[0] == "name" and len(w) > 1:
            name = " ".join(w[1:])
        elif w[0] == "diffuseTexture" and len(w) > 1:
            target = inside(path, " ".join(w[1:]), root)
            image = target if target.is_file() else None
        elif w[0] == "diffuseColor":
            color = np.clip(numbers(w[1:], 3, path, line), 0.0, 1.0)
        elif w[0] == "transparent" and len(w) > 1:
            transparent = w[1].lower() in ("true", "1", "yes")
    return Material(name, image, color, transparent, licence(lines, path, root))
