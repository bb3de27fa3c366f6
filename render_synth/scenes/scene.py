"""Compose a scene: room or field, objects and light, as plain arrays for the renderer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from render_synth.scenes.mesh_parts import Lamp, Panel, SceneData
from render_synth.scenes.object_store import Store
from render_synth.scenes.placement import Ground, furnish
from render_synth.scenes.primitives import Solids
from render_synth.subject import Subject

Rng = np.random.Generator


@dataclass(frozen=True)
class _Extent:
    """How large a scene is, metres."""

    indoors: bool
    reach: Float[np.ndarray, "2"]
    """Farthest camera from the origin along x and along z."""
    half: tuple[float, float]
    """Half the room along x and along z."""
    tall: float
    top: float
    """Height of the highest camera; lamps hang above."""

    @staticmethod
    def sample(rng: Rng, subject: Subject) -> _Extent:
        """A place around all cameras."""
        centers = np.stack([c.center_world for c in subject.layout.cameras])
        reach = np.abs(centers[:, [0, 2]]).max(0)
        top = max(float(centers[:, 1].max()), float(subject.bounds[1][1]) - 0.4)
        indoors = bool(rng.random() < 0.72) or subject.seated
        half = (
            float(max(reach[0], 1.2) + rng.uniform(0.3, 2.5)),
            float(max(reach[1], 1.2) + rng.uniform(0.3, 2.5)),
        )
        return _Extent(indoors, reach, half, max(rng.uniform(2.4, 4.5), top + 0.6), top)

    @property
    def limit(self) -> tuple[float, float]:
        """Half the area in which objects stand."""
        return self.half if self.indoors else (float(self.reach[0] + 3.5), float(self.reach[1] + 3.5))


def compose_scene(subject: Subject, crowd: list[Person], store: Store, axis: float) -> SceneData:
    """A scene around a subject and the other people of `crowd`; `axis`: direction of the platform, radians.

    A seated subject is in a room and gets a seat, and a table if it has one. An easy scene has few objects, none in
    the subject's hands and none before a camera.
    """
    rng = subject.scene_rng
    extent = _Extent.sample(rng, subject)
    solids, pieces = Solids(), Furniture()
    if extent.indoors:
        place = rooms.indoor(rng, extent.half, extent.tall, solids, store.images)
    else:
        place = rooms.outdoor(rng, float(extent.reach.max()), store.images)
    people = [subject.person, *crowd]
    ground = Ground(subject.layout, subject.center, [p.vertices for p in people])
    notes: dict[str, Any] = {"indoors": extent.indoors, "ceiling": place.ceiling}
    notes |= _under_the_subject(rng, subject, solids, ground, axis)
    for other in crowd:
        equipment.seat(solids, rng, other.vertices, other.joints, 0.0)
    notes |= _objects(rng, subject, extent, store, solids, ground, pieces)
    lamps = [*place.lamps, *_spots(rng, place.ceiling, extent)]
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
        sun=lights.draw_sun(rng, extent.indoors),
    )


def _under_the_subject(
    rng: Rng, subject: Subject, solids: Solids, ground: Ground, axis: float
) -> dict[str, Any]:
    """What it stands or sits on, and its table; returns notes."""
    person, desk = subject.person, subject.desk
    notes: dict[str, Any] = {}
    if subject.platform > 0:
        notes["stand"] = "deck" if rng.random() < 0.6 else "beam"
        (equipment.deck if notes["stand"] == "deck" else clutter.beam)(solids, rng, subject.platform, axis)
    elif (rng.random() < 0.8 or subject.seated) and equipment.seat(
        solids, rng, person.vertices, person.joints, 0.0
    ):
        notes["seat"] = True
    if desk is not None:
        build_desk(solids, rng, desk, subject.layout, person.vertices)
        ground.take(desk.center, 0.5 * float(np.hypot(desk.width, desk.depth)))
        notes["desk"] = {"height": round(desk.height, 3), "width": round(desk.width, 3)}
    return notes


def _objects(
    rng: Rng,
    subject: Subject,
    extent: _Extent,
    store: Store,
    solids: Solids,
    ground: Ground,
    pieces: Furniture,
) -> dict[str, Any]:
    """Objects in the hands and around the subject; returns notes."""
    person, easy, layout = subject.person, subject.easy, subject.layout
    notes: dict[str, Any] = {}
    if not easy:
        if rng.random() < 0.07 and not subject.seated:
            notes["table"] = equipment.table_before(solids, rng, ground, person.vertices, 0.0)
        notes["held"] = held.hold(solids, rng, person.joints) + _held_item(rng, store, person, pieces)
    items = list(store.items)
    if items and rng.random() < (0.3 if easy else 0.85):
        furnish(rng, items, ground, extent.limit, extent.indoors, pieces)
    fewest, most = (0, 4) if easy else (2, 14)
    clutter.scatter(solids, rng, ground, extent.limit, extent.indoors, int(rng.integers(fewest, most + 1)))
    if rng.random() < 0.2:
        equipment.mats(solids, rng, ground, float(extent.reach.max()))
    if not easy and not subject.seated and layout.kind != "close":  # nothing fits before such a camera
        _in_the_way(rng, solids, layout, ground, subject.center)
    return notes


def _spots(rng: Rng, ceiling: bool, extent: _Extent) -> list[Lamp | Panel]:
    """Lamps of their own; few beside the panels of a ceiling, at least one in a room without."""
    if not ceiling:
        count = int(rng.integers(1 if extent.indoors else 0, 4))
        return lights.spots(rng, count, extent.half, extent.tall, extent.top + 0.8)
    if rng.random() < 0.3:
        return lights.spots(rng, 1, extent.half, extent.tall, extent.top + 0.3)
    return []


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
