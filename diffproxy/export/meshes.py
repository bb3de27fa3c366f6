"""Meshes as OBJ, PLY and GLB, in metres; the order of vertices and faces is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

import diffproxy
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.proxies.raycast import check_mesh
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

SKIN, GREY = (200, 170, 150, 255), (110, 115, 125, 255)  # RGBA
SUFFIXES = (".obj", ".ply", ".glb")


@checked
def write_mesh(
    path: str | Path,
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    up_axis: str = "+Y",
    unobserved: Bool[np.ndarray, " Nv"] | None = None,
) -> None:
    """Write a mesh in the format of the suffix.

    OBJ and PLY keep the world's axes and name them in a comment; GLB is turned to +Y up, as glTF demands.

    Args:
        path: A file ending in .obj, .ply or .glb.
        vertices: Metres, the rig's world.
        faces: Triangles; their order and that of the vertices are kept.
        up_axis: Up axis of the rig's world.
        unobserved: Vertices that no pixel supports. Where there are any, GLB and PLY get vertex colours: grey for
            these, those of the skin for the others.

    Raises:
        InputError: An unknown suffix or axis, or a mesh with NaN or faces of missing vertices.
    """
    path = Path(path)
    vertices, faces = check_mesh(vertices, faces)
    note = f"diffproxy {diffproxy.__version__}; metres; right-handed; up axis {up_axis}"
    rotation = rotation_to_y_up(up_axis)  # also checks the name
    colors = None
    if unobserved is not None and unobserved.any():
        colors = np.where(unobserved[:, None], GREY, SKIN).astype(np.uint8)
    if path.suffix == ".obj":
        data = obj_bytes(vertices, faces, note)
    elif path.suffix == ".ply":
        data = ply_bytes(vertices, faces, note, colors)
    elif path.suffix == ".glb":
        data = glb_bytes(vertices @ rotation.T, faces, colors)
    else:
        raise InputError(
            f"a mesh file ending in {', '.join(SUFFIXES)}", f"{path.name}", "choose one of these"
        )
    write_atomic(path, data)


def obj_bytes(vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"], note: str) -> bytes:
    """Wavefront OBJ with a precision of a micrometre; face indices start at 1."""
    lines = [f"# {note}", "o body"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def ply_bytes(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    note: str,
    colors: UInt8[np.ndarray, "Nv 4"] | None = None,
) -> bytes:
    """Binary little-endian PLY with float32 vertices and, if given, their RGBA colours."""
    channels = (
        "" if colors is None else "".join(f"property uchar {c}\n" for c in ("red", "green", "blue", "alpha"))
    )
    points = np.empty(len(vertices), dtype=[("place", "<f4", 3), ("color", "u1", 0 if colors is None else 4)])
    points["place"] = vertices
    if colors is not None:
        points["color"] = colors
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment {note}\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"{channels}element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("index", "<i4", 3)])
    rows["count"], rows["index"] = 3, faces
    return header.encode() + points.tobytes() + rows.tobytes()


def glb_bytes(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    colors: UInt8[np.ndarray, "Nv 4"] | None = None,
) -> bytes:
    """Binary glTF 2.0 with smooth normals and a skin-coloured material; vertices must be +Y up."""
    import trimesh

    material = trimesh.visual.material.PBRMaterial(
        name="body",
        baseColorFactor=list(SKIN) if colors is None else [255] * 4,  # COLOR_0 is multiplied by it
        metallicFactor=0.0,
        roughnessFactor=0.7,
    )
    mesh = trimesh.Trimesh(vertices, faces, process=False)  # process would merge and reorder vertices
    mesh.visual = trimesh.visual.TextureVisuals(material=material)
    if colors is not None:
        mesh.visual.vertex_attributes["color"] = colors
    scene = trimesh.Scene()
    scene.add_geometry(mesh, geom_name="body", node_name="body")
    return scene.export(file_type="glb", include_normals=True)
