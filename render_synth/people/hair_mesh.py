"""Hair and hats as meshes of their own, made on the skull in the rest pose; what is long falls by gravity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from render_synth import colors, noise
from render_synth.mesh import Mesh
from render_synth.people.drape import Sheet, drape, finer, sheet_faces
from render_synth.people.fine_mesh import unit, vertex_normals
from render_synth.people.posed import Posed

HEAD_JOINT, EYES = 15, (23, 24)
CHANCE = {
    "bald": 0.07, "short": 0.24, "full": 0.12, "afro": 0.03, "bob": 0.08, "long": 0.11, "pony_tail": 0.09,
    "braid": 0.03, "bun": 0.05, "cap": 0.08, "brimmed": 0.04, "beanie": 0.03, "hood": 0.03,
}  # fmt: skip
HATS = ("cap", "brimmed", "beanie", "hood")
DENSE = {  # metres off the skin
    "short": 0.007, "full": 0.02, "afro": 0.055, "bob": 0.014, "long": 0.013, "pony_tail": 0.007, "braid": 0.007,
    "bun": 0.007, "cap": 0.009, "brimmed": 0.009, "beanie": 0.011, "hood": 0.02,
}  # fmt: skip


@dataclass(frozen=True)
class Skull:
    """The head of one person in the rest pose, seen from its middle; metres."""

    posed: Posed
    center: Float[np.ndarray, "3"]
    tree: cKDTree
    radius: Float[np.ndarray, "N"]

    @staticmethod
    def of(posed: Posed) -> Skull:
        eyes = posed.rest_joints[list(EYES)].mean(0)
        center = eyes + np.array([0, 0.035, -0.085]) * posed.scale
        head = posed.weights[:, [HEAD_JOINT, 22]].sum(1) > 0.5
        offset = posed.rest[head] - center
        offset = offset[offset[:, 1] > -0.11 * posed.scale]
        return Skull(posed, center, cKDTree(unit(offset)), np.linalg.norm(offset, axis=1))

    def at(self, direction: Float[np.ndarray, "*N 3"], lift: float | np.ndarray) -> Float[np.ndarray, "*N 3"]:
        """Points `lift` above the skin in directions from the middle of the head (the widest of a few neighbours)."""
        d = unit(direction)
        _, near = self.tree.query(d.reshape(-1, 3), k=6)
        radius = np.sort(self.radius[near], axis=1)[:, -3:].mean(1).reshape(d.shape[:-1])
        return self.center + (radius + lift)[..., None] * d

    def world(self, points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        p = self.posed
        return (points - p.rest_joints[HEAD_JOINT]) @ p.turns[HEAD_JOINT].T + p.joints[HEAD_JOINT]


def direction(azimuth: np.ndarray, polar: np.ndarray) -> Float[np.ndarray, "*N 3"]:
    """`azimuth` 0 is the back of the head and grows to its left; `polar` 0 is the crown."""
    return np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), -np.sin(polar) * np.cos(azimuth)], -1)


def sample_hair(rng: np.random.Generator, posed: Posed) -> tuple[list[Mesh], str]:
    """Hair or a hat, and perhaps a beard, of one posed person."""
    style = str(rng.choice(list(CHANCE), p=list(CHANCE.values())))
    skull, meshes = Skull.of(posed), []
    natural = colors.between(rng, colors.HAIR_SRGB)
    tint = colors.cloth(rng) if style in HATS else natural
    if style != "bald":
        meshes.append(scalp(rng, posed, style, tint))
    long = (
        style
        if style not in HATS
        else str(rng.choice(["", "bob", "long", "pony_tail"], p=[0.6, 0.12, 0.16, 0.12]))
    )
    if style == "hood":
        long = ""
    if long in ("bob", "long"):
        length = rng.uniform(0.06, 0.14) if long == "bob" else rng.uniform(0.18, 0.5)
        meshes.append(
            curtain(rng, skull, length, DENSE[long] + 0.006, natural, 1.3 if style in HATS else 0.55)
        )
    elif long in ("pony_tail", "braid"):
        meshes.append(tail(rng, skull, long, natural, 1.5 if style in HATS else 0.9))
    elif long == "bun":
        meshes.append(bun(rng, skull, natural))
    if style in ("cap", "brimmed"):
        meshes.append(brim(rng, skull, style == "brimmed", tint))
    if rng.random() < 0.22:
        meshes.append(beard(rng, posed, natural))
    return [m for m in meshes if len(m.faces)], style


def scalp(rng: np.random.Generator, posed: Posed, style: str, tint: Float[np.ndarray, "3"]) -> Mesh:
    """What covers the skull: cropped or combed hair, or the crown of a hat."""
    a = posed.a
    f = a.face_of
    near = a.head > 0.3
    wave = np.zeros(len(f), np.float32)
    wave[near] = noise.field(rng, a.rest[near], 0.05)
    behind = np.clip(-(f[:, 2] + 0.05) / 0.07, 0, 1)  # behind the ears hair reaches lower
    reach = {"short": 0.12, "full": 0.15, "afro": 0.14, "bob": 0.16, "long": 0.16, "beanie": 0.08}.get(
        style, 0.11
    )
    line = (0.045 if style in HATS else 0.058) + rng.normal(0, 0.004) + 0.008 * wave * (style not in HATS)
    on = (a.skull > 0.5) & (f[:, 1] > line - behind * (0.03 if style in ("cap", "brimmed") else reach))
    if style == "hood":
        on = near & ~((np.abs(f[:, 0]) < 0.07) & (f[:, 2] > -0.05) & (f[:, 1] < 0.06))
    thick = DENSE[style] * rng.uniform(0.75, 1.35) * posed.scale
    rough = 0.0 if style in HATS else 0.12 if style == "afro" else 0.3
    rows, faces = _patch(a.mesh.faces, on)
    rim = np.clip(
        (f[rows, 1] - (line if np.isscalar(line) else line[rows]) + behind[rows] * reach) / 0.03, 0.25, 1
    )
    lift = thick * np.maximum(1 + rough * wave[rows], 0.4) * (rim if style not in HATS else 1.0)
    v = posed.fine[rows] + lift[:, None] * posed.lift_normals[rows]
    streak = (
        0.0 if style in HATS else noise.field(rng, a.rest[rows] * np.array([1, 0.3, 1], np.float32), 0.015)
    )
    return _mesh(v, faces, _shade(tint, streak, 0.25))


def curtain(
    rng: np.random.Generator,
    skull: Skull,
    length: float,
    lift: float,
    tint: Float[np.ndarray, "3"],
    start: float,
) -> Mesh:
    """Hair from the sides and the back of the head, which falls by `length` (m) below the ears.

    It begins `start` radians from the crown.
    """
    scale, half = skull.posed.scale, rng.uniform(1.65, 2.05)
    columns, on_skull = 33, 7
    azimuth = np.linspace(half, -half, columns)
    polar = np.linspace(start, 1.72, on_skull)
    wave = 0.003 * noise.field(rng, azimuth[:, None] * 0.1, 0.05, 5)
    top = skull.at(direction(*np.broadcast_arrays(azimuth[None], polar[:, None])), lift * scale)
    top += wave[None, :, None] * unit(top - skull.center)
    below = max(4, round(length / 0.025))
    steps = np.linspace(0, length * scale, below + 1)[1:]
    fringe = rng.normal(1, 0.06, columns)
    hanging = top[-1][None] + steps[:, None, None] * np.array([0, -1.0, 0]) * fringe[None, :, None]
    rest = np.concatenate([top, hanging])
    weights = np.zeros((*rest.shape[:2], 55))
    weights[..., HEAD_JOINT] = 1
    sheet = Sheet(rest, weights, closed=False, held=on_skull - 1)
    grid = drape(
        sheet, skull.world(rest), skull.posed.whole, margin=0.007, steps=26, stiff=0.25, friction=0.3
    )
    grid = finer(grid, False)
    rows, cols = grid.shape[:2]
    streak = np.broadcast_to(
        noise.field(rng, np.arange(cols)[:, None] * 0.006, 0.02, 8), (rows, cols)
    ).ravel()
    v = grid.reshape(-1, 3)
    return _mesh(v, sheet_faces(rows, cols, False), _shade(tint, streak, 0.3))


def tail(
    rng: np.random.Generator, skull: Skull, style: str, tint: Float[np.ndarray, "3"], start: float
) -> Mesh:
    """A pony tail or a braid: a chain that falls from the back of the head (`start`: as above), hair around it."""
    scale = skull.posed.scale
    high = rng.uniform(start, 1.75)
    root = skull.at(direction(np.array(0.0), np.array(high)), -0.005)
    out = unit(direction(np.array(0.0), np.array(high - 0.2)))
    length, count = rng.uniform(0.14, 0.5) * scale, 18
    s = np.linspace(0, 1, count)[:, None]
    arch = root + out * 0.05 * scale * np.minimum(s * 6, 1) + np.array([0, -length, 0]) * s
    weights = np.zeros((count, 1, 55))
    weights[..., HEAD_JOINT] = 1
    sheet = Sheet(arch[:, None], weights, closed=False, held=3)
    width = rng.uniform(0.016, 0.03) * scale
    line = drape(sheet, skull.world(arch)[:, None], skull.posed.whole, margin=width * 0.8, steps=30)[:, 0]
    t = np.linspace(0, 1, count)
    profile = width * np.minimum(1, 0.45 + 5 * t) * np.sqrt(np.clip(1.02 - t**3, 0.02, 1))
    if style == "braid":
        profile *= 0.8 * (1 + 0.22 * np.sin(np.arange(count) * np.pi / 1.5))
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    along = unit(np.gradient(line, axis=0))
    side = unit(np.cross(along, skull.posed.turns[HEAD_JOINT][:, 2] + 1e-3))
    other = np.cross(along, side)
    bumpy = 1 + 0.12 * noise.field(rng, np.stack(np.broadcast_arrays(around[None], 4 * t[:, None]), -1), 1.5)
    ring = np.cos(around)[None, :, None] * side[:, None] + np.sin(around)[None, :, None] * other[:, None]
    grid = finer(line[:, None] + (profile[:, None] * bumpy)[..., None] * ring, True)
    rows, cols = grid.shape[:2]
    streak = np.broadcast_to(noise.field(rng, np.arange(cols)[:, None] * 0.01, 0.03), (rows, cols)).ravel()
    return _mesh(grid.reshape(-1, 3), sheet_faces(rows, cols, True)[:, ::-1], _shade(tint, streak, 0.3))


def bun(rng: np.random.Generator, skull: Skull, tint: Float[np.ndarray, "3"]) -> Mesh:
    scale, size = skull.posed.scale, rng.uniform(0.028, 0.045)
    middle = skull.at(direction(np.array(rng.normal(0, 0.1)), np.array(rng.uniform(0.3, 1.7))), 0.55 * size)
    rows, cols = 14, 24
    turns = np.linspace(0, 2 * np.pi, cols, endpoint=False)
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, rows), turns, indexing="ij")
    d = direction(azimuth, polar)
    radius = size * scale * (1 + 0.1 * noise.field(rng, d, 1.0))
    v = skull.world(middle + radius[..., None] * d).reshape(-1, 3)
    return _mesh(
        v, sheet_faces(rows, cols, True)[:, ::-1], _shade(tint, noise.field(rng, d.reshape(-1, 3), 0.3), 0.25)
    )


def brim(rng: np.random.Generator, skull: Skull, all_around: bool, tint: Float[np.ndarray, "3"]) -> Mesh:
    """The peak of a cap, or the brim of a hat."""
    scale, long = skull.posed.scale, rng.uniform(0.045, 0.075)
    half = np.pi if all_around else rng.uniform(0.8, 1.0)
    columns, rows = (48 if all_around else 25), 5
    angle = np.linspace(-half, half, columns, endpoint=not all_around)  # 0 is ahead
    turned = 0.0 if rng.random() < 0.85 else np.pi  # caps worn backwards
    d = direction(np.pi + turned + angle, np.full(columns, 1.36))
    start = skull.at(d, 0.006)
    shape = np.full(columns, 1.0) if all_around else np.cos(angle / half * np.pi / 2) ** 0.5
    step = np.linspace(0, 1, rows)[:, None] * shape[None] * long * scale
    flat = unit(d * np.array([1, 0, 1]))
    dip = rng.uniform(0.05, 0.5) * np.array([0, -1.0, 0])
    curl = 0.0 if all_around else 0.35 * (angle / half) ** 2
    grid = start[None] + step[..., None] * (flat + dip)[None]
    grid[..., 1] -= step * curl
    v = skull.world(finer(grid, all_around))
    rows, cols = v.shape[:2]
    return _mesh(
        v.reshape(-1, 3), sheet_faces(rows, cols, all_around)[:, ::-1], np.tile(tint, (rows * cols, 1))
    )


def beard(rng: np.random.Generator, posed: Posed, tint: Float[np.ndarray, "3"]) -> Mesh:
    """Stubble to a long beard; or a moustache; or a goatee."""
    f, kind = posed.a.face_of, rng.choice(["full", "moustache", "goatee"], p=[0.6, 0.2, 0.2])
    ahead = f[:, 2] > -0.085
    jaw = (posed.a.skull > 0.5) & ahead & (f[:, 1] < -0.045 - 0.02 * (f[:, 2] > 0)) & (f[:, 1] > -0.13)
    lips = (np.abs(f[:, 0]) < 0.026) & (np.abs(f[:, 1] + 0.068) < 0.01) & (f[:, 2] > 0)
    upper = (np.abs(f[:, 0]) < 0.032) & (f[:, 1] < -0.042) & (f[:, 1] > -0.06) & (f[:, 2] > -0.02)
    if kind == "moustache":
        jaw = upper & (posed.a.skull > 0.5)
    elif kind == "goatee":
        jaw &= np.abs(f[:, 0]) < 0.03
    rows, faces = _patch(posed.a.mesh.faces, jaw & ~lips)
    thick, long = rng.uniform(0.0015, 0.012), rng.choice([0.0, rng.uniform(0, 0.12)], p=[0.6, 0.4])
    if kind == "moustache":
        long = 0.0
    chin = np.clip((-f[rows, 1] - 0.085) / 0.03, 0, 1) * np.clip((f[rows, 2] + 0.06) / 0.05, 0, 1)
    wave = 1 + 0.3 * noise.field(rng, posed.a.rest[rows], 0.02)
    down = posed.turns[HEAD_JOINT] @ np.array([0, -1.0, 0.15])
    v = posed.fine[rows] + (thick * np.maximum(wave, 0.3))[:, None] * posed.fine_normals[rows]
    v = v + (long * chin * np.maximum(wave, 0.5))[:, None] * down
    v = posed.trunk.push_out(v.astype(np.float64), 0.001, 1)
    return _mesh(v, faces, _shade(tint, noise.field(rng, posed.a.rest[rows], 0.008), 0.25))


def _patch(
    faces: Int[np.ndarray, "F 3"], on: np.ndarray
) -> tuple[Int[np.ndarray, "M"], Int[np.ndarray, "G 3"]]:
    used, inverse = np.unique(faces[on[faces].all(1)], return_inverse=True)
    return used, inverse.reshape(-1, 3)


def _shade(
    tint: Float[np.ndarray, "3"], streak: float | np.ndarray, depth: float
) -> Float[np.ndarray, "..."]:
    return tint * np.clip(1 + depth * np.asarray(streak), 0.3, 2)[..., None]


def _mesh(v: np.ndarray, faces: np.ndarray, color: np.ndarray) -> Mesh:
    color = np.broadcast_to(np.clip(color, 0.004, 0.95), (len(v), 3)).astype(np.float32)
    return Mesh(v.astype(np.float32), faces, color, vertex_normals(v, faces))
