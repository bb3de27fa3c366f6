"""Motion as skinned glTF 2.0 (GLB): one mesh, 55 joints, one animation.

trimesh writes glTF without skins or animations, and pygltflib is a tree of dataclasses around the same JSON with two
more dependencies: a chunk of JSON and one of binary is all that there is to write.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

import diffproxy
from diffproxy.export.meshes import SKIN
from diffproxy.export.motion import UNCHANGED, BodyMotion
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.utils.io import write_atomic

INFLUENCES = 4  # joints per vertex: what every viewer reads
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
COMPONENT = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942


@dataclass
class _Buffer:
    """The binary chunk and what describes it."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, int]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, array: np.ndarray, kind: str, target: int | None = None, **more: Any) -> int:
        """Append an array; returns its accessor."""
        self.data += b"\0" * (-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        self.views.append(view | ({} if target is None else {"target": target}))
        self.data += np.ascontiguousarray(array).tobytes()
        self.accessors.append({
            "bufferView": len(self.views) - 1,
            "componentType": COMPONENT[array.dtype.name],
            "count": len(array),
            "type": kind,
            **more,
        })  # fmt: skip
        return len(self.accessors) - 1


def write_gltf_animation(path: Path, motion: BodyMotion) -> None:
    """Write a .glb: +Y up, metres, the person facing +Z at rest, as glTF demands."""
    write_atomic(path, gltf_animation_bytes(motion))


def gltf_animation_bytes(motion: BodyMotion) -> bytes:
    """The motion as the bytes of a .glb.

    The mesh has the median shape, expression and scale of the frames. Where bone lengths or scale change between
    frames, the joints have them in their translations and in the scale of the pelvis, so that the joints' places are
    those of the bodies in every frame. Each vertex follows its four strongest joints.

    Args:
        motion: F frames in any world.

    Returns:
        A binary glTF with one mesh, one skin and one animation (linear interpolation).
    """
    motion = motion.with_up_axis("+Y")
    body = motion.body
    vertices, rest = motion.median_rest()
    buffer = _Buffer()
    mesh = {"name": "body", "primitives": [_primitive(buffer, motion, vertices)]}
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
    inverse_bind[:, 3, :3] = -rest  # columns first: the transpose of a matrix in rows
    matrices = buffer.add(inverse_bind.reshape(-1, 16), "MAT4")
    parents = body.parents.tolist()
    nodes = _joint_nodes(body.joint_names, parents, rest)
    mesh_node = {"name": "body", "mesh": 0, "skin": 0}
    tree = {
        "asset": {"version": "2.0", "generator": f"diffproxy {diffproxy.__version__}"},
        "scene": 0,
        "scenes": [{"name": motion.name, "nodes": [0, len(nodes)]}],
        "nodes": [*nodes, mesh_node],
        "meshes": [mesh],
        "skins": [{"joints": list(range(len(rest))), "skeleton": 0, "inverseBindMatrices": matrices}],
        "materials": [_material()],
        "animations": [_animation(buffer, motion)],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    return glb_container(tree, bytes(buffer.data))


def glb_container(tree: dict[str, Any], binary: bytes) -> bytes:
    """JSON and binary as the two chunks of a .glb."""
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()
    chunks = b""
    for data, kind, padding in ((text, JSON_CHUNK, b" "), (binary, BINARY_CHUNK, b"\0")):
        data += padding * (-len(data) % 4)
        chunks += struct.pack("<II", len(data), kind) + data
    return struct.pack("<III", MAGIC, 2, 12 + len(chunks)) + chunks


def strongest_joints(
    weights: Float[np.ndarray, "Nv J"], count: int = INFLUENCES
) -> tuple[UInt8[np.ndarray, "Nv n"], Float[np.ndarray, "Nv n"]]:
    """The `count` joints with the largest weights of each vertex, and these weights with sum 1."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    kept = np.take_along_axis(weights, joints, axis=1)
    joints[kept <= 0] = 0  # glTF: joint 0 where the weight is 0
    return joints.astype(np.uint8), kept / kept.sum(axis=1, keepdims=True)


def _primitive(buffer: _Buffer, motion: BodyMotion, vertices: Float[np.ndarray, "Nv 3"]) -> dict[str, Any]:
    faces = motion.body.faces.numpy()
    joints, weights = strongest_joints(motion.body.weights.double().numpy())
    points = vertices.astype(np.float32)
    bounds = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    index_type = np.uint16 if len(vertices) < 2**16 else np.uint32
    return {
        "attributes": {
            "POSITION": buffer.add(points, "VEC3", ARRAY_BUFFER, **bounds),
            "NORMAL": buffer.add(vertex_normals(vertices, faces), "VEC3", ARRAY_BUFFER),
            "JOINTS_0": buffer.add(joints, "VEC4", ARRAY_BUFFER),
            "WEIGHTS_0": buffer.add(weights.astype(np.float32), "VEC4", ARRAY_BUFFER),
        },
        "indices": buffer.add(faces.astype(index_type).ravel(), "SCALAR", ELEMENT_ARRAY_BUFFER),
        "material": 0,
    }


def _joint_nodes(
    names: tuple[str, ...], parents: list[int], rest: Float[np.ndarray, "55 3"]
) -> list[dict[str, Any]]:
    nodes = []
    for j, name in enumerate(names):
        place = rest[j] - rest[parents[j]] if j else rest[0]
        children = [k for k in range(1, len(parents)) if parents[k] == j]
        node = {"name": name, "translation": place.astype(np.float32).tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _animation(buffer: _Buffer, motion: BodyMotion) -> dict[str, Any]:
    seconds = (np.arange(len(motion)) / motion.fps).astype(np.float32)
    times = buffer.add(seconds, "SCALAR", min=[float(seconds[0])], max=[float(seconds[-1])])
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []

    def animate(joint: int, path: str, values: np.ndarray) -> None:
        kind = "VEC4" if path == "rotation" else "VEC3"
        output = buffer.add(values.astype(np.float32), kind)
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": joint, "path": path}})

    for joint, matrices in enumerate(motion.local_rotations.transpose(1, 0, 2, 3)):
        animate(joint, "rotation", continuous_quaternions(matrices))
    translations, size = motion.joint_translations()
    animate(0, "translation", translations[:, 0])
    if np.ptp(size) > UNCHANGED:
        animate(0, "scale", np.repeat(size, 3, axis=1))
    for joint in range(1, translations.shape[1]):
        if np.ptp(translations[:, joint], axis=0).max() > UNCHANGED:
            animate(joint, "translation", translations[:, joint])
    return {"name": motion.name, "samplers": samplers, "channels": channels}


def continuous_quaternions(matrices: Float[np.ndarray, "F 3 3"]) -> Float[np.ndarray, "F 4"]:
    """x y z w, with signs such that neighbours take the short way round."""
    quat = Rotation.from_matrix(matrices).as_quat()
    flips = np.where(np.einsum("fi,fi->f", quat[1:], quat[:-1]) < 0, -1.0, 1.0)
    return quat * np.cumprod(np.concatenate([[1.0], flips]))[:, None]


def _material() -> dict[str, Any]:
    color = {"baseColorFactor": [c / 255 for c in SKIN], "metallicFactor": 0.0, "roughnessFactor": 0.7}
    return {"name": "body", "pbrMetallicRoughness": color}
