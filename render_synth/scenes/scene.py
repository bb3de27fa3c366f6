"""Compose a scene: room or field, objects and light, as plain arrays for the renderer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth.cameras import Layout
from render_synth.humans.body.bodies import Person
from render_synth.rendering.mesh import Mesh
from render_synth.scenes import capture_equipment as equipment
from render_synth.scenes import clutter, furniture, lights, rooms, textures
from render_synth.scenes import held_objects as held
from render_synth.scenes.desk import build_desk
from render_synth.scenes.fixed_counts import pad_lamps, pad_quads
from render_synth.scenes.furniture import Furniture
from render_synth.scenes.mesh_parts import Lamp, Panel, Quad, SceneData, Sun
from render_synth.scenes.object_store import Store
from render_synth.scenes.placement import Ground, far_from_rays, furnish
from render_synth.scenes.primitives import Solids
from render_synth.subject import Subject

Rng = np.random.Generator


def compose_scene(subject: Subject, crowd: list[Person], store: Store, axis: float) -> SceneData:
    """A scene around a subject and the other people of `crowd`; `axis`: direction of the platform, radians.

    A seated subject is in a room and gets a seat, and a table if it has one. An easy scene has few objects, none in
    the subject's hands and none before a camera.
    """
    rng, layout, person = subject.scene_rng, subject.layout, subject.person
    easy, seated, desk = subject.easy, subject.seated, subject.desk
    target, top_of_head = subject.center, float(subject.bounds[1][1])
    reach = np.abs(np.stack([c.center_world for c in layout.cameras])[:, [0, 2]]).max(0)
    top = max(max(float(c.center_world[1]) for c in layout.cameras), top_of_head - 0.4)
    indoors = bool(rng.random() < 0.72) or seated
    half = (
        float(max(reach[0], 1.2) + rng.uniform(0.3, 2.5)),
        float(max(reach[1], 1.2) + rng.uniform(0.3, 2.5)),
    )
    limit = half if indoors else (float(reach[0] + 3.5), float(reach[1] + 3.5))
    tall = max(rng.uniform(2.4, 4.5), top + 0.6)
    solids, pieces = Solids(), Furniture()
    if indoors:
        place = rooms.indoor(rng, half, tall, solids, store.images)
    else:
        place = rooms.outdoor(rng, float(reach.max()), store.images)
    ground = Ground(layout, target, [person.vertices, *(p.vertices for p in crowd)])
    notes: dict = {"indoors": indoors, "ceiling": place.ceiling}
    if subject.platform > 0:
        notes["stand"] = "deck" if rng.random() < 0.6 else "beam"
        (equipment.deck if notes["stand"] == "deck" else clutter.beam)(solids, rng, subject.platform, axis)
    elif (rng.random() < 0.8 or seated) and equipment.seat(solids, rng, person.vertices, person.joints, 0.0):
        notes["seat"] = True
    if desk is not None:
        build_desk(solids, rng, desk, layout, person.vertices)
        ground.take(desk.center, 0.5 * float(np.hypot(desk.width, desk.depth)))
        notes["desk"] = {"height": round(desk.height, 3), "width": round(desk.width, 3)}
    for other in crowd:
        equipment.seat(solids, rng, other.vertices, other.joints, 0.0)
    if not easy:
        if rng.random() < 0.07 and not seated:
            notes["table"] = equipment.table_before(solids, rng, ground, person.vertices, 0.0)
        notes["held"] = held.hold(solids, rng, person.joints) + _held_item(rng, store, person, pieces)
    items = list(store.items)
    if items and rng.random() < (0.3 if easy else 0.85):
        furnish(rng, items, ground, limit, indoors, pieces)
    fewest, most = (0, 4) if easy else (2, 14)
    clutter.scatter(solids, rng, ground, limit, indoors, int(rng.integers(fewest, most + 1)))
    if rng.random() < 0.2:
        equipment.mats(solids, rng, ground, float(reach.max()))
    if not easy and not seated and layout.kind != "close":  # nothing fits between a person and such a camera
        _in_the_way(rng, solids, layout, ground, target)
    lamps = list(place.lamps)
    if not place.ceiling:
        lamps += lights.spots(rng, int(rng.integers(1 if indoors else 0, 4)), half, tall, top + 0.8)
    elif rng.random() < 0.3:
        lamps += lights.spots(rng, 1, half, tall, top + 0.3)
    use_file = bool(store.environments) and rng.random() < 0.75
    notes |= {"lamps": len(lamps), "furniture": len(pieces.placed), "assets": pieces.assets()}
    return SceneData(
        quads=pad_quads(place.quads),
        objects=Mesh(*solids.merged()),
        lamps=pad_lamps(lamps),
        sky=None if use_file else textures.sky(rng),
        sky_file=str(rng.choice(store.environments)) if use_file else "",
        sky_turn=float(rng.uniform(0, 2 * np.pi)),
        sky_gain=float(np.exp(rng.uniform(np.log(0.12), np.log(1.3)))),
        notes=notes,
        furniture=pieces.mesh(),
        sun=lights.draw_sun(rng, indoors),
    )


def _in_the_way(
    rng: Rng, solids: Solids, layout: Layout, ground: Ground, target: Float[np.ndarray, "3"]
) -> None:
    """Objects between cameras and subject; ropes and wires."""
    for camera in layout.cameras:
        while rng.random() < 0.11:
            clutter.occluder(solids, rng, camera.center_world, target)
    while rng.random() < 0.12:
        equipment.strands(solids, rng, ground)


def _held_item(rng: Rng, store: Store, person: Person, pieces: Furniture) -> list[str]:
    """With probability 0.08 a small object of the catalogue in a hand, gripped at its middle."""
    small = furniture.small_items(list(store.items))
    if not small or rng.random() > 0.08:
        return []
    item = small[int(rng.integers(len(small)))]
    turn, grip = held.hand_frame(np.asarray(person.joints, np.float64), str(rng.choice(["left", "right"])))
    size = np.array(item.size)
    # Its height along the hand's first axis: cups and bottles stand in the fist.
    along = turn @ np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]])
    origin = grip - along @ np.array([0, size[1] / 2, 0]) + turn[:, 2] * size[2] / 2
    return [item.name] if pieces.add(item, along, origin, np.ones(3)) is not None else []


__all__ = ["Lamp", "Panel", "Quad", "SceneData", "Sun", "compose_scene", "far_from_rays"]
