"""From people with SMPL-X parameters and images to shards: crops, and proxies rendered from the parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from tqdm import tqdm

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.body.smpl_family import PosedBodies, SmplFamilyBody, find_model, load_smpl_family
from diffproxy.cameras import Camera
from diffproxy.conversion.options import ConversionOptions
from diffproxy.conversion.people import POSE, Person, Subject
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardView
from diffproxy.geometry.boxes import Box, expand_to_square
from diffproxy.pipeline.crop_refinement import crop_image
from diffproxy.proxies import render_proxies
from diffproxy.proxies.maps import Kind
from diffproxy.proxies.render import Renderer
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import make_folder

MARGIN = 1.25  # of the square around the body's projection
HAND_MARGIN = 1.9  # of the square around the hand's joints
HANDS: dict[Kind, list[int]] = {"left_hand": [20, *range(25, 40)], "right_hand": [21, *range(40, 55)]}
LEAST = 0.01  # of a crop's pixels that show the person; fewer make no view


@dataclass
class Models:
    """The SMPL-X models of the genders, read once, with the charts of `body`."""

    folder: str
    body: BodyModel
    gender: str = ""
    loaded: dict[str, SmplFamilyBody] = field(default_factory=dict)

    def of(self, person: Person) -> SmplFamilyBody:
        """The model of this person. InputError if its mesh is not that of the charts."""
        gender = self.gender or person.gender
        if gender not in self.loaded:
            model = load_smpl_family(find_model(self.folder, "smplx", gender))
            if model.faces.shape != self.body.faces.shape or (model.faces != self.body.faces.numpy()).any():
                found = (
                    f"{len(model.faces)} faces of {model.name}, {len(self.body.faces)} of {self.body.name}"
                )
                raise InputError(
                    "SMPL-X models of the mesh that body=FILE has", found, "give both of one version"
                )
            self.loaded[gender] = model
        return self.loaded[gender]

    def pose(self, person: Person) -> PosedBodies:
        return self.of(person).pose(
            self.flat_pose(person)[None], person.betas[None], person.transl[None], person.expression[None]
        )

    def flat_pose(self, person: Person) -> Float[np.ndarray, " 165"]:
        """The pose with hands relative to the flat hand."""
        pose = person.full_pose.copy()
        if person.mean_hands:
            for side in ("left", "right"):
                pose[POSE[f"{side}_hand_pose"]] += self.of(person).mean_hand(side)
        return pose


def convert(options: ConversionOptions) -> int:
    """Write all subjects as shards; returns how many there are.

    Raises:
        InputError: missing or inconsistent files, nobody whom an image shows, or a folder with shards in it.
    """
    out = Path(options.out).expanduser()
    if list(out.glob("*.tar")):
        raise InputError("a folder without shards", f"out={out} with some", "choose another out=")
    make_folder(out)
    body = load_body(options.body)
    models = Models(options.models, body, options.gender)
    subjects = import_module(f"diffproxy.conversion.{options.format}").read(options)
    subjects = islice(subjects, options.limit or None)
    count, written = 0, []
    for number, shard in enumerate(_in_groups(iter(tqdm(subjects, unit="subject")), options.per_shard)):
        written.append(out / f"{options.format}-{number:06d}.tar")
        with ShardWriter(written[-1]) as writer:
            for subject in shard:
                count += _write(writer, subject, models, options)
    if not count:
        for path in written:  # nobody is in them
            path.unlink()
        fix = "check that cameras and people of the labels are in metres, in one world"
        raise InputError(f"people whom the images of {options.path} show", "nobody", fix)
    return count


def _in_groups(subjects: Iterator[Subject], size: int) -> Iterator[list[Subject]]:
    while group := list(islice(subjects, size)):
        yield group


def _write(writer: ShardWriter, subject: Subject, models: Models, options: ConversionOptions) -> bool:
    views = subject_views(subject, models, options)
    if views:
        meta = {
            "topology": models.body.topology_id,
            "body": models.body.name,
            "source": options.format,
            "gender": models.gender or subject.person.gender,
            "mask": "labelled skin; clothes and what no parameters describe are not known",
        }
        writer.add(subject.key, views, params_of(subject.person, models), meta)
    return bool(views)


def params_of(person: Person, models: Models) -> BodyParams:
    """As our body has them: ten betas, of the person's own model."""
    pose, rest = models.flat_pose(person), BodyParams.rest(1)
    changes = {name: pose[part] for name, part in POSE.items()}
    betas = np.zeros(10)
    betas[: min(10, len(person.betas))] = person.betas[:10]
    changes |= {"betas": betas, "transl": person.transl, "expression": person.expression}
    return rest.replace(**{k: torch.from_numpy(v).float()[None] for k, v in changes.items()})


def subject_views(subject: Subject, models: Models, options: ConversionOptions) -> list[ShardView]:
    """A body crop of each image, and crops of the hands that it shows."""
    posed = models.pose(subject.person)
    vertices, joints = posed.vertices[0], posed.joints[0]
    faces = models.body.faces.numpy()
    others = [(models.pose(p).vertices[0], faces) for p in subject.others]
    views: list[ShardView] = []
    for picture in subject.pictures:
        image = picture.read()
        camera = picture.camera(image.shape[1], image.shape[0])
        box = box_of(camera.project(vertices), camera, MARGIN)
        wanted: list[tuple[Kind, Box]] = [] if box is None else [("body", box)]
        for kind, rows in (HANDS if options.hands and wanted else {}).items():
            pixels = camera.project(joints[rows])
            inside = np.isfinite(pixels).all() and (pixels > 0).all()
            if inside and (pixels < [camera.width, camera.height]).all():
                hand = box_of(pixels, camera, HAND_MARGIN)
                wanted += [] if hand is None else [(kind, hand)]
        for kind, box in wanted:
            crop = camera.crop(box, (options.size, options.size))
            maps = render_proxies(
                models.body, vertices, [crop], [kind], others, cast(Renderer, options.renderer)
            )
            labels = maps.labels[0]
            if (labels > 0).mean() >= LEAST:
                rgb = crop_image(image, box, options.size)
                mask = (labels > 0).astype(np.uint8)
                views.append(ShardView(rgb, labels, maps.uv[0], mask, crop, kind))
    return views if any(v.kind == "body" for v in views) else []


def box_of(pixels: Float[np.ndarray, "N 2"], camera: Camera, margin: float) -> Box | None:
    """A square around the points that lie in the image; None if there is none."""
    size = np.array([camera.width, camera.height])
    seen = pixels[np.isfinite(pixels).all(-1)]
    seen = seen[((seen >= 0) & (seen < size)).all(-1)]
    if not len(seen):
        return None
    (x0, y0), (x1, y1) = seen.min(0), seen.max(0)
    return expand_to_square((float(x0), float(y0), float(max(x1, x0 + 1)), float(max(y1, y0 + 1))), margin)
