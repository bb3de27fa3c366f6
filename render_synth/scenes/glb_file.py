"""glTF binaries (.glb), as of Amazon Berkeley Objects: metres, y up, geometry and base colour alone.

Read by trimesh from memory, without a resolver: files that a .glb names beside itself are never opened.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np

from diffproxy.utils.errors import InputError
from render_synth.obj_format import ObjFile
from render_synth.scenes.obj_file import Material, texture_of

FIX = "repair or remove the object"
BROKEN = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, OSError, EOFError,
    RuntimeError, MemoryError, struct.error,
)  # fmt: skip
"""What numpy, json and PIL raise within trimesh on a damaged file."""


def parse_glb(data: bytes, max_faces: int) -> tuple[ObjFile, dict[str, Material]]:
    """Triangles and materials of all nodes of the scene, in its world.

    Args:
        data: Content of the file.
        max_faces: Maximum number of triangles.

    Raises:
        InputError: no glTF binary, no triangles or too many, infinite positions.
    """
    import trimesh

    try:
        scene: Any = trimesh.load_scene(BytesIO(data), file_type="glb")
        meshes = [m for m in scene.dump(concatenate=False) if isinstance(m, trimesh.Trimesh) and len(m.faces)]
    except BROKEN as error:
        raise InputError("a readable .glb file", f"{type(error).__name__}: {error}", FIX) from error
    count = sum(len(m.faces) for m in meshes)
    if not 0 < count <= max_faces:
        raise InputError(f"1 to {max_faces} triangles in a .glb file", f"{count}", FIX)
    vertices, uv, normals, corners, names = [], [], [], [], []
    materials: dict[str, Material] = {}
    start = 0
    for number, mesh in enumerate(meshes):
        own = getattr(mesh.visual, "uv", None)
        rows = mesh.faces + start
        corners.append(np.stack([rows, np.full_like(rows, -1) if own is None else rows, rows], -1))
        vertices.append(np.asarray(mesh.vertices, np.float64))
        normals.append(np.asarray(mesh.vertex_normals, np.float64))
        uv.append(np.zeros((len(mesh.vertices), 2)) if own is None else np.asarray(own, np.float64))
        names += [str(number)] * len(mesh.faces)
        materials[str(number)] = _material(mesh)
        start += len(mesh.vertices)
    if not np.isfinite(points := np.concatenate(vertices)).all():
        raise InputError("finite points", "NaN or infinity", FIX)
    obj = ObjFile(points, np.concatenate(uv), np.concatenate(normals), np.concatenate(corners), names)
    return obj, materials


def _material(mesh: Any) -> Material:
    """Base colour and its texture; grey where there is none."""
    found = getattr(mesh.visual, "material", None)
    factor = getattr(found, "baseColorFactor", None)
    color = np.ones(4) if factor is None else np.asarray(factor, np.float64)
    color = color / (255 if color.max() > 1 else 1)  # trimesh turns factors into bytes
    image = getattr(found, "baseColorTexture", None)
    if factor is None and image is None:
        color[:3] = 0.5
    opacity = float(color[3]) if len(color) > 3 and getattr(found, "alphaMode", None) == "BLEND" else 1.0
    plain = color[:3].astype(np.float32)
    if image is None:
        return Material(plain, None, opacity)
    return Material(plain, texture_of(image, "a texture of the .glb file") * plain, opacity)
