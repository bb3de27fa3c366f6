"""People of an association as `people.json` lists them, and which of them are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffproxy.association import Association, OneViewPerson, Person
from diffproxy.association.skeleton import BONES
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import PEOPLE, ListedPerson


def chosen_people(association: Association, number: str, keep: str) -> Sequence[Person]:
    """The people that the options ask for.

    Args:
        association: Everybody.
        number: `all`, or how many of those with the most evidence.
        keep: `all`, or ids such as 0,2.

    Raises:
        InputError: nobody has one of the ids, or they are no numbers.
    """
    people = association.people
    if number != "all":
        people = people[: int(number)]
    if keep.strip() in ("", "all"):
        return people
    try:
        ids = [int(part) for part in keep.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(
            "people_keep as ids such as 0,2", f"people_keep={keep}", "write people_keep=0"
        ) from error
    unknown = sorted(set(ids) - {p.id for p in people})
    if unknown:
        have = ", ".join(str(p.id) for p in people) or "nobody"
        raise InputError(
            f"people_keep among {have}", f"{', '.join(map(str, unknown))}", f"see {PEOPLE} for who is there"
        )
    return [p for p in people if p.id in ids]


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
