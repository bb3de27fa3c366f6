"""People of a take: the result of the association."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

from diffproxy.association.track import Sighting
from diffproxy.geometry.boxes import Box
from diffproxy.utils.short_repr import short_repr

SightingStatus = Literal["ok", "one_view", "predicted", "absent"]


@dataclass(frozen=True)
class Person:
    """One person over a take.

    `id`: number from 0, by evidence. `sightings`: by frame, with gaps where the person is out of sight. `bone_lengths`:
    median length in metres of each of `skeleton.BONES`, NaN where never measured.
    """

    id: int
    sightings: Mapping[int, Sighting]
    bone_lengths: Float[np.ndarray, " B"]

    __repr__ = short_repr

    @property
    def first_frame(self) -> int:
        return min(self.sightings)

    @property
    def last_frame(self) -> int:
        return max(self.sightings)

    def status(self, frame: int) -> SightingStatus:
        """`ok`: two views or more agree; `one_view`; `predicted`: no view, between frames with views; `absent`."""
        sighting = self.sightings.get(frame)
        if sighting is None:
            return "absent"
        if sighting.measured:
            return "ok"
        return "one_view" if sighting.views else "predicted"


@dataclass(frozen=True)
class OneViewPerson:
    """Somebody whom a single view shows over several frames: the view's index and the box by frame, pixels."""

    view: int
    boxes: Mapping[int, Box]


@dataclass(frozen=True)
class Association:
    """People of a take, those that one view alone shows, and what was left out and why."""

    people: tuple[Person, ...]
    one_view: tuple[OneViewPerson, ...] = ()
    notes: tuple[str, ...] = field(default=())
