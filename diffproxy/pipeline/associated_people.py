"""People of an association as `people.json` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffproxy.association import OneViewPerson, Person
from diffproxy.association.skeleton import BONES
from diffproxy.utils.people_file import ListedPerson


def listed_person(person: Person, cameras: Sequence[str], fitted: bool) -> ListedPerson:
    """The entry of a person whose bodies are `fitted`; `cameras` are the names of the views."""
    frames = {}
    for frame, sighting in person.sightings.items():
        views = [name for name, pick in zip(cameras, sighting.picks, strict=True) if pick >= 0]
        frames[frame] = {"status": person.status(frame), "views": views}
    bones = zip(BONES, person.bone_lengths, strict=True)
    lengths = {name: round(float(x), 3) if np.isfinite(x) else None for name, x in bones}
    return ListedPerson(person.id, frames, fitted, {"bone_lengths_m": lengths})


def listed_one_view(person: OneViewPerson, cameras: Sequence[str]) -> dict[str, Any]:
    """The entry of somebody whom one view alone shows."""
    return {
        "camera": cameras[person.view],
        "first_frame": min(person.boxes),
        "last_frame": max(person.boxes),
        "frames": len(person.boxes),
    }
