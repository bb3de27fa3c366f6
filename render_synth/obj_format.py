"""The Wavefront OBJ format, for furniture and MakeHuman clothes: points and polygons, without materials' content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from diffproxy.utils.errors import InputError


@dataclass(frozen=True)
class ObjFile:
    """Points and triangles of an OBJ file.

    Args:
        vertices: (V, 3) `v` lines.
        uv: (T, 2) `vt` lines; origin at the bottom left.
        normals: (N, 3) `vn` lines.
        corners: (F, 3, 3) per triangle and corner the row in `vertices`, `uv` and `normals`, -1: none. Rows of
            `vertices` are finite, the others may not be.
        materials: (F,) name of each triangle's material.
    """

    vertices: Float[np.ndarray, "V 3"]
    uv: Float[np.ndarray, "T 2"]
    normals: Float[np.ndarray, "N 3"]
    corners: Int[np.ndarray, "F 3 3"]
    materials: list[str]


def parse_obj(text: str, max_faces: int) -> ObjFile:
    """Read `v`, `vt`, `vn`, `f` and `usemtl` lines; polygons become fans of triangles, other lines are ignored.

    Args:
        text: Content of the file.
        max_faces: Maximum number of triangles.

    Raises:
        InputError: no faces or too many, words that are not numbers, infinite positions, indices out of range.
    """
    rows: dict[str, list[list[str]]] = {"v": [], "vt": [], "vn": []}
    polygons: list[list[str]] = []
    before: list[tuple[int, int, int]] = []  # numbers of v, vt, vn lines ahead of each polygon
    names: list[str] = []
    name = ""
    for line in text.splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] in rows:
            rows[word[0]].append(word[1:4])
        elif word[0] == "usemtl":
            name = " ".join(word[1:])
        elif word[0] == "f":
            polygons.append(word[1:])
            before.append((len(rows["v"]), len(rows["vt"]), len(rows["vn"])))
            names.append(name)
    triangles = np.array([max(len(p) - 2, 0) for p in polygons], int)
    if triangles.sum() > max_faces:
        raise InputError(f"at most {max_faces} triangles", f"{triangles.sum()}", "simplify the object")
    if not triangles.sum():
        raise InputError("an OBJ file with faces", "none", "repair or remove the object")
    if short := [row for row in rows["v"] if len(row) < 3]:
        raise InputError("v lines of three numbers", f"v {' '.join(short[0])}", "repair or remove the object")
    try:
        values = [_array(rows[key], width) for key, width in (("v", 3), ("vt", 2), ("vn", 3))]
        corners = _fans(polygons, np.array(before), triangles)
    except ValueError as error:
        raise InputError(
            "numbers in v, vt, vn and f lines", str(error), "repair or remove the object"
        ) from error
    for i, key in enumerate(rows):
        if i > 0 and not len(values[i]):
            corners[..., i] = -1  # some exporters number normals that they do not write
        if corners[..., i].max() >= len(values[i]) or (i == 0 and corners[..., 0].min() < 0):
            found = f"{key} {corners[..., i].max() + 1} of {len(values[i])}"
            raise InputError("indices of existing points", found, "repair or remove the object")
    if not np.isfinite(values[0]).all():
        raise InputError("finite points", "NaN or infinity", "repair or remove the object")
    return ObjFile(values[0], values[1], values[2], corners, np.repeat(names, triangles).tolist())


def _array(rows: list[list[str]], width: int) -> Float[np.ndarray, "N C"]:
    return np.array([(x + ["0"] * width)[:width] for x in rows], np.float64).reshape(-1, width)


def _fans(
    polygons: list[list[str]], before: Int[np.ndarray, "P 3"], triangles: Int[np.ndarray, " P"]
) -> Int[np.ndarray, "F 3 3"]:
    """Polygons as fans of triangles; per corner the indices of v, vt, vn, -1: none."""
    words = [word for polygon in polygons for word in polygon]
    known = {word: i for i, word in enumerate(dict.fromkeys(words))}  # most occur several times
    table = np.array([[int(x) if x else 0 for x in [*w.split("/"), "", ""][:3]] for w in known])
    corners = table[np.fromiter((known[w] for w in words), int, len(words))]
    counts = np.array([len(polygon) for polygon in polygons])
    # Negative numbers count backwards from the last line read.
    corners = np.where(corners < 0, corners + np.repeat(before, counts, axis=0), corners - 1)
    first = np.repeat(np.cumsum(counts) - counts, triangles)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return corners[np.stack([first, second, second + 1], 1)]
