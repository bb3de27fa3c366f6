"""One person over consecutive frames: what is seen of it in each, and the state of its filter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.association.new_people import NewPerson

VELOCITY_GAIN = 0.4
OWN_MOTION = 0.7  # share of a joint's velocity relative to the body that persists
UNSURE_REACH, UNSURE_SPEED = (
    0.4,
    0.1,
)  # metres, and metres more a frame: error of places known from one view alone


@dataclass(frozen=True)
class Sighting:
    """A person in one frame.

    `picks`: the detection of each view, -1 for none. `points`: joints that two views support, metres; others NaN.
    `joints`: filtered joints, with predictions where views are missing.
    """

    frame: int
    picks: Int[np.ndarray, " V"]
    points: Float[np.ndarray, "17 3"]
    joints: Float[np.ndarray, "17 3"]

    @property
    def views(self) -> int:
        return int((self.picks >= 0).sum())

    @property
    def measured(self) -> bool:
        """Two views or more agree."""
        return bool(np.isfinite(self.points).any())


@dataclass
class Track:
    """A person who is followed: the state of the filter, and the sightings so far.

    Attributes:
        joints: (17, 3) metres, at `frame`.
        known: (17,) joints whose place in the body is known.
        frame: The last frame.
        velocity: (17, 3) metres a frame.
        sightings: One a frame.
        missing: Frames since a view last showed the person.
        held: By (view, chain of detections), in how many frames the chain was this person while two views agreed.
    """

    joints: Float[np.ndarray, "17 3"]
    known: Bool[np.ndarray, "17"]
    frame: int
    velocity: Float[np.ndarray, "17 3"] = field(default_factory=lambda: np.zeros((17, 3)))
    sightings: list[Sighting] = field(default_factory=list)
    missing: int = 0
    held: Counter[tuple[int, int]] = field(default_factory=Counter)

    @staticmethod
    def begin(frame: int, person: NewPerson) -> Track:
        """A new track."""
        joints = np.where(person.found[:, None], person.points, person.points[person.found].mean(0))
        track = Track(joints, person.found.copy(), frame)
        points = np.where(person.found[:, None], person.points, np.nan)
        track.sightings.append(Sighting(frame, person.picks, points, joints))
        return track

    @property
    def unsure(self) -> int:
        """Frames since two views last agreed."""
        return next((k for k, s in enumerate(reversed(self.sightings)) if s.measured), len(self.sightings))

    def may_be_at(self, person: NewPerson, most: float = np.inf) -> bool:
        """Whether the track, since two views last agreed on it, can have come to where this person is."""
        shift = (person.points - self.joints)[person.found & self.known]
        far = np.linalg.norm(shift.mean(0)) if len(shift) else 0.0
        return bool(far < min(UNSURE_REACH + UNSURE_SPEED * self.unsure, most))

    def place(self, person: NewPerson) -> None:
        """Put the track where this person is, in place of the last sighting."""
        shift = (person.points - self.joints)[person.found & self.known]
        moved = self.joints + (shift.mean(0) if len(shift) else 0.0)
        self.joints = np.where(person.found[:, None], person.points, moved)
        self.known = self.known | person.found
        self.velocity = np.zeros((17, 3))
        points = np.where(person.found[:, None], person.points, np.nan)
        self.sightings[-1] = Sighting(self.frame, person.picks, points, self.joints)
        self.missing = 0

    def forget_views(self) -> None:
        """Drop the detections of the last sighting, which are somebody else's."""
        last = self.sightings[-1]
        self.sightings[-1] = replace(
            last, picks=np.full_like(last.picks, -1), points=np.full((17, 3), np.nan)
        )
        self.missing += 1

    def predicted(self, frame: int) -> Float[np.ndarray, "17 3"]:
        """Joints at `frame` by constant velocity; without detections the motion slows down."""
        return self.joints + self.velocity * (frame - self.frame) * 0.9**self.missing

    def update(self, sighting: Sighting, supported: Bool[np.ndarray, "17"]) -> None:
        """Take over one frame; `supported` are the joints that some view shows."""
        step = max(sighting.frame - self.frame, 1)
        moved = sighting.joints - self.predicted(sighting.frame)
        if supported.any() and sighting.views:
            body = moved[supported].mean(0)
            gain = VELOCITY_GAIN if len(self.sightings) > 1 else 1.0
            change = np.where(supported[:, None], moved, body) * gain / step
            velocity = self.velocity + change
            mean = velocity[self.known | supported].mean(0)
            self.velocity = mean + OWN_MOTION * (velocity - mean)
        newly = np.isfinite(sighting.points).all(-1) & ~self.known
        self.known = self.known | newly
        self.joints, self.frame = sighting.joints, sighting.frame
        self.missing = 0 if sighting.views else self.missing + step
        self.sightings.append(sighting)
