"""Data of a scene for the renderer: textured rectangles, lights, meshes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from render_synth.rendering.mesh import Mesh


@dataclass(frozen=True)
class Quad:
    """A textured rectangle: `corner` + s `along` + t `up`, s and t in [0, 1]; texture repeated `repeat` times."""

    corner: Float[np.ndarray, "3"]
    along: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    texture: Float[np.ndarray, "S T 3"]
    repeat: float = 1.0

    @property
    def vertices(self) -> Float[np.ndarray, "4 3"]:
        c = self.corner
        return np.stack([c, c + self.along, c + self.along + self.up, c + self.up]).astype(np.float32)

    faces = np.array([[0, 1, 2], [0, 2, 3]])


@dataclass(frozen=True)
class Lamp:
    """A square area light of `half` size (metres) at `position` facing `target`, radiance `rgb`."""

    position: Float[np.ndarray, "3"]
    target: Float[np.ndarray, "3"]
    half: float
    rgb: Float[np.ndarray, "3"]

    @property
    def vertices(self) -> Float[np.ndarray, "4 3"]:
        """Corners, counter-clockwise as seen from the target."""
        normal = self.target - self.position
        normal = normal / np.linalg.norm(normal)
        x = np.cross([0.3, 0.2, 0.93], normal)
        x = x / np.linalg.norm(x) * self.half
        y = np.cross(normal, x)
        p = self.position
        return np.stack([p - x - y, p + x - y, p + x + y, p - x + y]).astype(np.float32)


@dataclass(frozen=True)
class Panel:
    """A bright rectangle (window, ceiling lamp, screen): shines to the side from which its corners run to the left."""

    vertices: Float[np.ndarray, "4 3"]
    rgb: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class Sun:
    """A small bright disc in the sky: direction in radians, `ratio` of its light to that of all the sky."""

    azimuth: float
    elevation: float
    ratio: float
    rgb: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class SceneData:
    quads: list[Quad]
    objects: Mesh  # boxes and rods, coloured per vertex
    lamps: list[Lamp | Panel]
    sky: Float[np.ndarray, "H W 3"] | None  # None: an environment file
    sky_file: str
    sky_turn: float  # radians about the vertical
    sky_gain: float
    notes: dict = field(default_factory=dict)
    furniture: Mesh | None = None  # textured
    sun: Sun | None = None

    @property
    def solid(self) -> list[Mesh]:
        """Furniture, if there is any; like `objects` it hides people."""
        return [] if self.furniture is None else [self.furniture]
