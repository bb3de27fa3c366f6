"""Render one sample, a pure function of (options, seed, k)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.datasets.shards import FULL, ShardView
from diffproxy.proxies.interfaces import AtlasLike
from diffproxy.proxies.maps import Kind
from diffproxy.proxies.render import proxies_from_surface
from render_synth.camera_effects.camera_simulator import CameraSimulator
from render_synth.camera_effects.distortion import distort_layout, render_distorted
from render_synth.cameras import Layout, inside_frame, sample_layout
from render_synth.config import RenderConfig
from render_synth.humans.body.bodies import Person, sample_person
from render_synth.humans.body.fine_mesh import vertex_normals
from render_synth.humans.dress import Dressed, Dresser, dress
from render_synth.humans.makehuman.wardrobe import Wardrobe
from render_synth.humans.poses.pose_source import PoseSource
from render_synth.rendering import mitsuba_backend as backend
from render_synth.rendering.texture_atlas import merge_for_rendering
from render_synth.rendering.visibility import Layers, Triangles, camera_normals, coverage
from render_synth.rng import stream
from render_synth.scenes.desk import Desk, fit_desk
from render_synth.scenes.object_store import open_store
from render_synth.scenes.scene import compose_scene, far_from_rays
from render_synth.views import plan_views
from render_synth.webcams import sample_webcams

TABLE_CHANCE = 0.8  # of seated subjects: the others sit on a chair or sofa in front of the cameras
HAIR_VOLUME = (0.015, 0.07)  # metres


@dataclass(frozen=True)
class Tools:
    """What a worker loads once."""

    config: RenderConfig
    body: BodyModel
    dresser: Dresser
    bystander_dresser: Dresser  # with a coarser mesh
    wardrobe: Wardrobe | None
    poses: PoseSource
    environments: tuple[str, ...]
    software: dict[str, str]  # versions, for the meta data


def bystanders(
    tools: Tools, k: int, layout: Layout, target: np.ndarray, desk: Desk | None = None
) -> list[tuple[Person, Dressed]]:
    """Other people with their clothes, not at the subject's desk and seldom between it and a camera."""
    config, out = tools.config, []
    count = int(stream(config.seed, k, "bystanders").integers(0, config.max_bystanders + 1))
    for i in range(count):
        rng = stream(config.seed, k, f"bystander-{i}")
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 4.5)
        place = np.array([distance * np.sin(angle), 0.0, distance * np.cos(angle)])
        if desk is not None and desk.covers(place[None], 0.5)[0]:
            continue
        if far_from_rays(place[[0, 2]], layout, target, 0.8 if rng.random() < 0.85 else 0.45):
            person = sample_person(tools.body, rng, place, tools.poses, config.split, config.child_fraction)
            out.append((person, dress(rng, tools.bystander_dresser, person, tools.wardrobe, near=False)))
    return out


def render_sample(tools: Tools, k: int) -> tuple[list[ShardView], BodyParams, dict[str, Any]]:
    """Views, parameters of the subject, and meta data of sample k."""
    config, body = tools.config, tools.body

    def draw(name: str) -> np.random.Generator:
        return stream(config.seed, k, name)

    easy = bool(draw("plain").random() < config.easy_fraction)
    scene_rng = draw("scene")
    stand = float(scene_rng.uniform(0.05, 0.5)) if scene_rng.random() < 0.22 else 0.0
    spot = np.array([0, stand + 0.008, 0])
    seated = bool(draw("desk").random() < config.desk_fraction)
    phones = not seated and bool(draw("phones").random() < config.phone_fraction)
    if seated:
        stand, spot = 0.0, np.array([0, 0.008, 0])
    person = sample_person(
        body, draw("person"), spot, tools.poses, config.split, config.child_fraction, seated
    )
    low, high = person.vertices.min(0).astype(float), person.vertices.max(0).astype(float)
    desk = None
    if seated:
        desk_rng = draw("table")
        if desk_rng.random() < TABLE_CHANCE:
            desk = fit_desk(desk_rng, person.vertices, person.joints)
        layout = sample_webcams(draw("cameras"), config.views, person.vertices, person.joints, desk)
    else:
        layout = sample_layout(draw("cameras"), config.views, low, high, 7.5, "phones" if phones else "")
    layout = distort_layout(draw("lens"), layout, config.distortion_fraction)
    planned = plan_views(draw("shots"), config, layout, person)
    target = (low + high) / 2
    crowd = bystanders(tools, k, layout, target, desk)
    hair = draw("hair")
    volume = float(hair.uniform(*HAIR_VOLUME)) if hair.random() < config.big_hair_fraction else 0.0
    subject = dress(draw("outfit"), tools.dresser, person, tools.wardrobe, tight=easy, hair_volume=volume)
    axis = float(scene_rng.uniform(0, np.pi))
    store = open_store(tools.environments, config.furniture, config.backgrounds)
    scene_data = compose_scene(
        scene_rng, layout, person, [p for p, _ in crowd], store, stand, axis, easy, seated, desk
    )
    worn = merge_for_rendering(list(subject.worn))
    others = [merge_for_rendering([d.skin, *d.worn]) for _, d in crowd]
    rest = merge_for_rendering([m for person in others for m in person])  # two meshes however many people
    meshes = {"skin": subject.skin} | {f"worn{i}": m for i, m in enumerate(worn)}
    scene = backend.build_scene(
        scene_data, meshes | {f"others{i}": m for i, m in enumerate(rest)}, config.max_depth
    )
    faces = body.faces.numpy()
    layers = Layers(
        (person.vertices, faces),
        [triangles(m) for m in worn],
        [[triangles(m) for m in person] for person in others],
        [triangles(m) for m in (scene_data.objects, *scene_data.solid, *scene_data.quads)],
    )
    normals = vertex_normals(person.vertices, faces) if "normals" in config.extra_names else None
    cameras = CameraSimulator(draw, config.camera_effects, target)
    views, hands = [], 0
    for number, view in enumerate(planned):
        is_hand = view.kind not in ("body", FULL)
        if is_hand and hands >= config.hand_crops:
            continue
        seen = layers.see(view.camera)
        kind: Kind = "body" if view.kind == "full" else view.kind
        maps = proxies_from_surface(cast(AtlasLike, body.atlas), [seen.surface], [view.camera], [kind])
        labels, uv = maps.labels[0], maps.uv[0]
        if is_hand and (labels > 0).mean() < 0.06:
            continue
        hands += is_hand
        shown = inside_frame(
            view.crop, (view.camera.width, view.camera.height), (view.source.width, view.source.height)
        )
        sensor = draw(f"sensor-{number}")
        noise = int(sensor.integers(2**31))
        light = render_distorted(
            lambda c, n=noise: backend.render(scene, c, config.samples_per_pixel, seed=n), view.camera
        )
        rgb = cameras.capture(sensor, view, light, seen.mask, seen.depth) * shown[..., None]
        info = {
            "crop": list(view.crop),
            "source": [view.source.width, view.source.height],
            "camera_name": view.source.name,
        }
        extras: dict[str, np.ndarray] = {}
        if "depth" in config.extra_names:
            extras["depth"] = np.where(shown, seen.depth, np.inf)
        if normals is not None:
            extras["normals"] = camera_normals(seen.surface, faces, normals, view.camera) * shown[..., None]
        if "visibility" in config.extra_names:
            extras["visibility"] = coverage(seen.surface) * shown
        labels, uv, mask = labels * shown, uv * shown[..., None], seen.mask * shown
        views.append(ShardView(rgb, labels, uv, mask, view.camera, view.kind, info, extras))
    notes = dict(subject.notes) | ({"easy": True} if easy else {})
    used = [a for d in (subject, *(d for _, d in crowd)) for a in d.notes.get("assets", ())]
    meta: dict[str, Any] = {
        "seed": config.seed, "k": k, "body": body.name, "topology": body.topology_id, "posture": person.posture,
        "person": person.notes,
        "layout": layout.kind, "bystanders": len(crowd), "environment": scene_data.sky_file.rsplit("/", 1)[-1],
        "world": scene_data.notes, "options": config.content(), "software": dict(tools.software),
    }  # fmt: skip
    paths = ("env", "body", "motion", "assets", "furniture", "backgrounds")
    meta["options"] = {k: v for k, v in meta["options"].items() if k not in paths}
    meta |= notes | {"assets": unique_assets([*used, *scene_data.notes.get("assets", ())])}
    return views, replace_units(person.params), meta


def triangles(mesh: Any) -> Triangles:
    """What rays need of a mesh or a quad."""
    return mesh.vertices, mesh.faces


def unique_assets(used: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each file once, by name."""
    return [dict(a) for a in sorted({tuple(sorted(a.items())) for a in used})]


def replace_units(params: BodyParams) -> BodyParams:
    """The parameters as stored: float32 on the CPU."""
    return replace(params, **{f: getattr(params, f).float().cpu() for f in params.__dataclass_fields__})
