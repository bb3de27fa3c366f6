"""A dressed person: the body's skin and its clothes as render meshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from render_synth.mesh import Mesh
from render_synth.people import skin
from render_synth.people.anatomy import Anatomy
from render_synth.people.bodies import Person
from render_synth.people.fine_mesh import vertex_normals
from render_synth.people.garments import sample_outfit
from render_synth.people.posed import pose_anatomy


@dataclass(frozen=True)
class Dressed:
    """`worn`: clothes, shoes, hats, hair; `notes`: outfit, hair, and `assets` (name and licence of each file used)."""

    skin: Mesh
    worn: tuple[Mesh, ...]
    notes: dict[str, Any]


def dress(rng: np.random.Generator, a: Anatomy, person: Person, wardrobe: None = None) -> Dressed:
    """Random skin, hair and clothes on a posed body."""
    mesh, posed = a.mesh, pose_anatomy(a, person)
    fine, n_skin = posed.fine, posed.fine_normals
    lifted = mesh.refine(mesh.smooth(posed.normals, 4))
    lifted /= np.maximum(np.linalg.norm(lifted, axis=1, keepdims=True), 1e-9)
    pieces, outfit, hair = sample_outfit(rng, a, a.rest_normal_z, posed)
    color = skin.paint_skin(rng, a)
    body = Mesh(fine, mesh.faces, color, n_skin, rough=float(rng.uniform(0.35, 0.7)))
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
    return Dressed(body, tuple(worn), {"outfit": outfit, "hair": hair, "assets": []})
