"""`people.json`: who is in a take, when, in which views, and which folder holds the bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffproxy.association import Association, Person
from diffproxy.association.skeleton import BONES
from diffproxy.utils.errors import InputError

PEOPLE = "people.json"
COLORS = ("#4ea3f1", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#ff9da7", "#9c755f")


def folder_name(person_id: int) -> str:
    return f"person_{person_id:02d}"


def color_of(person_id: int) -> str:
    """`#rrggbb` of a person in overlays; colours repeat after `COLORS`."""
    return COLORS[person_id % len(COLORS)]


def wanted_ids(text: str) -> list[int] | None:
    """Ids in "0,2"; None for all."""
    if text.strip() in ("", "all"):
        return None
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(
            "people_keep as ids such as 0,2", f"people_keep={text}", "write people_keep=0"
        ) from error


def people_json(
    association: Association, cameras: Sequence[str], fitted: Sequence[int], rig: str
) -> dict[str, Any]:
    """Plain JSON.

    Args:
        association: The people.
        cameras: Names of the views.
        fitted: Ids of the people whose bodies are fitted.
        rig: Name of the rig.
    """
    return {
        "format": "diffproxy-people",
        "version": 1,
        "rig": rig,
        "people": [_person(p, cameras, p.id in fitted) for p in association.people],
        "one_view": [
            {
                "camera": cameras[p.view],
                "first_frame": min(p.boxes),
                "last_frame": max(p.boxes),
                "frames": len(p.boxes),
            }
            for p in association.one_view
        ],
        "notes": list(association.notes),
    }


def _person(person: Person, cameras: Sequence[str], fitted: bool) -> dict[str, Any]:
    frames = {}
    for frame, sighting in person.sightings.items():
        seen = [name for name, pick in zip(cameras, sighting.picks, strict=True) if pick >= 0]
        frames[str(frame)] = {"status": person.status(frame), "views": seen}
    bones = zip(BONES, person.bone_lengths, strict=True)
    return {
        "id": person.id,
        "first_frame": person.first_frame,
        "last_frame": person.last_frame,
        "color": color_of(person.id),
        "status": dict(Counter(f["status"] for f in frames.values())),
        "bone_lengths_m": {name: round(float(x), 3) if np.isfinite(x) else None for name, x in bones},
        "result": f"{folder_name(person.id)}/result.npz" if fitted else None,
        "frames": frames,
    }
