"""Clothes, hair and skin of a wardrobe on a posed body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from render_synth import colors
from render_synth.humans.body.fine_mesh import unit, vertex_normals
from render_synth.humans.body.posed import Obstacle, Posed
from render_synth.humans.makehuman import textures
from render_synth.humans.makehuman.garment_fitting import Solid
from render_synth.humans.makehuman.pieces import Piece, clipped
from render_synth.humans.makehuman.wardrobe import Skin, SkinMesh, Wardrobe
from render_synth.rendering.mesh import Mesh

EYES = (23, 24)
FULL_GAP = 0.012  # metres off the skin from where hair takes up all of an additional volume
REACH = 0.03  # layers farther from each other than this do not touch; metres


@dataclass
class Fitted:
    """One piece on one person; `points` are its bound vertices in the world, metres."""

    piece: Piece
    points: Float[np.ndarray, "N 3"]
    hidden: Bool[np.ndarray, "Nc"]

    @property
    def normals(self) -> Float[np.ndarray, "N 3"]:
        return vertex_normals(self.points, self.piece.hull)

    def mesh(self, texture: Float[np.ndarray, "S T 3"], rough: float = 1.0) -> Mesh:
        piece = self.piece
        vertices = np.asarray(piece.blend @ self.points, dtype=np.float32)
        normals = unit(np.asarray(piece.blend @ self.normals)).astype(np.float32)
        white = np.ones_like(vertices)
        return Mesh(vertices, piece.faces, white, normals, rough, piece.uv, texture)


@dataclass
class Fitting:
    """A person being dressed: the body as an obstacle, what it wears so far, from the inside out."""

    posed: Posed
    betas: Float[np.ndarray, "10"]
    solid: Solid
    worn: list[Fitted] = field(default_factory=list)

    @staticmethod
    def of(posed: Posed, betas: Float[np.ndarray, "10"]) -> Fitting:
        return Fitting(posed, betas, Solid(posed))

    def put_on(
        self,
        piece: Piece,
        loose: float = 0.0,
        margin: float = 0.004,
        over: list[Fitted] | None = None,
        stiff: bool = False,
        volume: float = 0.0,
    ) -> Fitted:
        """Pose a piece, `loose` metres wider, out of the body and out of the layers in `over`.

        `volume`: metres that hair stands farther off the head.
        """
        b = piece.binding
        rest = (b.rest + b.shapes @ self.betas) * self.posed.scale
        if loose:
            rest = rest + loose * vertex_normals(rest, piece.hull)
        if volume:
            rest = fluffed(rest, self.posed, volume)
        points = self.posed.skin(rest, b.weights)
        if not stiff:
            points = self.solid.push_out(points, b.weights, margin, b.around)
            for other in over or []:
                points = outside(points, other, margin)
        fitted = Fitted(piece, points, piece.hidden)
        self.worn.append(fitted)
        return fitted

    def hidden(self) -> Bool[np.ndarray, "Nc"]:
        out = np.zeros(len(self.posed.vertices), bool)
        for fitted in self.worn:
            out |= fitted.hidden
        return out


def fluffed(rest: Float[np.ndarray, "N 3"], posed: Posed, volume: float) -> Float[np.ndarray, "N 3"]:
    """Hair in the rest pose moved away from the middle of the head by `volume` metres; what touches the skin stays."""
    from scipy.spatial import cKDTree

    center = posed.rest_joints[list(EYES)].mean(0) + np.array([0, 0.035, -0.085]) * posed.scale
    gap, _ = cKDTree(posed.rest).query(rest)
    return rest + volume * posed.scale * np.clip(gap / FULL_GAP, 0, 1)[:, None] * unit(rest - center)


def outside(points: Float[np.ndarray, "N 3"], inner: Fitted, margin: float) -> Float[np.ndarray, "N 3"]:
    """Points near an inner layer lifted off it."""
    layer = Obstacle.of(inner.points, inner.normals, -1e9)
    for _ in range(2):
        near, _ = layer.tree.query(points, distance_upper_bound=REACH)
        close = np.isfinite(near)
        if close.any():
            points = points.copy()
            points[close] = layer.push_out(points[close], margin, 1)
    return points


def shortened(rng: np.random.Generator, piece: Piece, posed: Posed) -> tuple[Piece, Bool[np.ndarray, "Nc"]]:
    """Sleeves and legs cut off somewhere, at random; and what the rest still covers of the body."""
    joints = posed.a.joints
    rest = piece.rest
    over, hidden = np.full(len(rest), 1.0), piece.hidden.copy()
    body = posed.a.mesh_rest_coarse
    if piece.kind in ("top", "suit"):
        limit = rng.uniform(0.25, 0.95)
        start, span = joints[16, 0], joints[20, 0] - joints[16, 0]
        over = np.minimum(over, (start + limit * span - np.abs(rest[:, 0])) / span)
        hidden &= np.abs(body[:, 0]) < start + (limit - 0.06) * span
    if piece.kind in ("bottom", "suit"):
        limit = rng.choice([rng.uniform(0.2, 0.55), rng.uniform(0.55, 0.95)])
        start, span = joints[1, 1], joints[1, 1] - joints[7, 1]
        over = np.minimum(over, (limit * span - (start - rest[:, 1])) / span)
        hidden &= (start - body[:, 1]) < (limit - 0.04) * span
    return clipped(piece, over), hidden


def skin_meshes(
    rng: np.random.Generator,
    mesh: SkinMesh,
    skin: Skin,
    posed: Posed,
    hidden: Bool[np.ndarray, "Nc"],
    step: int,
) -> tuple[Mesh, Mesh]:
    """The body with a skin picture in a random tint, without what clothes cover; and the eyes."""
    keep = ~hidden[mesh.of[mesh.faces]].all(1)
    tint = rng.uniform(0.6, 1.15) * np.exp(rng.normal(0, 0.05, 3))
    picture = textures.linear(skin.picture[::step, ::step], tint)
    vertices, normals = posed.vertices[mesh.of], posed.normals[mesh.of]
    white = np.ones((len(vertices), 3), np.float32)
    rough = float(rng.uniform(0.4, 0.75))
    body = Mesh(
        vertices.astype(np.float32),
        mesh.faces[keep],
        white,
        normals.astype(np.float32),
        rough,
        mesh.uv,
        picture,
    )
    return body, eyes(rng, mesh, posed)


def eyes(rng: np.random.Generator, mesh: SkinMesh, posed: Posed) -> Mesh:
    """White, iris and pupil by the distance from where each eye looks."""
    used, faces = np.unique(mesh.eyes, return_inverse=True)
    rest = posed.a.mesh_rest_coarse[used]
    iris = colors.linear(
        np.array([[60, 40, 25], [90, 60, 35], [70, 95, 130], [80, 110, 80]])[rng.integers(4)] / 255
    )
    color = np.full((len(used), 3), 0.55, np.float32)
    for side in (1, -1):
        own = rest[:, 0] * side > 0
        if not own.any():
            continue
        center = rest[own].mean(0)
        r = np.hypot(*(rest[own] - center)[:, :2].T)
        color[np.flatnonzero(own)[r < 0.0065]] = iris
        color[np.flatnonzero(own)[r < 0.003]] = 0.01
    v, n = posed.vertices[used].astype(np.float32), posed.normals[used].astype(np.float32)
    return Mesh(v, faces.reshape(-1, 3), color, n, 0.3)


def wear(
    rng: np.random.Generator,
    fitting: Fitting,
    wardrobe: Wardrobe,
    notes: dict[str, Any],
    pixels: int,
    look: frozenset[str] = frozenset(),
    hair_volume: float = 0.0,
) -> tuple[list[Mesh], frozenset[str]]:
    """Shoes, clothes, hair and hats from the wardrobe: (meshes, what of "clothes", "shoes", "hair" they are).

    Adds outfit, hair and assets to `notes`. What `look` names is left to the built-in clothes. `hair_volume`: metres
    that hair stands farther off the head; above 0 there is no hat.
    """
    sport, cap = "sport" in look, "skull_cap" in look
    out: list[Mesh] = []
    taken: set[str] = set()
    shoes = wardrobe.some(rng, "shoes") if rng.random() < (0.25 if sport else 0.6) else None
    if shoes:
        fitted = fitting.put_on(shoes, margin=0.002)
        out.append(fitted.mesh(textures.garment_texture(rng, shoes, min(pixels, 256)), 0.5))
        taken.add("shoes")
    if not sport and "tight" not in look and rng.random() < 0.6:
        meshes, notes["outfit"] = wear_outfit(rng, fitting, wardrobe, pixels)
        out += meshes
        if meshes:
            taken.add("clothes")
    tint = colors.between(rng, colors.HAIR_SRGB)
    hat = wardrobe.some(rng, "hat") if not cap and rng.random() < 0.07 and not hair_volume else None
    hair = wardrobe.some(rng, "hair") if not cap and rng.random() < 0.7 else None
    if hat:
        out.append(fitting.put_on(hat, stiff=True).mesh(textures.garment_texture(rng, hat, 128)))
        notes["hair"] = hat.name
        if hair:  # what the hat covers of it would come through
            hair = clipped(hair, hat.rest[:, 1].min() + 0.03 - hair.rest[:, 1])
    if hair:
        over = [f for f in fitting.worn if f.piece.kind in ("top", "suit")]
        fitted = fitting.put_on(hair, margin=0.003, over=over, volume=hair_volume)
        out.append(fitted.mesh(textures.hair_texture(rng, hair, tint), float(rng.uniform(0.35, 0.6))))
        notes["hair"] = hair.name
    if hat or hair:
        taken.add("hair")
    brows = wardrobe.some(rng, "brows") if rng.random() < 0.9 else None
    if brows:
        out.append(fitting.put_on(brows, stiff=True).mesh(textures.hair_texture(rng, brows, 0.7 * tint, 64)))
    names = {f.piece.name: f.piece.licence for f in fitting.worn}
    notes["assets"] += [{"name": name, "licence": names[name]} for name in sorted(names)]
    return out, frozenset(taken)


def wear_outfit(
    rng: np.random.Generator, fitting: Fitting, wardrobe: Wardrobe, pixels: int
) -> tuple[list[Mesh], str]:
    """Top and bottom of any two suits, or one suit: (meshes, outfit)."""
    posed = fitting.posed
    suit = wardrobe.some(rng, "suit") if rng.random() < 0.12 else None
    bottom, top = wardrobe.some(rng, "bottom"), wardrobe.some(rng, "top")
    pieces = [suit] if suit else [p for p in (bottom, top if rng.random() < 0.93 else None) if p]
    tucked = rng.random() < 0.2
    if tucked:
        pieces.reverse()
    out, names, below = [], [], [f for f in fitting.worn if f.piece.kind == "shoes"]
    for piece in pieces:
        hidden = piece.hidden
        if rng.random() < 0.45:
            piece, hidden = shortened(rng, piece, posed)
        loose = rng.choice([0.0, rng.uniform(0, 0.012)])
        fitted = fitting.put_on(piece, loose, over=below)
        fitted.hidden = hidden
        below.append(fitted)
        names.append(piece.kind)
        out.append(fitted.mesh(textures.garment_texture(rng, piece, pixels)))
    return out, "+".join(names) or "none"
