"""A cube as the body of the proxies room's tests: six parts, UV known in closed form."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

# name, outward axis, then the directions in which u and v grow; u x v = outward
SIDES = (
    ("right", (1, 0, 0), (0, 0, -1), (0, 1, 0)),
    ("left", (-1, 0, 0), (0, 0, 1), (0, 1, 0)),
    ("top", (0, 1, 0), (1, 0, 0), (0, 0, -1)),
    ("bottom", (0, -1, 0), (1, 0, 0), (0, 0, 1)),
    ("front", (0, 0, 1), (1, 0, 0), (0, 1, 0)),
    ("back", (0, 0, -1), (-1, 0, 0), (0, 1, 0)),
)


class CubeAtlas:
    """Side i of the cube is body label i + 1, `front` is hand label 7; UV runs over the side."""

    uv_corners = np.tile(
        np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], dtype=np.float32), (6, 1, 1)
    )
    palette = SimpleNamespace(
        names={0: "background", **{i + 1: s[0] for i, s in enumerate(SIDES)}, 7: "palm"},
        colors=np.array(
            [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [0.5, 1, 0.5]]
        ),
        body_ids=(1, 2, 3, 4, 5, 6),
        hand_ids=(7,),
    )
    segment_of_label = MappingProxyType({1: 20, 2: 21, 3: 15, 4: 0, 5: 1, 6: 2, 7: 20})  # 20, 21: the wrists

    def encode(self, face, bary, kind):
        label = (face // 2 + 1).astype(np.uint8)
        if kind != "body":
            label = np.where(label == 5, 7, 0).astype(np.uint8)
        return label, np.einsum("nc,ncd->nd", bary, self.uv_corners[face]).astype(np.float32)

    def lookup(self, labels, uv):
        side = np.where(labels == 7, 5, labels).astype(np.int64) - 1
        upper = uv[:, 1] > uv[:, 0]
        u, v = uv[:, 0], uv[:, 1]
        bary = np.where(
            upper[:, None], np.stack([1 - v, u, v - u], axis=-1), np.stack([1 - u, u - v, v], axis=-1)
        )
        return np.maximum(side, 0) * 2 + upper, bary, (labels > 0) & (labels <= 7)


def cube_mesh(half: float = 0.5):
    """Vertices (24, 3) in metres and faces (12, 3); side i has faces 2i and 2i + 1."""
    vertices, faces = [], []
    for i, (_, n, u, v) in enumerate(SIDES):
        n, u, v = (np.array(a, dtype=float) for a in (n, u, v))
        vertices += [half * (n - u - v), half * (n + u - v), half * (n + u + v), half * (n - u + v)]
        faces += [[4 * i, 4 * i + 1, 4 * i + 2], [4 * i, 4 * i + 2, 4 * i + 3]]
    return np.array(vertices), np.array(faces)


@pytest.fixture(scope="session")
def cube():
    vertices, faces = cube_mesh()
    return SimpleNamespace(
        name="cube",
        topology_id="cube-1",
        v_template=vertices,
        faces=faces,
        atlas=CubeAtlas(),
        vertices=vertices,
    )
