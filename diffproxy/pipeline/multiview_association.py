"""The subject among the people that several views agree on: a box for each view, and notes on everybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.multiview_people import Candidate, Person, find_people, reprojected_box


@dataclass(frozen=True)
class Location:
    """Where the subject is: one `box` a view (None: cannot be seen there), and what was left out and why."""

    boxes: tuple[Box | None, ...]
    person: Person | None
    notes: tuple[str, ...] = ()

    @property
    def views(self) -> int:
        return sum(b is not None for b in self.boxes)


def choose_subject(
    candidates: Sequence[Sequence[Candidate]],
    cameras: Sequence[Camera],
    near: Float[np.ndarray, 3] | None = None,
) -> Location:
    """Pick the person most views agree on; everybody else is dropped and named in the notes.

    A view without a matching box gets the reprojected one if the person is inside of its image.

    Args:
        candidates: Detections of each view.
        cameras: Pinhole cameras of the views.
        near: Last known place of the subject, metres: who stands there is favoured; None: nobody is.

    Returns:
        Boxes of the subject in pixels, and notes on views and people left out.
    """
    people = find_people(candidates, cameras, near)
    if not people:
        return _from_single_view(candidates)
    subject = people[0]
    taken = {(v, i) for v, i in enumerate(subject.chosen) if i is not None}
    notes = _dropped(candidates, cameras, people, taken)
    boxes: list[Box | None] = []
    for v, camera in enumerate(cameras):
        i = subject.chosen[v]
        if i is not None:
            boxes.append(candidates[v][i].box)
            continue
        boxes.append(reprojected_box(camera, subject))
        what = "box taken from the other views" if boxes[-1] else "subject is outside of the image"
        notes.append(f"{camera.name}: no matching detection, {what}")
    return Location(tuple(boxes), subject, tuple(notes))


def _from_single_view(candidates: Sequence[Sequence[Candidate]]) -> Location:
    """No two views agree: the strongest detection alone, if there is any."""
    ranked = sorted(((c.score, v) for v, found in enumerate(candidates) for c in found), reverse=True)
    boxes: list[Box | None] = [None] * len(candidates)
    if not ranked:
        return Location(tuple(boxes), None, ("no person was found in any view",))
    view = ranked[0][1]
    boxes[view] = max(candidates[view], key=lambda c: c.score).box
    many = len(candidates) > 1
    return Location(
        tuple(boxes), None, ("no two views agree on a person; the best view is kept",) if many else ()
    )


def _dropped(
    candidates: Sequence[Sequence[Candidate]],
    cameras: Sequence[Camera],
    people: Sequence[Person],
    taken: set[tuple[int, int]],
) -> list[str]:
    """One line for everybody who is not the subject."""
    notes, named = [], set(taken)
    for number, person in enumerate(people[1:], start=2):
        mine = {(v, i) for v, i in enumerate(person.chosen) if i is not None}
        named |= mine
        seen = ", ".join(cameras[v].name for v, _ in sorted(mine))
        x, y, z = person.centre
        notes.append(
            f"person {number} dropped: seen by {seen} at ({x:.2f}, {y:.2f}, {z:.2f}) m, less evidence"
        )
    for v, found in enumerate(candidates):
        for i, c in enumerate(found):
            if (v, i) not in named:
                at = f"({c.centre[0]:.0f}, {c.centre[1]:.0f}) px, score {c.score:.2f}"
                notes.append(f"{cameras[v].name}: detection at {at} dropped, it agrees with no other view")
    return notes
