"""One sample: a pure function of (options, seed, k)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.data.shards import FULL, ShardView
from diffproxy.proxies.interfaces import AtlasLike
from diffproxy.proxies.maps import Kind
from diffproxy.proxies.render import proxies_from_surface
from diffproxy.proxies.surface import render_surface
from render_synth.cameras import Box, Layout, inside_frame, sample_crop, sample_layout, visible_box
from render_synth.config import RenderConfig
from render_synth.mesh import for_renderer
from render_synth.people.anatomy import Anatomy
from render_synth.people.bodies import Person, sample_person
from render_synth.people.dress import Dressed, dress
from render_synth.picture import mitsuba_backend as backend
from render_synth.picture.visibility import Visibility
from render_synth.scenes.world import build_world, far_from_rays, grade
from render_synth.streams import stream

HAND_JOINTS: dict[Kind, list[int]] = {"left_hand": [20, *range(25, 40)], "right_hand": [21, *range(40, 55)]}


@dataclass(frozen=True)
class Tools:
    """What a worker loads once."""

    config: RenderConfig
    body: BodyModel
    anatomy: Anatomy
    bank: Any
    environments: tuple[str, ...]


@dataclass(frozen=True)
class Shot:
    """One picture to take: the crop's camera and what it shows."""

    camera: Camera
    kind: Kind | Literal["full"]
    crop: Box
    source: Camera


def plan_shots(rng: np.random.Generator, config: RenderConfig, layout: Layout, person: Person) -> list[Shot]:
    """Body crops of every camera, whole frames of the first ones, and hand crops."""
    shots, frames, hands = [], [], []
    for number, camera in enumerate(layout.cameras):
        box = visible_box(camera, person.vertices)
        if box is None:  # not a view of this subject: the sampler keeps this rare
            continue
        crop = sample_crop(rng, box)
        shots.append(Shot(camera.crop(crop, (config.size, config.size)), "body", crop, camera))
        if number < config.full:
            long = max(camera.width, camera.height)
            w, h = (max(round(config.size * s / long), 8) for s in (camera.width, camera.height))
            whole = (0.0, 0.0, float(camera.width), float(camera.height))
            # Rows and columns must scale alike, else pixels are not square: crop to the rounded aspect.
            scale = min(camera.width / w, camera.height / h)
            whole = (0.0, 0.0, w * scale, h * scale)
            frames.append(Shot(camera.crop(whole, (w, h)), "full", whole, camera))
        for kind, joints in HAND_JOINTS.items():
            uv = camera.project(person.joints[joints])
            if np.isfinite(uv).all() and (uv > 0).all() and (uv < [camera.width, camera.height]).all():
                side = max(float(np.ptp(uv, axis=0).max()), 12.0) * rng.uniform(1.5, 2.3)
                cx, cy = uv.mean(0) + rng.normal(0, 0.06, 2) * side
                crop = (cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2)
                size = config.hand_size or config.size
                hands.append(Shot(camera.crop(crop, (size, size)), kind, crop, camera))
    order = rng.permutation(len(hands))
    spare = 3 if config.hand_crops else 0  # some hands turn out to be hidden
    return shots + frames + [hands[i] for i in order[: config.hand_crops + spare]]


def bystanders(tools: Tools, k: int, layout: Layout, target: np.ndarray) -> list[tuple[Person, Dressed]]:
    """Other people with their clothes, never in front of the subject by more than chance."""
    config, out = tools.config, []
    count = int(stream(config.seed, k, "bystanders").integers(0, config.people + 1))
    for i in range(count):
        rng = stream(config.seed, k, f"bystander-{i}")
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 4.5)
        place = np.array([distance * np.sin(angle), 0.0, distance * np.cos(angle)])
        if far_from_rays(place[[0, 2]], layout, target, 0.8 if rng.random() < 0.85 else 0.45):
            person = sample_person(tools.body, rng, place, tools.bank, config.split)
            out.append((person, dress(rng, tools.anatomy, person)))
    return out


def render_sample(tools: Tools, k: int) -> tuple[list[ShardView], BodyParams, dict[str, Any]]:
    """Views, parameters of the subject, and meta data of sample k."""
    config, body = tools.config, tools.body

    def draw(name: str) -> np.random.Generator:
        return stream(config.seed, k, name)

    scene_rng = draw("scene")
    stand = float(scene_rng.uniform(0.05, 0.5)) if scene_rng.random() < 0.15 else 0.0
    person = sample_person(body, draw("person"), np.array([0, stand + 0.008, 0]), tools.bank, config.split)
    low, high = person.vertices.min(0).astype(float), person.vertices.max(0).astype(float)
    layout = sample_layout(draw("cameras"), config.views, low, high, 7.5)
    shots = plan_shots(draw("shots"), config, layout, person)
    target = (low + high) / 2
    crowd = bystanders(tools, k, layout, target)
    subject = dress(draw("outfit"), tools.anatomy, person)
    axis = float(scene_rng.uniform(0, np.pi))
    world = build_world(scene_rng, layout, target, list(tools.environments), stand, axis)
    worn = for_renderer(list(subject.worn))
    rest = for_renderer([m for _, d in crowd for m in (d.skin, *d.worn)])
    meshes = {"skin": subject.skin} | {f"worn{i}": m for i, m in enumerate(worn)}
    scene = backend.build_scene(world, meshes | {f"others{i}": m for i, m in enumerate(rest)}, config.depth)
    faces = body.faces.numpy()
    near = [(m.vertices, m.faces) for m in rest] + [(p.vertices, faces) for p, _ in crowd]
    things = [(world.things.vertices, world.things.faces)]
    visibility = Visibility([(person.vertices, faces), *((m.vertices, m.faces) for m in worn)], near, things)
    surfaces = render_surface(person.vertices, faces, [s.camera for s in shots], occluders=near + things)
    views, hands = [], 0
    for number, (shot, surface) in enumerate(zip(shots, surfaces, strict=True)):
        is_hand = shot.kind not in ("body", FULL)
        if is_hand and hands >= config.hand_crops:
            continue
        kind: Kind = "body" if shot.kind == "full" else shot.kind
        maps = proxies_from_surface(cast(AtlasLike, body.atlas), [surface], [shot.camera], [kind])
        labels, uv = maps.labels[0], maps.uv[0]
        if is_hand and (labels > 0).mean() < 0.06:
            continue
        hands += is_hand
        shown = inside_frame(
            shot.crop, (shot.camera.width, shot.camera.height), (shot.source.width, shot.source.height)
        )
        sensor = draw(f"sensor-{number}")
        rgb = backend.render(scene, shot.camera, config.spp, seed=int(sensor.integers(2**31)))
        rgb = np.round(grade(sensor, rgb) * 255).astype(np.uint8) * shown[..., None]
        mask = visibility.mask(shot.camera) * shown
        info = {
            "crop": list(shot.crop),
            "source": [shot.source.width, shot.source.height],
            "camera_name": shot.source.name,
        }
        views.append(
            ShardView(rgb, labels * shown, uv * shown[..., None], mask, shot.camera, shot.kind, info)
        )
    meta: dict[str, Any] = {
        "seed": config.seed, "k": k, "body": body.name, "topology": body.topology_id, "posture": person.posture,
        "layout": layout.kind, **subject.notes, "bystanders": len(crowd),
        "environment": world.sky_file.rsplit("/", 1)[-1], "world": world.notes, "options": config.content(),
    }  # fmt: skip
    meta["options"] = {k: v for k, v in meta["options"].items() if k not in ("env", "body")}
    return views, replace_units(person.params), meta


def replace_units(params: BodyParams) -> BodyParams:
    """The parameters as stored: float32 on the CPU."""
    return replace(params, **{f: getattr(params, f).float().cpu() for f in params.__dataclass_fields__})
