"""Clothes, hair and skin of a wardrobe on a posed body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.geometry.meshes import unit, vertex_normals
from render_synth import colors
from render_synth.humans.body.posed import Obstacle, Posed
from render_synth.humans.hair.scalp import head_center
from render_synth.humans.look import Look
from render_synth.humans.makehuman import textures
from render_synth.humans.makehuman.asset_garments import AssetGarment, clipped
from render_synth.humans.makehuman.garment_fitting import BodyObstacle
from render_synth.humans.makehuman.wardrobe import Wardrobe
from render_synth.rendering.mesh import Mesh

FULL_GAP = 0.012  # metres off the skin from where hair takes up all of an additional volume
REACH = 0.03  # layers farther from each other than this do not touch; metres


@dataclass
class GarmentOnBody:
    """One garment on one person; `points` are its bound vertices in the world, metres."""

    garment: AssetGarment
    points: Float[np.ndarray, "N 3"]
    hidden: Bool[np.ndarray, " Nc"]

    @property
    def normals(self) -> Float[np.ndarray, "N 3"]:
        return vertex_normals(self.points, self.garment.hull)

    def mesh(self, texture: Float[np.ndarray, "S T 3"], rough: float = 1.0) -> Mesh:
        garment = self.garment
        vertices = np.asarray(garment.blend @ self.points, dtype=np.float32)
        normals = unit(np.asarray(garment.blend @ self.normals)).astype(np.float32)
        white = np.ones_like(vertices)
        return Mesh(vertices, garment.faces, white, normals, rough, garment.uv, texture)


@dataclass
class DressedBody:
    """A person being dressed: the body as an obstacle, and its garments so far, innermost first."""

    posed: Posed
    betas: Float[np.ndarray, "10"]
    obstacle: BodyObstacle
    garments: list[GarmentOnBody] = field(default_factory=list)

    @staticmethod
    def of(posed: Posed, betas: Float[np.ndarray, "10"]) -> DressedBody:
        return DressedBody(posed, betas, BodyObstacle(posed))

    def fit_garment(
        self,
        garment: AssetGarment,
        loose: float = 0.0,
        margin: float = 0.004,
        over: list[GarmentOnBody] | None = None,
        stiff: bool = False,
        volume: float = 0.0,
    ) -> GarmentOnBody:
        """Pose a garment, `loose` metres wider, out of the body and out of the layers in `over`.

        `volume`: metres that hair stands farther off the head.
        """
        b = garment.binding
        rest = (b.rest + b.shapes @ self.betas) * self.posed.scale
        if loose:
            rest = rest + loose * vertex_normals(rest, garment.hull)
        if volume:
            rest = fluffed(rest, self.posed, volume)
        points = self.posed.skin(rest, b.weights)
        if not stiff:
            points = self.obstacle.push_out(points, b.weights, margin, b.around)
            for other in over or []:
                points = outside(points, other, margin)
        fitted = GarmentOnBody(garment, points, garment.hidden)
        self.garments.append(fitted)
        return fitted

    def hidden(self) -> Bool[np.ndarray, " Nc"]:
        out = np.zeros(len(self.posed.vertices), bool)
        for fitted in self.garments:
            out |= fitted.hidden
        return out


def fluffed(rest: Float[np.ndarray, "N 3"], posed: Posed, volume: float) -> Float[np.ndarray, "N 3"]:
    """Hair in the rest pose moved away from the middle of the head by `volume` metres; points on the skin stay."""
    from scipy.spatial import cKDTree

    gap, _ = cKDTree(posed.rest).query(rest)
    return rest + volume * posed.scale * np.clip(gap / FULL_GAP, 0, 1)[:, None] * unit(
        rest - head_center(posed)
    )


def outside(
    points: Float[np.ndarray, "N 3"], inner: GarmentOnBody, margin: float
) -> Float[np.ndarray, "N 3"]:
    """Points near an inner layer lifted off it."""
    layer = Obstacle.of(inner.points, inner.normals, -1e9)
    for _ in range(2):
        near, _ = layer.tree.query(points, distance_upper_bound=REACH)
        close = np.isfinite(near)
        if close.any():
            points = points.copy()
            points[close] = layer.push_out(points[close], margin, 1)
    return points


def shorten(
    rng: np.random.Generator, garment: AssetGarment, posed: Posed
) -> tuple[AssetGarment, Bool[np.ndarray, " Nc"]]:
    """Sleeves and legs cut off at random lengths; and the body vertices that the rest still hides."""
    joints = posed.a.joints
    rest = garment.rest
    over, hidden = np.full(len(rest), 1.0), garment.hidden.copy()
    body = posed.a.mesh_rest_coarse
    if garment.kind in ("top", "suit"):
        limit = rng.uniform(0.25, 0.95)
        start, span = joints[16, 0], joints[20, 0] - joints[16, 0]
        over = np.minimum(over, (start + limit * span - np.abs(rest[:, 0])) / span)
        hidden &= np.abs(body[:, 0]) < start + (limit - 0.06) * span
    if garment.kind in ("bottom", "suit"):
        limit = rng.choice([rng.uniform(0.2, 0.55), rng.uniform(0.55, 0.95)])
        start, span = joints[1, 1], joints[1, 1] - joints[7, 1]
        over = np.minimum(over, (limit * span - (start - rest[:, 1])) / span)
        hidden &= (start - body[:, 1]) < (limit - 0.04) * span
    return clipped(garment, over), hidden


def sample_clothing(
    rng: np.random.Generator,
    dressed: DressedBody,
    wardrobe: Wardrobe,
    notes: dict[str, Any],
    pixels: int,
    look: Look,
) -> tuple[list[Mesh], frozenset[str]]:
    """Shoes, clothes, hair and hats from the wardrobe: (meshes, which of "clothes", "shoes", "hair" they include).

    Adds outfit, hair and assets to `notes`. What `look` names is left to the built-in clothes.
    """
    sport, cap = "sport" in look.words, "skull_cap" in look.words
    out: list[Mesh] = []
    taken: set[str] = set()
    shoes = wardrobe.some(rng, "shoes") if rng.random() < (0.25 if sport else 0.6) else None
    if shoes:
        fitted = dressed.fit_garment(shoes, margin=0.002)
        out.append(fitted.mesh(textures.garment_texture(rng, shoes, min(pixels, 256)), 0.5))
        taken.add("shoes")
    if not sport and "tight" not in look.words and rng.random() < 0.6:
        meshes, notes["outfit"] = sample_asset_outfit(rng, dressed, wardrobe, pixels)
        out += meshes
        if meshes:
            taken.add("clothes")
    tint = colors.between(rng, colors.HAIR_SRGB)
    hat = wardrobe.some(rng, "hat") if not cap and rng.random() < 0.07 and not look.hair_volume else None
    hair = wardrobe.some(rng, "hair") if not cap and rng.random() < 0.7 else None
    if hat:
        out.append(dressed.fit_garment(hat, stiff=True).mesh(textures.garment_texture(rng, hat, 128)))
        notes["hair"] = hat.name
        if hair:  # what the hat covers of it would come through
            hair = clipped(hair, hat.rest[:, 1].min() + 0.03 - hair.rest[:, 1])
    if hair:
        over = [f for f in dressed.garments if f.garment.kind in ("top", "suit")]
        fitted = dressed.fit_garment(hair, margin=0.003, over=over, volume=look.hair_volume)
        out.append(fitted.mesh(textures.hair_texture(rng, hair, tint), float(rng.uniform(0.35, 0.6))))
        notes["hair"] = hair.name
    if hat or hair:
        taken.add("hair")
    brows = wardrobe.some(rng, "brows") if rng.random() < 0.9 else None
    if brows:
        out.append(
            dressed.fit_garment(brows, stiff=True).mesh(textures.hair_texture(rng, brows, 0.7 * tint, 64))
        )
    names = {f.garment.name: f.garment.licence for f in dressed.garments}
    notes["assets"] += [{"name": name, "licence": names[name]} for name in sorted(names)]
    return out, frozenset(taken)


def sample_asset_outfit(
    rng: np.random.Generator, dressed: DressedBody, wardrobe: Wardrobe, pixels: int
) -> tuple[list[Mesh], str]:
    """Top and bottom of any two suits, or one suit: (meshes, outfit)."""
    posed = dressed.posed
    suit = wardrobe.some(rng, "suit") if rng.random() < 0.12 else None
    bottom, top = wardrobe.some(rng, "bottom"), wardrobe.some(rng, "top")
    garments = [suit] if suit else [p for p in (bottom, top if rng.random() < 0.93 else None) if p]
    tucked = rng.random() < 0.2
    if tucked:
        garments.reverse()
    out, names, below = [], [], [f for f in dressed.garments if f.garment.kind == "shoes"]
    for garment in garments:
        hidden = garment.hidden
        if rng.random() < 0.45:
            garment, hidden = shorten(rng, garment, posed)
        loose = rng.choice([0.0, rng.uniform(0, 0.012)])
        fitted = dressed.fit_garment(garment, loose, over=below)
        fitted.hidden = hidden
        below.append(fitted)
        names.append(garment.kind)
        out.append(fitted.mesh(textures.garment_texture(rng, garment, pixels)))
    return out, "+".join(names) or "none"
