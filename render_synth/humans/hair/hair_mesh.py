"""Hair, beards and hats as meshes, built on the scalp in the rest pose."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from diffproxy.geometry.meshes import unit
from render_synth import colors, noise
from render_synth.humans.body.posed import Posed
from render_synth.humans.garments.cloth_sheet import finer, sheet_faces
from render_synth.humans.hair.long_hair import bun, curtain, tail
from render_synth.humans.hair.scalp import HEAD_JOINT, Scalp, direction, finished, patch, shade
from render_synth.rendering.mesh import Mesh

CHANCE = {
    "bald": 0.07, "short": 0.24, "full": 0.12, "afro": 0.03, "bob": 0.08, "long": 0.11, "pony_tail": 0.09,
    "braid": 0.03, "bun": 0.05, "cap": 0.08, "brimmed": 0.04, "beanie": 0.03, "hood": 0.03,
}  # fmt: skip
TIED = ("pony_tail", "braid", "bun")
HATS = ("cap", "brimmed", "beanie", "hood", "skull_cap")
DENSE = {  # metres off the skin
    "short": 0.007, "full": 0.02, "afro": 0.055, "bob": 0.014, "long": 0.013, "pony_tail": 0.007, "braid": 0.007,
    "bun": 0.007, "cap": 0.009, "brimmed": 0.009, "beanie": 0.011, "hood": 0.02,
    "skull_cap": 0.003,
}  # fmt: skip


def sample_hair(
    rng: np.random.Generator, posed: Posed, style: str = "", volume: float = 0.0
) -> tuple[list[Mesh], str]:
    """Hair or a hat (drawn, unless `style` names it), and perhaps a beard, of one posed person.

    `volume`: metres that hair stands farther off the head than usual (a third of it where it is tied back); above 0
    the style is one of hair.
    """
    if volume and not style:
        chance = {k: p for k, p in CHANCE.items() if k not in (*HATS, "bald")}
        style = str(rng.choice(list(chance), p=np.array(list(chance.values())) / sum(chance.values())))
    style = style or str(rng.choice(list(CHANCE), p=list(CHANCE.values())))
    volume *= 0.33 if style in TIED else 1.0
    scalp, meshes = Scalp.of(posed), []
    natural = colors.between(rng, colors.HAIR_SRGB)
    tint = colors.cloth(rng) if style in HATS else natural
    if style != "bald":
        meshes.append(scalp_hair(rng, posed, style, tint, volume))
    long = (
        style
        if style not in HATS
        else str(rng.choice(["", "bob", "long", "pony_tail"], p=[0.6, 0.12, 0.16, 0.12]))
    )
    if style in ("hood", "skull_cap"):
        long = ""
    if long in ("bob", "long"):
        length = rng.uniform(0.06, 0.14) if long == "bob" else rng.uniform(0.18, 0.5)
        meshes.append(
            curtain(rng, scalp, length, DENSE[long] + 0.006 + volume, natural, 1.3 if style in HATS else 0.55)
        )
    elif long in ("pony_tail", "braid"):
        meshes.append(tail(rng, scalp, long, natural, 1.5 if style in HATS else 0.9))
    elif long == "bun":
        meshes.append(bun(rng, scalp, natural))
    if style in ("cap", "brimmed"):
        meshes.append(brim(rng, scalp, style == "brimmed", tint))
    if rng.random() < 0.22:
        meshes.append(beard(rng, posed, natural))
    return [m for m in meshes if len(m.faces)], style


def scalp_hair(
    rng: np.random.Generator, posed: Posed, style: str, tint: Float[np.ndarray, "3"], volume: float
) -> Mesh:
    """Mesh over the scalp: cropped or combed hair, `volume` metres thicker than usual, or the crown of a hat."""
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
    thick = (DENSE[style] * rng.uniform(0.75, 1.35) + volume) * posed.scale
    rough = 0.0 if style in HATS else 0.12 if style == "afro" else 0.3
    rows, faces = patch(a.mesh.faces, on)
    rim = np.clip(
        (f[rows, 1] - (line if np.isscalar(line) else line[rows]) + behind[rows] * reach) / 0.03, 0.25, 1
    )
    lift = thick * np.maximum(1 + rough * wave[rows], 0.4) * (rim if style not in HATS else 1.0)
    v = posed.fine[rows] + lift[:, None] * posed.lift_normals[rows]
    streak = (
        0.0 if style in HATS else noise.field(rng, a.rest[rows] * np.array([1, 0.3, 1], np.float32), 0.015)
    )
    return finished(v, faces, shade(tint, streak, 0.25))


def brim(rng: np.random.Generator, scalp: Scalp, all_around: bool, tint: Float[np.ndarray, "3"]) -> Mesh:
    """The peak of a cap, or the brim of a hat."""
    scale, long = scalp.posed.scale, rng.uniform(0.045, 0.075)
    half = np.pi if all_around else rng.uniform(0.8, 1.0)
    columns, rows = (48 if all_around else 25), 5
    angle = np.linspace(-half, half, columns, endpoint=not all_around)  # 0 is ahead
    turned = 0.0 if rng.random() < 0.85 else np.pi  # caps worn backwards
    d = direction(np.pi + turned + angle, np.full(columns, 1.36))
    start = scalp.at(d, 0.006)
    shape = np.full(columns, 1.0) if all_around else np.cos(angle / half * np.pi / 2) ** 0.5
    step = np.linspace(0, 1, rows)[:, None] * shape[None] * long * scale
    flat = unit(d * np.array([1, 0, 1]))
    dip = rng.uniform(0.05, 0.5) * np.array([0, -1.0, 0])
    curl = 0.0 if all_around else 0.35 * (angle / half) ** 2
    grid = start[None] + step[..., None] * (flat + dip)[None]
    grid[..., 1] -= step * curl
    v = scalp.world(finer(grid, all_around))
    rows, cols = v.shape[:2]
    return finished(
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
    rows, faces = patch(posed.a.mesh.faces, jaw & ~lips)
    thick, long = rng.uniform(0.0015, 0.012), rng.choice([0.0, rng.uniform(0, 0.12)], p=[0.6, 0.4])
    if kind == "moustache":
        long = 0.0
    chin = np.clip((-f[rows, 1] - 0.085) / 0.03, 0, 1) * np.clip((f[rows, 2] + 0.06) / 0.05, 0, 1)
    wave = 1 + 0.3 * noise.field(rng, posed.a.rest[rows], 0.02)
    down = posed.turns[HEAD_JOINT] @ np.array([0, -1.0, 0.15])
    v = posed.fine[rows] + (thick * np.maximum(wave, 0.3))[:, None] * posed.fine_normals[rows]
    v = v + (long * chin * np.maximum(wave, 0.5))[:, None] * down
    v = posed.trunk.push_out(v.astype(np.float64), 0.001, 1)
    return finished(v, faces, shade(tint, noise.field(rng, posed.a.rest[rows], 0.008), 0.25))
