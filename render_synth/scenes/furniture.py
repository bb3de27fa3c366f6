"""Furniture of a catalogue, placed in a scene and merged into one textured mesh."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from render_synth.rendering.mesh import Mesh
from render_synth.scenes.catalogue import Item, load_item
from render_synth.scenes.obj_file import TILE, FurnitureMesh

Rng = np.random.Generator
COLUMNS, ROWS = 4, 2  # of TILE x TILE cells: the texture has one size whatever stands in the scene
MAX_TRIANGLES = 24_000
UNFIT = {"Characters", "Vehicles", "Staircases"}


@dataclass
class Furniture:
    """Collects up to COLUMNS * ROWS placed objects."""

    placed: list[tuple[FurnitureMesh, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    @property
    def triangles(self) -> int:
        return sum(len(t.vertices) // 3 for t, *_ in self.placed)

    def add(
        self,
        item: Item,
        turn: Float[np.ndarray, "3 3"],
        origin: Float[np.ndarray, "3"],
        tint: Float[np.ndarray, "3"],
    ) -> FurnitureMesh | None:
        """The item at x = turn @ x + origin; None where it is unreadable or the scene is full."""
        mesh = load_item(item)
        full = len(self.placed) >= COLUMNS * ROWS
        if mesh is None or full or self.triangles + len(mesh.vertices) // 3 > MAX_TRIANGLES:
            return None
        self.placed.append((mesh, np.asarray(turn, float), np.asarray(origin, float), tint))
        self.items.append(item)
        return mesh

    def mesh(self) -> Mesh:
        """All of it; a far tiny triangle when empty, so that scenes have one structure."""
        texture = np.full((ROWS * TILE, COLUMNS * TILE, 3), 0.5, np.float32)
        if not self.placed:
            far = np.array([[0, -90, 0], [0.01, -90, 0], [0, -90, 0.01]], np.float32)
            up = far * 0 + [0, 1, 0]
            return Mesh(
                far, np.array([[0, 1, 2]]), far * 0 + 1, up.astype(np.float32), 1.0, far[:, :2] * 0, texture
            )
        vertices, normals, uv = [], [], []
        for number, (mesh, turn, origin, tint) in enumerate(self.placed):
            row, column = divmod(number, COLUMNS)
            texture[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = mesh.texture * tint
            vertices.append(mesh.vertices @ turn.T + origin)
            normals.append(mesh.normals @ turn.T)
            uv.append((mesh.uv + np.array([column, ROWS - 1 - row])) / [COLUMNS, ROWS])
        v, n, t = (np.concatenate(x).astype(np.float32) for x in (vertices, normals, uv))
        return Mesh(
            v, np.arange(len(v)).reshape(-1, 3), np.ones_like(v), n, 1.0, t, np.clip(texture, 0, 0.95)
        )

    def assets(self) -> list[dict[str, str]]:
        return [{"name": i.name, "licence": i.licence} for i in self.items]


def yaw(angle: float) -> Float[np.ndarray, "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1.0, 0], [-s, 0, c]])


def tint(rng: Rng) -> Float[np.ndarray, "3"]:
    """Other colours for the same object, now and then."""
    if rng.random() < 0.4:
        return np.ones(3)
    return np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.12, 3))


def floor_items(items: list[Item]) -> list[Item]:
    """Objects that stand on a floor, of a size for rooms."""
    return [
        i
        for i in items
        if i.size and i.elevation == 0 and i.category not in UNFIT and 0.3 < max(i.size) < 2.7
    ]


def small_items(items: list[Item]) -> list[Item]:
    """Objects that lie on tables or are held."""
    return [i for i in items if i.size and 0.05 < max(i.size) <= 0.5 and i.category not in UNFIT]


def wall_items(items: list[Item]) -> list[Item]:
    return [i for i in items if i.size and i.elevation > 0.3 and max(i.size) < 2.0]
