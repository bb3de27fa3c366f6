"""Meshes as OBJ, PLY and GLB. Vertex and face order are kept; metres throughout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

import diffproxy
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.proxies.raycast import check_mesh
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

SUFFIXES = (".obj", ".ply", ".glb")


def write_mesh(
    path: str | Path,
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    up_axis: str = "+Y",
) -> None:
    """Write a mesh (metres, the rig's world, whose up axis is `up_axis`) in the format of the suffix.

    OBJ and PLY keep the world's axes and name them in a comment; GLB is turned to +Y up, as glTF demands.
    """
    path = Path(path)
    vertices, faces = check_mesh(vertices, faces)
    note = f"diffproxy {diffproxy.__version__}; metres; right-handed; up axis {up_axis}"
    rotation = rotation_to_y_up(up_axis)  # also checks the name
    if path.suffix == ".obj":
        data = obj_bytes(vertices, faces, note)
    elif path.suffix == ".ply":
        data = ply_bytes(vertices, faces, note)
    elif path.suffix == ".glb":
        data = glb_bytes(vertices @ rotation.T, faces)
    else:
        raise InputError(
            f"a mesh file ending in {', '.join(SUFFIXES)}", f"{path.name}", "choose one of these"
        )
    write_atomic(path, data)


def obj_bytes(vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"], note: str) -> bytes:
    """Wavefront OBJ: a micrometre of precision, faces counted from 1."""
    lines = [f"# {note}", "o body"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def ply_bytes(vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"], note: str) -> bytes:
    """Binary little-endian PLY with float32 vertices."""
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment {note}\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("index", "<i4", 3)])
    rows["count"], rows["index"] = 3, faces
    return header.encode() + vertices.astype("<f4").tobytes() + rows.tobytes()


def glb_bytes(vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"]) -> bytes:
    """Binary glTF 2.0 with smooth normals and a plain skin-like material; vertices are +Y up already."""
    import trimesh

    material = trimesh.visual.material.PBRMaterial(
        name="body", baseColorFactor=[200, 170, 150, 255], metallicFactor=0.0, roughnessFactor=0.7
    )
    mesh = trimesh.Trimesh(vertices, faces, process=False)  # process would merge and reorder vertices
    mesh.visual = trimesh.visual.TextureVisuals(material=material)
    scene = trimesh.Scene()
    scene.add_geometry(mesh, geom_name="body", node_name="body")
    return scene.export(file_type="glb", include_normals=True)
