"""One world: room, clutter, light and people, as plain arrays that a renderer turns into pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from render_synth.cameras import Layout
from render_synth.mesh import Mesh
from render_synth.scenes import clutter, textures
from render_synth.scenes.solids import Solids


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
class World:
    quads: list[Quad]
    things: Mesh
    lamps: list[Lamp]
    sky: Float[np.ndarray, "H W 3"] | None  # None: an environment file
    sky_file: str
    sky_turn: float  # radians about the vertical
    sky_gain: float
    notes: dict = field(default_factory=dict)


def far_from_rays(
    spot: Float[np.ndarray, "2"], layout: Layout, target: Float[np.ndarray, "3"], clear: float
) -> bool:
    """Whether a spot on the floor keeps `clear` metres from every camera and from its line to the subject."""
    for camera in layout.cameras:
        a, b = camera.center_world[[0, 2]], target[[0, 2]]
        t = np.clip((spot - a) @ (b - a) / max((b - a) @ (b - a), 1e-9), 0, 1)
        if np.linalg.norm(spot - a - t * (b - a)) < clear:
            return False
    return True


def room(rng: np.random.Generator, half: tuple[float, float], high: float, indoors: bool) -> list[Quad]:
    """Floor, and indoors up to four walls and perhaps a ceiling. The first quad is the floor."""
    hx, hz = half if indoors else (14.0, 14.0)
    size = max(hx, hz)
    quads = [
        Quad(
            np.array([-hx, 0, hz]),
            np.array([2 * hx, 0, 0]),
            np.array([0, 0, -2 * hz]),
            textures.floor(rng),
            size / rng.uniform(0.7, 2),
        )
    ]
    if not indoors:
        return quads
    up = np.array([0, high, 0])
    sides = (
        ([-hx, 0, -hz], [2 * hx, 0, 0]),
        ([hx, 0, hz], [-2 * hx, 0, 0]),
        ([-hx, 0, hz], [0, 0, -2 * hz]),
        ([hx, 0, -hz], [0, 0, 2 * hz]),
    )
    shared = textures.wall(rng)
    for corner, along in sides:
        if rng.random() < 0.88:
            texture = shared if rng.random() < 0.4 else textures.wall(rng)
            quads.append(Quad(np.array(corner), np.array(along), up, texture))
    return quads


def lamps(
    rng: np.random.Generator, count: int, half: tuple[float, float], high: float, lowest: float
) -> list[Lamp]:
    """Square lamps near the ceiling, none so low that it hangs in a camera's view of the subject."""
    out = []
    for _ in range(count):
        position = np.array(
            [
                rng.uniform(-1, 1) * half[0],
                max(rng.uniform(0.75, 1.0) * high, lowest),
                rng.uniform(-1, 1) * half[1],
            ]
        )
        warm = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 1.1)])
        size = rng.uniform(0.1, 0.8)
        out.append(
            Lamp(
                position, np.array([0, rng.uniform(0, 1.2), 0]), size, warm * rng.uniform(1, 10) / size**2 / 4
            )
        )
    return out


def build_world(
    rng: np.random.Generator,
    layout: Layout,
    target: Float[np.ndarray, "3"],
    environments: list[str],
    stand: float,
    axis: float,
) -> World:
    """A world around `layout`. `stand`: height of the beam under the subject (0: none), `axis` its direction."""
    reach = np.abs(np.stack([c.center_world for c in layout.cameras])[:, [0, 2]]).max(0)
    indoors = bool(rng.random() < 0.75)
    half = (float(reach[0] + rng.uniform(0.3, 2.5)), float(reach[1] + rng.uniform(0.3, 2.5)))
    top = max(float(c.center_world[1]) for c in layout.cameras)
    high = max(rng.uniform(2.4, 4.5), top + 0.9)
    s = Solids()
    for _ in range(int(rng.integers(3, 18))):
        item = clutter.THINGS[rng.integers(len(clutter.THINGS))]
        limit = half if indoors else (reach[0] + 2.5, reach[1] + 2.5)
        spot = np.array([rng.uniform(-1, 1) * limit[0], rng.uniform(-1, 1) * limit[1]])
        if indoors and rng.random() < 0.6:  # along the walls
            side = int(rng.integers(2))
            spot[side] = np.sign(spot[side]) * (limit[side] - 0.4)
        flat = item is clutter.mat
        if np.linalg.norm(spot) > 1.1 and (flat or far_from_rays(spot, layout, target, 0.9)):
            item(s, rng, float(spot[0]), float(spot[1]))
    if stand > 0:
        clutter.beam(s, rng, stand, axis)
    for camera in layout.cameras:
        while rng.random() < 0.13:
            clutter.occluder(s, rng, camera.center_world, target)
    count = int(rng.integers(1 if indoors else 0, 4))
    use_file = bool(environments) and rng.random() < 0.75
    return World(
        quads=room(rng, half, high, indoors),
        things=Mesh(*s.merged()),
        lamps=lamps(rng, count, half, high, top + 0.8),
        sky=None if use_file else textures.sky(rng),
        sky_file=str(rng.choice(environments)) if use_file else "",
        sky_turn=float(rng.uniform(0, 2 * np.pi)),
        sky_gain=float(rng.uniform(0.3, 1.2)),
        notes={"indoors": indoors, "lamps": count},
    )
