"""Which people of a take are asked for: by number, id, time, or a box around one of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from diffproxy.association import Association, Person
from diffproxy.detector.person_detector import Candidate
from diffproxy.geometry.boxes import Box, as_box, box_iou
from diffproxy.pipeline.config import FitOptions
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.people_file import PEOPLE

PRESENT = 0.5  # share of the frames of `people_during` in which a person must be in sight
LEAST_OVERLAP = 0.2  # IoU of a box and a detection of the person that it means
_BOX = re.compile(r"(?P<view>.+):(?P<box>[^:@]+)@(?P<frame>\d+)")


def check_choice(options: FitOptions, frame_ids: Sequence[int], cameras: Sequence[str]) -> None:
    """InputError for `people_*` options that cannot be read, or mean no camera or frame of the take.

    Who is there is known only after the detection.
    """
    _ids(options.people_keep)
    if options.people_during:
        select_frames(options.people_during, frame_ids)
    if options.people_box:
        _place(options.people_box, frame_ids, cameras)


def chosen_people(
    association: Association,
    options: FitOptions,
    detections: Mapping[int, Sequence[Sequence[Candidate]]],
    cameras: Sequence[str],
) -> Sequence[Person]:
    """The people that the options ask for; each option leaves fewer of them.

    Args:
        association: Everybody.
        options: `people`, `people_keep`, `people_during` and `people_box`.
        detections: `detections[frame][view]`, pixels.
        cameras: Names of the views.

    Raises:
        InputError: an option that cannot be read, or that means nobody.
    """
    people: Sequence[Person] = association.people
    if options.people_box:
        people = [_boxed(people, options.people_box, detections, cameras)]
    if options.people_during:
        frames = select_frames(options.people_during, sorted(detections))
        people = [p for p in people if _share(p, frames) >= PRESENT]
        if not people:
            raise InputError(
                "somebody in sight in half of the frames of people_during",
                f"people_during={options.people_during}",
                f"see {PEOPLE} for who is there when",
            )
    if options.people != "all":
        people = people[: int(options.people)]
    return _with_ids(people, options.people_keep)


def _ids(keep: str) -> list[int] | None:
    """The ids of `people_keep`; None for everybody."""
    if keep.strip() in ("", "all"):
        return None
    parts = [part.strip() for part in keep.rstrip(", ").split(",")]
    if not all(part.isdecimal() and len(part) < Limits.NUMBER_DIGITS for part in parts):
        raise InputError("people_keep as ids such as 0,2", f"people_keep={keep}", "write people_keep=0")
    return [int(part) for part in parts]


def _with_ids(people: Sequence[Person], keep: str) -> Sequence[Person]:
    ids = _ids(keep)
    if ids is None:
        return people
    unknown = sorted(set(ids) - {p.id for p in people})
    if unknown:
        have = ", ".join(str(p.id) for p in people) or "nobody"
        raise InputError(
            f"people_keep among {have}", f"{', '.join(map(str, unknown))}", f"see {PEOPLE} for who is there"
        )
    return [p for p in people if p.id in ids]


def _share(person: Person, frames: Sequence[int]) -> float:
    """Share of the frames in which some view shows the person."""
    seen = [(s := person.sightings.get(f)) is not None and s.views > 0 for f in frames]
    return sum(seen) / len(seen)


def parse_box(text: str) -> tuple[str, Box, int]:
    """View, box in pixels and frame of "cam01:100,50,300,400@40"; InputError for anything else."""
    match = _BOX.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError("no VIEW:X0,Y0,X1,Y1@FRAME")
        box = as_box([float(x) for x in match["box"].split(",")])
        if not (box[0] < box[2] and box[1] < box[3]):
            raise ValueError("x0 < x1 and y0 < y1 do not hold")
    except ValueError as error:
        raise InputError(
            "people_box=VIEW:X0,Y0,X1,Y1@FRAME",
            f"people_box={text} ({error})",
            "write for example people_box=cam01:100,50,300,400@40",
        ) from error
    return match["view"], box, int(match["frame"])


def _place(text: str, frame_ids: Collection[int], cameras: Sequence[str]) -> tuple[str, Box, int]:
    """`parse_box`; InputError for a view or a frame that the take does not have."""
    view, box, frame = parse_box(text)
    if view not in cameras:
        raise InputError(f"people_box in one of {', '.join(cameras)}", view, "name a camera of the rig")
    if frame not in frame_ids:
        raise InputError(
            "people_box in a frame of the take", f"frame {frame}", "name a frame that the rig has"
        )
    return view, box, frame


def _boxed(
    people: Sequence[Person],
    text: str,
    detections: Mapping[int, Sequence[Sequence[Candidate]]],
    cameras: Sequence[str],
) -> Person:
    """The person whose detection overlaps the box most."""
    view, box, frame = _place(text, detections, cameras)
    v = cameras.index(view)
    overlaps = [
        (box_iou(box, detections[frame][v][pick].box), p)
        for p in people
        if (s := p.sightings.get(frame)) is not None and (pick := int(s.picks[v])) >= 0
    ]
    overlap, person = max(overlaps, key=lambda pair: pair[0], default=(0.0, None))
    if person is None or overlap < LEAST_OVERLAP:
        raise InputError(
            f"a person in people_box={text}",
            f"an overlap of {overlap:.2f} with the nearest of {len(overlaps)} people in that view",
            "draw the box around the whole person, in a frame in which the view shows all of them",
        )
    return person
