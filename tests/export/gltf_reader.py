"""A reader of skinned glTF by the specification alone: no code of the package."""

import json
import struct

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """One skinned mesh with one animation."""

    def __init__(self, data):
        magic, version, length = struct.unpack_from("<4sII", data)
        assert magic == b"glTF" and version == 2 and length == len(data)
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.tree = json.loads(data[20 : 20 + size])
        binary, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0" and 28 + size + binary == len(data)
        self.binary = data[28 + size :]
        self.nodes = self.tree["nodes"]

    def array(self, accessor):
        a = self.tree["accessors"][accessor]
        view = self.tree["bufferViews"][a["bufferView"]]
        dtype, width = TYPES[a["componentType"]], WIDTHS[a["type"]]
        assert view["byteOffset"] % np.dtype(dtype).itemsize == 0 and "byteStride" not in view
        values = np.frombuffer(self.binary, dtype, a["count"] * width, view["byteOffset"])
        values = values.reshape(-1, width) if width > 1 else values
        for bound, of in (("min", np.min), ("max", np.max)):
            if bound in a:
                assert np.array_equal(np.ravel(a[bound]), np.ravel(of(values, axis=0)).astype(np.float64))
        return values

    @property
    def times(self):
        return self.array(self.tree["animations"][0]["samplers"][0]["input"]).astype(float)

    def global_matrices(self, time):
        """Node -> (4, 4) matrix at this time of the animation."""
        local = {n: {k: node[k] for k in ("translation", "rotation", "scale") if k in node}
                 for n, node in enumerate(self.nodes)}  # fmt: skip
        animation = self.tree["animations"][0]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            assert sampler["interpolation"] == "LINEAR"
            keys, values = (
                self.array(sampler["input"]).astype(float),
                self.array(sampler["output"]).astype(float),
            )
            path, at = channel["target"]["path"], np.clip(time, keys[0], keys[-1])
            if path == "rotation":
                value = Slerp(keys, Rotation.from_quat(values))(at).as_quat() if len(keys) > 1 else values[0]
            else:
                value = [np.interp(at, keys, column) for column in values.T]
            local[channel["target"]["node"]][path] = value
        out = {}

        def visit(node, above):
            parts = local[node]
            matrix = np.eye(4)
            matrix[:3, :3] = Rotation.from_quat(parts.get("rotation", [0, 0, 0, 1])).as_matrix()
            matrix[:3, :3] *= np.asarray(parts.get("scale", [1, 1, 1]), float)
            matrix[:3, 3] = parts.get("translation", [0, 0, 0])
            out[node] = above @ matrix
            for child in self.nodes[node].get("children", []):
                visit(child, out[node])

        for root in self.tree["scenes"][self.tree["scene"]]["nodes"]:
            visit(root, np.eye(4))
        return out

    def joints(self, time):
        matrices = self.global_matrices(time)
        return np.stack([matrices[n][:3, 3] for n in self.tree["skins"][0]["joints"]])

    def joint_names(self):
        return tuple(self.nodes[n]["name"] for n in self.tree["skins"][0]["joints"])

    def vertices(self, time):
        """Linear blend skinning as the specification says; the node of the mesh has no influence."""
        skin, matrices = self.tree["skins"][0], self.global_matrices(time)
        bind = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        transforms = np.stack([matrices[n] for n in skin["joints"]]) @ bind
        at = self.tree["meshes"][0]["primitives"][0]["attributes"]
        points, joints, weights = (self.array(at[k]) for k in ("POSITION", "JOINTS_0", "WEIGHTS_0"))
        assert np.abs(weights.sum(axis=1) - 1).max() < 1e-5 and not joints[weights == 0].any()
        blended = np.einsum("vk,vkij->vij", weights, transforms[joints])
        return np.einsum("vij,vj->vi", blended[:, :3, :3], points) + blended[:, :3, 3]
