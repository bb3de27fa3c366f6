"""Dress a posed body: skin, clothes and hair as meshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from diffproxy.body import BodyModel
from diffproxy.geometry.meshes import vertex_normals
from render_synth.humans.body import skin
from render_synth.humans.body.anatomy import Anatomy, build_anatomy
from render_synth.humans.body.bodies import Person
from render_synth.humans.body.posed import Posed, pose_anatomy
from render_synth.humans.garments.outfits import sample_outfit
from render_synth.humans.garments.tailored import GarmentTools, build_garment_tools
from render_synth.humans.look import LOOKS, Look
from render_synth.humans.makehuman.dressing import DressedBody, sample_clothing
from render_synth.humans.makehuman.skin_meshes import skin_meshes
from render_synth.humans.makehuman.wardrobe import Wardrobe
from render_synth.rendering.mesh import Mesh


@dataclass(frozen=True)
class Dresser:
    """Everything about a body that dressing needs; the same for all people."""

    anatomy: Anatomy
    garments: GarmentTools


def build_dresser(body: BodyModel, max_edge: float = 0.010, cloth: str = "none") -> Dresser:
    """A dresser for a body; clothes are painted on a mesh with edges of at most `max_edge` metres."""
    anatomy = build_anatomy(body, max_edge)
    return Dresser(anatomy, build_garment_tools(anatomy, cloth))


@dataclass(frozen=True)
class Dressed:
    """`worn`: clothes, shoes, hats, hair; `notes`: outfit, hair, and `assets` (name and licence of each file used)."""

    skin: Mesh
    worn: tuple[Mesh, ...]
    notes: dict[str, Any]


def dress(
    rng: np.random.Generator,
    dresser: Dresser,
    person: Person,
    wardrobe: Wardrobe | None,
    near: bool = True,
    tight: bool = False,
    hair_volume: float = 0.0,
) -> Dressed:
    """Random skin, hair and clothes on a posed body; from `wardrobe` most of the time, where there is one.

    `near=False` takes smaller images, for bystanders; give them a coarser `dresser`, too. With `tight` clothes are
    layers on the body's surface, whatever else there is. `hair_volume`: metres that scalp hair stands farther off the
    head than usual; above 0 nobody is bald or wears a hat.
    """
    posed = pose_anatomy(dresser.anatomy, person)
    notes: dict[str, Any] = {"outfit": "", "hair": "", "assets": []}
    words = frozenset(name for name, chance in LOOKS.items() if rng.random() < chance)
    words |= {"tight"} if tight else set()
    if hair_volume:
        words -= {"skull_cap"}
        notes["hair_volume"] = round(hair_volume, 3)
    look = Look(words, hair_volume)
    if wardrobe is None:
        return Dressed(*paint_person(rng, posed, dresser.garments, frozenset(), None, notes, look), notes)
    dressed = DressedBody.of(posed, person.params.betas[0].double().numpy())
    meshes, taken = sample_clothing(rng, dressed, wardrobe, notes, 512 if near else 128, look)
    chosen = wardrobe.skins[int(rng.integers(len(wardrobe.skins)))] if wardrobe.skins else None
    if chosen is None or rng.random() < 0.3:
        body, layers = paint_person(rng, posed, dresser.garments, taken, dressed.hidden(), notes, look)
    else:
        _, layers = paint_person(rng, posed, dresser.garments, taken, None, notes, look, bare=False)
        body, eyes = skin_meshes(rng, wardrobe.skin_mesh, chosen, posed, dressed.hidden(), 1 if near else 4)
        layers = (*layers, eyes)
        notes["assets"].append({"name": chosen.name, "licence": chosen.licence})
    return Dressed(body, (*meshes, *layers), notes)


def paint_person(
    rng: np.random.Generator,
    posed: Posed,
    tools: GarmentTools,
    without: frozenset[str],
    hidden: Bool[np.ndarray, " Nc"] | None,
    notes: dict[str, Any],
    look: Look,
    bare: bool = True,
) -> tuple[Mesh, tuple[Mesh, ...]]:
    """Skin and clothes made on the body's own surface; `hidden` body vertices are left out of the skin."""
    a, mesh = posed.a, posed.a.mesh
    fine, n_skin = posed.fine, posed.fine_normals
    lifted = posed.lift_normals
    pieces, outfit, hair = sample_outfit(rng, posed, tools, without, look)
    notes["outfit"], notes["hair"] = notes["outfit"] or outfit, notes["hair"] or hair
    faces = mesh.faces
    if hidden is not None and hidden.any():
        under = mesh.refine(hidden[:, None].astype(np.float32))[:, 0] > 0.999
        faces = faces[~under[faces].all(1)]
    color = skin.paint_skin(rng, a) if bare else np.ones_like(fine)
    body = Mesh(fine, faces, color, n_skin, rough=float(rng.uniform(0.35, 0.7)))
    worn = []
    for g in pieces:
        if isinstance(g, Mesh):
            worn.append(g)
            continue
        keep = g.mask[mesh.faces].all(1)
        used, inverse = np.unique(mesh.faces[keep], return_inverse=True)
        if len(used):
            v = fine[used] + g.lift[used, None] * lifted[used]
            f = inverse.reshape(-1, 3)
            worn.append(Mesh(v.astype(np.float32), f, g.color[used], vertex_normals(v, f)))
    return body, tuple(worn)
