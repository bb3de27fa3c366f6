"""Wavefront OBJ meshes: positions, texture coordinates, faces of any size as triangles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from diffproxy.utils.errors import InputError
from render_synth.humans.makehuman.asset_files import numbers, read_lines, words


@dataclass(frozen=True)
class ObjMesh:
    """Triangles; `face_uv` indexes `uv` (origin at the bottom left) and is all zero where the file has none."""

    vertices: Float[np.ndarray, "N 3"]
    faces: Int[np.ndarray, "F 3"]
    uv: Float[np.ndarray, "T 2"]
    face_uv: Int[np.ndarray, "F 3"]


def read_obj(path: Path) -> ObjMesh:
    """Read `v`, `vt` and `f` lines; the rest is ignored. Raises InputError with the line at fault."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    face_uv: list[tuple[int, int, int]] = []
    for line, w in words(read_lines(path)):
        if w[0] == "v":
            vertices.append(numbers(w[1:], 3, path, line))
        elif w[0] == "vt":
            uv.append(numbers(w[1:], 2, path, line))
        elif w[0] == "f":
            corners = [_corner(x, len(vertices), len(uv), path, line) for x in w[1:]]
            if len(corners) < 3:
                raise InputError("faces of three corners or more", f"{path}:{line}", "repair this mesh")
            for a, b, c in ((corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)):
                faces.append((a[0], b[0], c[0]))
                face_uv.append((a[1], b[1], c[1]))
    if not faces:
        raise InputError("a mesh with faces", f"{path}: none", "repair or remove this asset")
    f, t = np.array(faces), np.array(face_uv)
    if f.max() >= len(vertices) or (uv and t.max() >= len(uv)):
        raise InputError("faces of known vertices", f"{path}: index out of range", "repair this mesh")
    return ObjMesh(np.array(vertices), f, np.array(uv or [[0.0, 0.0]]), t)


def _corner(word: str, nv: int, nt: int, path: Path, line: int) -> tuple[int, int]:
    """`v`, `v/vt`, `v//vn` or `v/vt/vn`, counted from 1, or from the end where negative."""
    parts = word.split("/")
    try:
        v, t = int(parts[0]), int(parts[1]) if len(parts) > 1 and parts[1] else 1
    except ValueError:
        v = t = 0
    v, t = (v - 1 if v > 0 else nv + v), (t - 1 if t > 0 else nt + t)
    if parts[0] in ("", "0") or v < 0 or t < 0:
        raise InputError("face corners like 3, 3/1 or 3/1/2", f"{path}:{line}: {word!r}", "repair this mesh")
    return v, t
