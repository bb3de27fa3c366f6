"""Clothes that stand off the body: straight-cut legs and sleeves, hanging tops, open jackets, skirts, coats."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.geometry.meshes import vertex_normals
from render_synth import noise
from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.body.posed import Posed
from render_synth.humans.garments.cloth_engine import ClothEngine
from render_synth.humans.garments.cloth_sheet import finer, sheet_faces
from render_synth.humans.garments.fabric_patterns import paint
from render_synth.humans.garments.limb_tubes import STATIONS, LimbTubes, outward
from render_synth.humans.garments.skirt import SkirtCut, skirt_sheet
from render_synth.rendering.mesh import Mesh

FALL = 30  # steps of the simulation until a skirt hangs
DROOP = 0.7  # how far slack hangs down across a limb, over its way out


@dataclass(frozen=True)
class GarmentPattern:
    """A piece of cloth on fine vertices of the rest body: where, how far off the skin, how much slack; metres."""

    mask: Bool[np.ndarray, " N"]
    tight: float
    slack: Float[np.ndarray, " N"]


def trousers(
    rng: np.random.Generator,
    a: Anatomy,
    limbs: LimbTubes,
    length: float,
    waist: float,
    hem: float,
    flare: float,
) -> GarmentPattern:
    """`length` 1 = ankle, `waist` as torso fraction; `hem`: radius beyond the leg's (m); `flare`: below the knee."""
    edge = length + 0.012 * np.sin(3 * a.rest[:, 0] * 40 + rng.uniform(0, 6)) * rng.random()
    mask = (a.torso < waist) & (a.leg < edge) & (a.arm < -0.5)
    t = np.clip(a.leg, 0, 1)
    reach = np.interp(t, np.linspace(0, 1, STATIONS), limbs.leg_reach)
    thigh = limbs.leg_reach[STATIONS // 6]
    end = np.interp(length, np.linspace(0, 1, STATIONS), limbs.leg_reach) + hem
    along = np.clip((t - 0.12) / max(length - 0.12, 0.05), 0, 1)
    cut = np.maximum(thigh + along * (end - thigh), reach) + flare * np.clip((t - 0.5) / 0.5, 0, 1)
    slack = np.clip(cut - limbs.radius, 0, 0.16) * np.clip(t / 0.15, 0, 1) ** 0.7
    slack = np.where(a.leg > 0, slack, 0.35 * np.minimum(limbs.fall, 0.03))
    return GarmentPattern(mask, rng.uniform(0.003, 0.006), np.minimum(slack, limbs.most).astype(np.float32))


def top(
    rng: np.random.Generator,
    a: Anatomy,
    limbs: LimbTubes,
    sleeve: float,
    cuff: float,
    hem: float,
    hang: float,
    neck: float = 1.0,
    tight: float = 0.005,
    collar: float = 0.0,
) -> GarmentPattern:
    """Shirts and jackets. `sleeve` 1 = wrist, `cuff`: radius at its end beyond the arm's; `hem` as torso fraction.

    `hang` in [0, 1]: how far it falls straight from chest and shoulder blades instead of following the waist.
    """
    front = a.rest[:, 2] > a.joints[9, 2]
    deep = collar * np.exp(-((a.rest[:, 0] / 0.07) ** 2)) * front
    mask = (
        (a.torso > hem) & (a.torso < neck - deep + 0.35 * (a.arm > -0.5)) & (a.arm < sleeve) & (a.head < 0.7)
    )
    t = np.clip(a.arm, 0, 1)
    grid = np.linspace(0, 1, STATIONS)
    upper, end = limbs.arm_reach[STATIONS // 5], np.interp(max(sleeve, 0), grid, limbs.arm_reach) + cuff
    cut = np.maximum(upper + 0.3 * cuff + np.clip(t / max(sleeve, 0.1), 0, 1) * (end - upper - 0.3 * cuff),
                     np.interp(t, grid, limbs.arm_reach))  # fmt: skip
    on_arm = np.clip(cut - limbs.radius, 0, 0.2) * np.clip(t / 0.15, 0, 1)
    widen = 0.02 * hang * np.clip(0.7 - a.torso, 0, 2)
    slack = np.where(a.arm > 0, on_arm, hang * np.minimum(limbs.fall, 0.09) + widen)
    return GarmentPattern(mask, tight, slack.astype(np.float32))


def open_front(
    rng: np.random.Generator,
    a: Anatomy,
    pattern: GarmentPattern,
    normal_z: Float[np.ndarray, " N"],
    gap: float,
) -> GarmentPattern:
    """The pattern cut open along the middle of the front; the gap (half width, metres) widens towards the hem."""
    width = gap * (0.35 + np.clip(1.0 - a.torso, 0, 1.2))
    aside = a.rest[:, 0] + rng.normal(0, 0.01)
    front = (normal_z > -0.15) & (a.rest[:, 2] > a.joints[9, 2]) & (a.arm < -0.5)
    near = np.exp(-((aside / 0.13) ** 2)) * front * np.clip(1.1 - a.torso, 0, 1)
    slack = pattern.slack + rng.uniform(0.005, 0.04) * near
    return GarmentPattern(
        pattern.mask & ~(front & (np.abs(aside) < width)), pattern.tight, slack.astype(np.float32)
    )


def over(pattern: GarmentPattern, *under: GarmentPattern) -> GarmentPattern:
    """The pattern with as much slack as it takes to lie over others."""
    slack = pattern.slack
    for other in under:
        need = other.slack + max(other.tight - pattern.tight, 0.0) + 0.006
        slack = np.where(other.mask, np.maximum(slack, need), slack)
    return GarmentPattern(pattern.mask, pattern.tight, slack.astype(np.float32))


def tuck(pattern: GarmentPattern, into: GarmentPattern) -> GarmentPattern:
    """The pattern without the part that another covers."""
    return replace(pattern, mask=pattern.mask & ~into.mask)


@dataclass(frozen=True)
class ClothPanel:
    """A posed part of a garment, not yet coloured; fabric patterns depend on `rest` and `front` (> 0: faces ahead)."""

    vertices: Float[np.ndarray, "N 3"]
    faces: Int[np.ndarray, "F 3"]
    rest: Float[np.ndarray, "N 3"]
    front: Float[np.ndarray, " N"]


def sew(posed: Posed, limbs: LimbTubes, pattern: GarmentPattern, folds: int) -> ClothPanel:
    """The posed surface of a pattern, with folds: panels of the same number fold alike and stay in their order."""
    a = posed.a
    keep = pattern.mask[a.mesh.faces].all(1)
    used, inverse = np.unique(a.mesh.faces[keep], return_inverse=True)
    rest, slack = a.rest[used], pattern.slack[used]
    rng = np.random.default_rng(folds)
    wide = noise.field(rng, rest * rng.uniform(0.4, 1.0, 3), rng.uniform(0.1, 0.2), 6)
    wrinkle = np.clip(0.7 * wide + 0.3 * noise.field(rng, rest, 0.06, 6), -1.5, 2)
    tight = pattern.tight * (1 + 0.35 * np.maximum(wrinkle, -1)) * posed.scale
    slack = (slack + 0.3 * np.minimum(slack, 0.02) * wrinkle) * posed.scale
    normal = posed.fine_normals[used]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    step = tight[:, None] * normal + slack[:, None] * outward(posed, limbs, DROOP)[used]
    step += np.maximum(tight - np.einsum("ni,ni->n", step, normal), 0)[:, None] * normal
    v = posed.fine[used] + step
    v[:, 1] = np.maximum(v[:, 1], posed.floor + 0.003)
    return ClothPanel(v, inverse.reshape(-1, 3), rest, a.rest_normal_z[used])


def hang_skirt(
    rng: np.random.Generator,
    posed: Posed,
    cloth: ClothEngine,
    cut: SkirtCut,
    under: list[ClothPanel] | None = None,
) -> ClothPanel:
    """A skirt, the lower part of a dress or of a coat, as it falls around the legs and over the clothes `under` it."""
    sheet = skirt_sheet(posed, cut, rng)
    obstacle = posed.trunk.with_more(
        [(p.vertices[::2], vertex_normals(p.vertices, p.faces)[::2]) for p in under or []]
    )
    grid = finer(cloth.hang(posed, sheet, obstacle, cut.ease, FALL), sheet.closed)
    rest = finer(sheet.rest, sheet.closed).reshape(-1, 3) / posed.scale
    v = obstacle.push_out(grid.reshape(-1, 3), 0.6 * cut.ease, 1)
    front = np.where(rest[:, 2] > 0, 1.0, -1.0)
    return ClothPanel(
        v, sheet_faces(grid.shape[0], grid.shape[1], sheet.closed), rest.astype(np.float32), front
    )


def colored(rng: np.random.Generator, panels: list[ClothPanel]) -> list[Mesh]:
    """Pieces of one garment, painted as one: the pattern goes on from piece to piece."""
    rest, front = (
        np.concatenate([getattr(p, k) for p in panels]).astype(np.float32) for k in ("rest", "front")
    )
    parts = np.split(paint(rng, rest, front), np.cumsum([len(p.rest) for p in panels])[:-1])
    return [
        Mesh(p.vertices.astype(np.float32), p.faces, color, vertex_normals(p.vertices, p.faces))
        for p, color in zip(panels, parts, strict=True)
    ]
