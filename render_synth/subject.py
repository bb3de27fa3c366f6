"""The subject of a sample: person, table, cameras and views, before anything is dressed or rendered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel
from render_synth.camera_effects.distortion import distort_layout
from render_synth.cameras import Layout, sample_layout
from render_synth.config import RenderConfig
from render_synth.humans.body.bodies import Person, sample_person
from render_synth.humans.dress import Dressed, Dresser, dress
from render_synth.humans.makehuman.wardrobe import Wardrobe
from render_synth.humans.poses.pose_source import PoseSource
from render_synth.rng import stream
from render_synth.scenes.desk import Desk, fit_desk
from render_synth.views import PlannedView, plan_views
from render_synth.webcams import sample_webcams

TELE_CHANCE = 0.15  # of groups that no other share has taken: seen from afar through long lenses
PLATFORM_CHANCE = 0.22  # of subjects who stand on a deck or beam
TABLE_CHANCE = 0.8  # of seated subjects: the others sit on a chair or sofa in front of the cameras
HAIR_VOLUME = (0.015, 0.07)  # metres
MAX_DISTANCE = 7.5  # metres between a camera and the subject's axis


@dataclass(frozen=True)
class Tools:
    """Data that a worker process loads once."""

    config: RenderConfig
    body: BodyModel
    dresser: Dresser
    bystander_dresser: Dresser  # with a coarser mesh
    wardrobe: Wardrobe | None
    poses: PoseSource
    environments: tuple[str, ...]
    software: dict[str, str]  # versions, for the meta data

    def rng(self, k: int, name: str) -> np.random.Generator:
        """The random generator of sample `k` for the purpose `name`."""
        return stream(self.config.seed, k, name)


@dataclass(frozen=True)
class Subject:
    """The person of sample `k` and the cameras around it; metres, world axes (y up, floor at y = 0).

    `easy`, `seated`, `group`: which shares of the set it belongs to; `platform`: height of the deck or beam it stands
    on, or 0. `scene_rng` has been used for the platform and is to be used for the rest of the scene.
    """

    k: int
    person: Person
    layout: Layout
    views: list[PlannedView]
    easy: bool
    seated: bool
    group: bool
    desk: Desk | None
    platform: float
    scene_rng: np.random.Generator

    @property
    def bounds(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """Lowest and highest coordinates of the body."""
        return body_bounds(self.person)

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        low, high = self.bounds
        return (low + high) / 2


def body_bounds(person: Person) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Lowest and highest coordinates of a person's vertices."""
    return person.vertices.min(0).astype(float), person.vertices.max(0).astype(float)


def plan_subject(tools: Tools, k: int) -> Subject:
    """Draw the person, the table if there is one, the cameras and their views."""
    config = tools.config
    easy = bool(tools.rng(k, "plain").random() < config.easy_fraction)
    seated = bool(tools.rng(k, "desk").random() < config.desk_fraction)
    group_rng = tools.rng(k, "group")
    group = bool(group_rng.random() < config.group_fraction)
    scene_rng = tools.rng(k, "scene")
    platform = float(scene_rng.uniform(0.05, 0.5)) if scene_rng.random() < PLATFORM_CHANCE else 0.0
    if seated or group:
        platform = 0.0
    place = np.array([0, platform + 0.008, 0])
    person = sample_person(
        tools.body, tools.rng(k, "person"), place, tools.poses, config.split, config.child_fraction, seated
    )
    desk = None
    if seated:
        rng = tools.rng(k, "table")
        desk = fit_desk(rng, person.vertices, person.joints) if rng.random() < TABLE_CHANCE else None
        layout = sample_webcams(tools.rng(k, "cameras"), config.views, person.vertices, person.joints, desk)
    else:
        kind = "tele" if group and group_rng.random() < TELE_CHANCE else ""
        if tools.rng(k, "phones").random() < config.phone_fraction:
            kind = "phones"
        elif tools.rng(k, "close").random() < config.close_fraction:
            kind = "close"
        low, high = body_bounds(person)
        layout = sample_layout(tools.rng(k, "cameras"), config.views, low, high, MAX_DISTANCE, kind)
    layout = distort_layout(tools.rng(k, "lens"), layout, config.distortion_fraction)
    views = plan_views(tools.rng(k, "shots"), config, layout, person)
    return Subject(k, person, layout, views, easy, seated, group, desk, platform, scene_rng)


def dress_subject(tools: Tools, subject: Subject) -> Dressed:
    """The subject with skin, clothes and hair."""
    rng = tools.rng(subject.k, "hair")
    big_hair = rng.random() < tools.config.big_hair_fraction
    volume = float(rng.uniform(*HAIR_VOLUME)) if big_hair else 0.0
    return dress(
        tools.rng(subject.k, "outfit"),
        tools.dresser,
        subject.person,
        tools.wardrobe,
        tight=subject.easy,
        hair_volume=volume,
    )
