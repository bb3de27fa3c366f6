"""Other people around a subject: passers-by at some distance, or a group close by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from render_synth.humans.body.bodies import Person, sample_person
from render_synth.humans.dress import Dressed, dress
from render_synth.humans.poses.pose_check import DEEP, pose_check
from render_synth.scenes.placement import far_from_rays
from render_synth.subject import Subject, Tools

Rng = np.random.Generator
NEAR = (0.45, 1.6)  # metres between a member of a group and its subject
SITTING_CHANCE = 0.6  # of those around somebody who sits
CAMERA_CLEARANCE = 0.3  # metres between a member of a group and a camera
PLACES = 25  # tried for a member of a group


def sample_bystanders(tools: Tools, subject: Subject) -> list[tuple[Person, Dressed]]:
    """Other people with their clothes."""
    # Members of a group may be as near to a camera as the subject.
    dresser = tools.dresser if subject.group else tools.bystander_dresser
    return [
        (person, dress(rng, dresser, person, tools.wardrobe, near=subject.group))
        for person, rng in place_bystanders(tools, subject)
    ]


def place_bystanders(tools: Tools, subject: Subject) -> list[tuple[Person, Rng]]:
    """Other people, each with the generator that draws the clothes.

    Passers-by are not at the subject's desk and seldom between it and a camera; members of a group may be.
    """
    return _group(tools, subject) if subject.group else _passers_by(tools, subject)


def _passers_by(tools: Tools, subject: Subject) -> list[tuple[Person, Rng]]:
    config, k, out = tools.config, subject.k, []
    count = int(tools.rng(k, "bystanders").integers(0, config.max_bystanders + 1))
    for i in range(count):
        rng = tools.rng(k, f"bystander-{i}")
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 4.5)
        place = np.array([distance * np.sin(angle), 0.0, distance * np.cos(angle)])
        if subject.desk is not None and subject.desk.covers(place[None], 0.5)[0]:
            continue
        clearance = 0.8 if rng.random() < 0.85 else 0.45
        if far_from_rays(place[[0, 2]], subject.layout, subject.center, clearance):
            person = sample_person(tools.body, rng, place, tools.poses, config.split, config.child_fraction)
            out.append((person, rng))
    return out


def _group(tools: Tools, subject: Subject) -> list[tuple[Person, Rng]]:
    """Small groups are more frequent than large ones; who finds no place is left out."""
    config, k = tools.config, subject.k
    most = config.max_bystanders
    count = min(1 + int(most * tools.rng(k, "bystanders").random() ** 1.5), most)
    out: list[tuple[Person, Rng]] = []
    for i in range(count):
        rng = tools.rng(k, f"bystander-{i}")
        person = sample_person(
            tools.body, rng, np.zeros(3), tools.poses, config.split, config.child_fraction,
            subject.seated and rng.random() < SITTING_CHANCE,
        )  # fmt: skip
        placed = _placed(tools, rng, person, subject, [p for p, _ in out])
        if placed is not None:
            out.append((placed, rng))
    return out


def _placed(tools: Tools, rng: Rng, person: Person, subject: Subject, crowd: list[Person]) -> Person | None:
    """The person near the subject, nowhere deeper than `DEEP` in somebody, clear of the desk and of all cameras."""
    check, cameras = pose_check(tools.body), [c.center_world for c in subject.layout.cameras]
    center = subject.person.joints[0, [0, 2]]
    for _ in range(PLACES):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(*NEAR)
        at = center + distance * np.array([np.sin(angle), np.cos(angle)])
        moved = moved_by(person, np.array([at[0], 0.0, at[1]]))
        low = moved.vertices[:, 1] < subject.desk.height + 0.02 if subject.desk is not None else None
        if subject.desk is not None and subject.desk.covers(moved.vertices[low], 0.03).any():
            continue
        if min(np.linalg.norm(moved.vertices - c, axis=1).min() for c in cameras) < CAMERA_CLEARANCE:
            continue
        others = [subject.person, *crowd]
        if max(check.depth_between(moved.vertices, other.vertices) for other in others) <= DEEP:
            return moved
    return None


def moved_by(person: Person, offset: np.ndarray) -> Person:
    """The same person elsewhere; `offset` (3,) in metres."""
    shift = offset.astype(np.float32)
    params = person.params.replace(transl=person.params.transl + torch.from_numpy(shift))
    return replace(person, params=params, vertices=person.vertices + shift, joints=person.joints + shift)
