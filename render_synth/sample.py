"""Render one sample, a pure function of (options, seed, k): subject -> scene -> views -> sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyParams
from diffproxy.datasets.shards import FULL, ShardView, params_to_json
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.proxies.interfaces import AtlasLike
from diffproxy.proxies.maps import Kind
from diffproxy.proxies.render import proxies_from_surface
from render_synth.bystanders import sample_bystanders
from render_synth.camera_effects.camera_simulator import CameraSimulator
from render_synth.camera_effects.distortion import render_distorted
from render_synth.cameras import inside_frame
from render_synth.humans.body.bodies import Person
from render_synth.humans.dress import Dressed
from render_synth.rendering import mitsuba_backend as backend
from render_synth.rendering.texture_atlas import merge_for_rendering
from render_synth.rendering.visibility import Layers, Triangles, camera_normals, coverage, shares_seen
from render_synth.scenes.mesh_parts import SceneData
from render_synth.scenes.object_store import open_store
from render_synth.scenes.scene import compose_scene
from render_synth.subject import Subject, Tools, dress_subject, plan_subject
from render_synth.views import PlannedView

MIN_HAND_SHARE = 0.06  # of the pixels of a hand crop that show the hand
PATH_OPTIONS = ("env", "body", "motion", "assets", "furniture", "backgrounds")  # not part of the meta data


@dataclass(frozen=True)
class SampleScene:
    """Everything around the cameras of a sample, ready to be rendered."""

    subject: Subject
    dressed: Dressed
    bystanders: list[tuple[Person, Dressed]]
    data: SceneData
    mitsuba: backend.Scene
    layers: Layers
    normals: Float[np.ndarray, "Nv 3"] | None  # of the bare body, if the option `extras` asks for them


def render_sample(tools: Tools, k: int) -> tuple[list[ShardView], BodyParams, dict[str, Any]]:
    """Render sample `k` of a run.

    Args:
        tools: Loaded data of a worker process, from `render_synth.run.load_tools`.
        k: Number of the sample, from 0. The same options, seed and `k` give the same bytes.

    Returns:
        The views (body crops, whole frames, hand crops), the SMPL-X parameters of the subject (batch of one), and the
        meta data that a shard stores.
    """
    subject = plan_subject(tools, k)
    scene = build_sample_scene(tools, subject)
    views = render_views(tools, scene)
    params = subject.person.params
    stored = replace(params, **{f: getattr(params, f).float().cpu() for f in params.__dataclass_fields__})
    return views, stored, meta_data(tools, scene)


def build_sample_scene(tools: Tools, subject: Subject) -> SampleScene:
    """Dress the subject, add bystanders and surroundings, and hand all of it to the renderer."""
    config, person = tools.config, subject.person
    bystanders = sample_bystanders(tools, subject)
    dressed = dress_subject(tools, subject)
    axis = float(subject.scene_rng.uniform(0, np.pi))
    store = open_store(tools.environments, config.furniture, config.backgrounds)
    data = compose_scene(subject, [p for p, _ in bystanders], store, axis)
    worn = merge_for_rendering(list(dressed.worn))
    others = [merge_for_rendering([d.skin, *d.worn]) for _, d in bystanders]
    crowd = merge_for_rendering([m for other in others for m in other])  # two meshes however many people
    meshes = {"skin": dressed.skin} | {f"worn{i}": m for i, m in enumerate(worn)}
    meshes |= {f"others{i}": m for i, m in enumerate(crowd)}
    faces = tools.body.faces.numpy()
    layers = Layers(
        (person.vertices, faces),
        [triangles(m) for m in worn],
        [[triangles(m) for m in other] for other in others],
        [triangles(m) for m in (data.objects, *data.solid, *data.quads)],
    )
    normals = vertex_normals(person.vertices, faces) if "normals" in config.extra_names else None
    mitsuba = backend.build_scene(data, meshes, config.max_depth)
    return SampleScene(subject, dressed, bystanders, data, mitsuba, layers, normals)


def render_views(tools: Tools, scene: SampleScene) -> list[ShardView]:
    """All planned views; of the hand crops the first `hand_crops` in which the hand is visible."""
    subject, config = scene.subject, tools.config
    cameras = CameraSimulator(lambda name: tools.rng(subject.k, name), config.camera_effects, subject.center)
    views: list[ShardView] = []
    hands = 0
    for number, planned in enumerate(subject.views):
        is_hand = planned.kind not in ("body", FULL)
        if is_hand and hands >= config.hand_crops:
            continue
        view = _render_view(tools, scene, cameras, number, planned)
        if view is not None:
            views.append(view)
            hands += is_hand
    return views


def _render_view(
    tools: Tools, scene: SampleScene, cameras: CameraSimulator, number: int, planned: PlannedView
) -> ShardView | None:
    """Labels, UV, mask, image and extras of one view; None for a hand crop that hardly shows a hand."""
    config, camera, source = tools.config, planned.camera, planned.source
    seen = scene.layers.see(camera)
    kind: Kind = "body" if planned.kind == FULL else cast(Kind, planned.kind)
    maps = proxies_from_surface(cast(AtlasLike, tools.body.atlas), [seen.surface], [camera], [kind])
    labels, uv = maps.labels[0], maps.uv[0]
    if kind != "body" and (labels > 0).mean() < MIN_HAND_SHARE:
        return None
    shown = inside_frame(planned.crop, (camera.width, camera.height), (source.width, source.height))
    rng = tools.rng(scene.subject.k, f"sensor-{number}")
    seed = int(rng.integers(2**31))
    light = render_distorted(
        lambda pinhole: backend.render(scene.mitsuba, pinhole, config.samples_per_pixel, seed=seed), camera
    )
    rgb = cameras.capture(rng, planned, light, seen.mask, seen.depth) * shown[..., None]
    extras: dict[str, np.ndarray] = {}
    if "depth" in config.extra_names:
        extras["depth"] = np.where(shown, seen.depth, np.inf)
    if scene.normals is not None:
        faces = tools.body.faces.numpy()
        extras["normals"] = camera_normals(seen.surface, faces, scene.normals, camera) * shown[..., None]
    if "visibility" in config.extra_names:
        extras["visibility"] = coverage(seen.surface) * shown
    info: dict[str, Any] = {
        "crop": list(planned.crop),
        "source": [source.width, source.height],
        "camera_name": source.name,
    }
    if planned.kind == FULL:
        people = (scene.subject.person, *(p for p, _ in scene.bystanders))
        visible, in_frame = shares_seen(scene.layers, seen.mask, camera, [p.joints for p in people])
        info["people"] = [
            {"visible": round(a, 4), "in_frame": round(b, 4)} for a, b in zip(visible, in_frame, strict=True)
        ]
    labels, uv, mask = labels * shown, uv * shown[..., None], seen.mask * shown
    return ShardView(rgb, labels, uv, mask, camera, planned.kind, info, extras)


def meta_data(tools: Tools, scene: SampleScene) -> dict[str, Any]:
    """The meta data of a sample that do not belong to one view; docs/render_synth.md lists the keys."""
    subject, data, body = scene.subject, scene.data, tools.body
    options = {name: v for name, v in tools.config.content().items() if name not in PATH_OPTIONS}
    people = (scene.dressed, *(d for _, d in scene.bystanders))
    used = [a for d in people for a in d.notes.get("assets", ())]
    meta: dict[str, Any] = {
        "seed": tools.config.seed, "k": subject.k, "body": body.name, "topology": body.topology_id,
        "posture": subject.person.posture, "person": subject.person.notes, "layout": subject.layout.kind,
        "bystanders": len(scene.bystanders), "others": [params_to_json(p.params) for p, _ in scene.bystanders],
        "environment": data.sky_file.rsplit("/", 1)[-1],
        "world": data.notes, "options": options, "software": dict(tools.software),
    }  # fmt: skip
    meta |= dict(scene.dressed.notes) | ({"easy": True} if subject.easy else {})
    meta |= {"group": True} if subject.group else {}
    return meta | {"assets": unique_assets([*used, *data.notes.get("assets", ())])}


def triangles(mesh: Any) -> Triangles:
    """Vertices and faces of a mesh or a rectangle."""
    return mesh.vertices, mesh.faces


def unique_assets(used: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each file once, sorted by name."""
    return [dict(a) for a in sorted({tuple(sorted(a.items())) for a in used})]
