"""Hair that falls by gravity (curtains, tails, braids) and buns."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from diffproxy.geometry.meshes import unit
from render_synth import noise
from render_synth.humans.garments.cloth_sheet import Sheet, finer, sheet_faces
from render_synth.humans.garments.drape import drape
from render_synth.humans.hair.scalp import HEAD_JOINT, Scalp, direction, finished, shade
from render_synth.rendering.mesh import Mesh


def curtain(
    rng: np.random.Generator,
    scalp: Scalp,
    length: float,
    lift: float,
    tint: Float[np.ndarray, "3"],
    start: float,
) -> Mesh:
    """Hair from the sides and the back of the head, which falls by `length` (m) below the ears.

    It begins `start` radians from the crown.
    """
    scale, half = scalp.posed.scale, rng.uniform(1.65, 2.05)
    columns, on_skull = 33, 7
    azimuth = np.linspace(half, -half, columns)
    polar = np.linspace(start, 1.72, on_skull)
    wave = 0.003 * noise.field(rng, azimuth[:, None] * 0.1, 0.05, 5)
    top = scalp.at(direction(*np.broadcast_arrays(azimuth[None], polar[:, None])), lift * scale)
    top += wave[None, :, None] * unit(top - scalp.center)
    below = max(4, round(length / 0.025))
    steps = np.linspace(0, length * scale, below + 1)[1:]
    fringe = rng.normal(1, 0.06, columns)
    hanging = top[-1][None] + steps[:, None, None] * np.array([0, -1.0, 0]) * fringe[None, :, None]
    rest = np.concatenate([top, hanging])
    weights = np.zeros((*rest.shape[:2], 55))
    weights[..., HEAD_JOINT] = 1
    sheet = Sheet(rest, weights, closed=False, held=on_skull - 1)
    grid = drape(
        sheet, scalp.world(rest), scalp.posed.whole, margin=0.007, steps=26, stiff=0.25, friction=0.3
    )
    grid = finer(grid, False)
    rows, cols = grid.shape[:2]
    streak = np.broadcast_to(
        noise.field(rng, np.arange(cols)[:, None] * 0.006, 0.02, 8), (rows, cols)
    ).ravel()
    v = grid.reshape(-1, 3)
    return finished(v, sheet_faces(rows, cols, False), shade(tint, streak, 0.3))


def tail(
    rng: np.random.Generator, scalp: Scalp, style: str, tint: Float[np.ndarray, "3"], start: float
) -> Mesh:
    """A pony tail or a braid: a chain that falls from the back of the head (`start`: as above), hair around it."""
    scale = scalp.posed.scale
    high = rng.uniform(start, 1.75)
    root = scalp.at(direction(np.array(0.0), np.array(high)), -0.005)
    out = unit(direction(np.array(0.0), np.array(high - 0.2)))
    length, count = rng.uniform(0.14, 0.5) * scale, 18
    s = np.linspace(0, 1, count)[:, None]
    arch = root + out * 0.05 * scale * np.minimum(s * 6, 1) + np.array([0, -length, 0]) * s
    weights = np.zeros((count, 1, 55))
    weights[..., HEAD_JOINT] = 1
    sheet = Sheet(arch[:, None], weights, closed=False, held=3)
    width = rng.uniform(0.016, 0.03) * scale
    line = drape(sheet, scalp.world(arch)[:, None], scalp.posed.whole, margin=width * 0.8, steps=30)[:, 0]
    t = np.linspace(0, 1, count)
    profile = width * np.minimum(1, 0.45 + 5 * t) * np.sqrt(np.clip(1.02 - t**3, 0.02, 1))
    if style == "braid":
        profile *= 0.8 * (1 + 0.22 * np.sin(np.arange(count) * np.pi / 1.5))
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    along = unit(np.gradient(line, axis=0))
    side = unit(np.cross(along, scalp.posed.turns[HEAD_JOINT][:, 2] + 1e-3))
    other = np.cross(along, side)
    bumpy = 1 + 0.12 * noise.field(rng, np.stack(np.broadcast_arrays(around[None], 4 * t[:, None]), -1), 1.5)
    ring = np.cos(around)[None, :, None] * side[:, None] + np.sin(around)[None, :, None] * other[:, None]
    grid = finer(line[:, None] + (profile[:, None] * bumpy)[..., None] * ring, True)
    rows, cols = grid.shape[:2]
    streak = np.broadcast_to(noise.field(rng, np.arange(cols)[:, None] * 0.01, 0.03), (rows, cols)).ravel()
    return finished(grid.reshape(-1, 3), sheet_faces(rows, cols, True)[:, ::-1], shade(tint, streak, 0.3))


def bun(rng: np.random.Generator, scalp: Scalp, tint: Float[np.ndarray, "3"]) -> Mesh:
    scale, size = scalp.posed.scale, rng.uniform(0.028, 0.045)
    middle = scalp.at(direction(np.array(rng.normal(0, 0.1)), np.array(rng.uniform(0.3, 1.7))), 0.55 * size)
    rows, cols = 14, 24
    turns = np.linspace(0, 2 * np.pi, cols, endpoint=False)
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, rows), turns, indexing="ij")
    d = direction(azimuth, polar)
    radius = size * scale * (1 + 0.1 * noise.field(rng, d, 1.0))
    v = scalp.world(middle + radius[..., None] * d).reshape(-1, 3)
    return finished(
        v, sheet_faces(rows, cols, True)[:, ::-1], shade(tint, noise.field(rng, d.reshape(-1, 3), 0.3), 0.25)
    )
