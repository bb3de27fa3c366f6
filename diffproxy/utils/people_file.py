"""`people.json`, folders and colours of several people: the same for all packages, whatever found the people."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import to_json, write_atomic

log = logging.getLogger(__name__)

PEOPLE = "people.json"
FORMAT, VERSION = "diffproxy-people", 1
COLORS = ("#4ea3f1", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#ff9da7", "#9c755f")
FOLDER = re.compile(r"person_(\d{2,9})")
NO_FRAMES: Mapping[int, Mapping[str, Any]] = {}


@dataclass(frozen=True)
class ListedPerson:
    """One person of `people.json`.

    Args:
        id: Number from 0, the same in all files of the take.
        frames: By frame number: `status`, `views` (names of the cameras that show the person) and what else is known.
        has_result: The folder of the person has a `result.npz`, or will have.
        more: Further entries about the person as a whole.
    """

    id: int
    frames: Mapping[int, Mapping[str, Any]]
    has_result: bool = True
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "first_frame": min(self.frames),
            "last_frame": max(self.frames),
            "color": color_of(self.id),
            "status": dict(Counter(f["status"] for f in self.frames.values())),
            "result": f"{folder_name(self.id)}/result.npz" if self.has_result else None,
            **self.more,
            "frames": {str(frame): dict(entry) for frame, entry in self.frames.items()},
        }


def write_people(
    out: Path,
    source: str,
    cameras: Sequence[str],
    people: Sequence[ListedPerson],
    frames: Mapping[int, Mapping[str, Any]] = NO_FRAMES,
    one_view: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
    picture: str | None = None,
    take: str = "",
) -> None:
    """Write `people.json` (docs/several_people.md).

    Args:
        out: Folder of the take.
        source: Name of the rig, or the picture or video.
        cameras: Names of the views.
        people: In the order of their ids.
        frames: What is known of whole frames, by number, such as the focal length of one camera.
        one_view: People of several cameras whom one view alone shows.
        notes: What was left out and why.
        picture: Path of the picture or video of one camera; None: a connected camera, or several cameras.
        take: Stamp of the run, which the results of its people hold too; "": none.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        **({"take": take} if take else {}),
        "source": source,
        "picture": picture,
        "cameras": list(cameras),
        "people": [person.to_json() for person in people],
        "frames": {str(frame): dict(entry) for frame, entry in frames.items()},
        "one_view": [dict(entry) for entry in one_view],
        "notes": list(notes),
    }
    write_atomic(out / PEOPLE, to_json(content))


@dataclass(frozen=True)
class ListedResults:
    """What a `people.json` says of the results beside it.

    Args:
        paths: The `result.npz` of everybody, in the order of their ids. People who were not fitted, or in none of the
            chosen frames, have none.
        take: Stamp of the run; "" where there is none.
    """

    paths: list[Path]
    take: str


def read_results(out: Path) -> ListedResults:
    """What the `people.json` of a folder says of results; InputError for another file."""
    what = f"the {PEOPLE} of diffproxy"
    content = read_json(out / PEOPLE, what)
    listed = content.get("people") if isinstance(content, dict) else None
    if not isinstance(listed, list) or content.get("format") != FORMAT or content.get("version") != VERSION:
        raise InputError(
            f'"format": "{FORMAT}", version {VERSION}, in {out / PEOPLE}',
            "another file",
            "run the take again",
        )
    known: list[tuple[int, dict]] = [
        (person["id"], person)
        for person in listed
        if isinstance(person, dict) and type(person.get("id")) is int and person["id"] >= 0
    ]
    if len(known) < len(listed):
        raise InputError(f"people with ids from 0 in {out / PEOPLE}", "something else", "run the take again")
    fitted = sorted({i for i, person in known if person.get("result")})
    paths = [out / folder_name(i) / "result.npz" for i in fitted]
    if gone := [str(path) for path in paths if not path.is_file()]:
        more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
        log.warning("left out, since there is no %s%s", ", ".join(gone[:5]), more)
    take = content.get("take")
    return ListedResults([path for path in paths if path.is_file()], take if isinstance(take, str) else "")


def folder_name(person_id: int) -> str:
    """The folder of a person: `person_00` for id 0."""
    return f"person_{person_id:02d}"


def id_of_folder(name: str) -> int | None:
    """The id of a person's folder; None for a folder of another name."""
    found = FOLDER.fullmatch(name)
    return int(found[1]) if found else None


def color_of(person_id: int) -> str:
    """`#rrggbb` of a person in overlays and viewers; colours repeat after `COLORS`."""
    return COLORS[person_id % len(COLORS)]


def rgb_of(person_id: int) -> tuple[float, float, float]:
    """`color_of` as red, green and blue in [0, 1]."""
    color = color_of(person_id)
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (r, g, b)
