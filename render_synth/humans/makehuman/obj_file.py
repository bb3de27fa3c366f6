"""Meshes of MakeHuman assets: positions, texture coordinates, triangles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from diffproxy.utils.errors import InputError
from render_synth.humans.makehuman.asset_files import read_lines
from render_synth.obj_format import parse_obj

MAX_FACES = 2_000_000


@dataclass(frozen=True)
class ObjMesh:
    """Triangles; `face_uv` indexes `uv` (origin at the bottom left) and is all zero where the file has none."""

    vertices: Float[np.ndarray, "N 3"]
    faces: Int[np.ndarray, "F 3"]
    uv: Float[np.ndarray, "T 2"]
    face_uv: Int[np.ndarray, "F 3"]


def read_obj(path: Path) -> ObjMesh:
    """Read the mesh of an asset. Raises InputError with the name of the file."""
    lines = read_lines(path)
    try:
        obj = parse_obj("\n".join(lines), MAX_FACES)
    except InputError as error:
        raise InputError("a mesh of triangles or polygons", f"{path}: {error}", "repair this mesh") from error
    if not np.isfinite(obj.uv).all():
        raise InputError("finite texture coordinates", f"{path}: NaN or infinity", "repair this mesh")
    uv = obj.uv if len(obj.uv) else np.zeros((1, 2))
    return ObjMesh(obj.vertices, obj.corners[..., 0], uv, np.maximum(obj.corners[..., 1], 0))
