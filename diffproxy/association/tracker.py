"""People followed over frames: predict, assign the detections of all views, triangulate, start and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from diffproxy.association.config import AssociationConfig
from diffproxy.association.new_people import NewPerson, find_new_people, mean_loss
from diffproxy.association.observations import Observations, moved_to_rays, triangulate

PRIOR_WEIGHT = 0.25  # of the predicted joint, beside rays that weigh their confidence
VELOCITY_GAIN = 0.4
OWN_MOTION = 0.7  # share of a joint's velocity relative to the body that persists
UNSURE_REACH, UNSURE_SPEED = 0.4, 0.1  # metres, and metres a frame, of the place that one view tells by size
UNSURE_COST, UNSURE_FRAMES = (
    0.2,
    10,
)  # loss added for who two views last agreed on that many frames ago, or more
ROUNDS = 2  # of assignment given the other views


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
    """One person over consecutive frames: the state of its filter and its `sightings`."""

    joints: Float[np.ndarray, "17 3"]
    known: Bool[np.ndarray, "17"]
    frame: int
    velocity: Float[np.ndarray, "17 3"] = field(default_factory=lambda: np.zeros((17, 3)))
    sightings: list[Sighting] = field(default_factory=list)
    missing: int = 0

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

    def may_be_at(self, person: NewPerson) -> bool:
        """Whether the track, since two views last agreed on it, can have come to where this person is."""
        shift = (person.points - self.joints)[person.found & self.known]
        far = np.linalg.norm(shift.mean(0)) if len(shift) else 0.0
        return bool(far < UNSURE_REACH + UNSURE_SPEED * self.unsure)

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
        """The last sighting was somebody else."""
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


def agreement(
    supports: Bool[np.ndarray, "T V 17"], seen: Bool[np.ndarray, "T V 17"]
) -> Float[np.ndarray, " T"]:
    """Of the joints that two views show, the share that two views support; 0 without any."""
    both = (seen.sum(1) >= 2).sum(-1)
    return np.asarray((supports.sum(1) >= 2).sum(-1) / np.maximum(both, 1))


class Tracker:
    """Follows any number of people; call `step` for each frame in rising order.

    `tracks` are those alive, `ended` those gone; in both only the `sightings` of at least two views are evidence.
    """

    def __init__(self, config: AssociationConfig):
        self.config = config
        self.tracks: list[Track] = []
        self.ended: list[Track] = []

    def step(self, frame: int, observed: Observations) -> Bool[np.ndarray, "V D"]:
        """Assign the detections of one frame; returns those that belong to nobody."""
        free = observed.score > 0
        if self.tracks:
            free = self._follow(frame, observed, free)
        single = self._single_views(frame)
        proposed = free.copy()
        for v, d in single:
            proposed[v, d] = True
        for person in find_new_people(observed, proposed, self.config):
            seen = np.flatnonzero(person.picks >= 0)
            places = [(int(v), int(person.picks[v])) for v in seen]
            owners = [single[place] for place in places if place in single]
            free[seen, person.picks[seen]] = False
            near = [t for t in owners if t.may_be_at(person)]
            for track in owners:
                track.forget_views()
            if near:  # of several, the surest goes there
                max(near, key=lambda t: sum(s.measured for s in t.sightings)).place(person)
            elif not self._is_duplicate(person.points, person.found):
                self.tracks.append(Track.begin(frame, person))
        gone = [t for t in self.tracks if t.missing > self.config.max_missing]
        self.ended += gone
        self.tracks = [t for t in self.tracks if t.missing <= self.config.max_missing]
        return free

    def all_tracks(self) -> list[Track]:
        return [*self.ended, *self.tracks]

    def _single_views(self, frame: int) -> dict[tuple[int, int], Track]:
        """(view, detection) of the tracks that one view alone shows: their distance is uncertain."""
        out = {}
        for track in self.tracks:
            last = track.sightings[-1]
            if last.frame == frame and last.views == 1:
                v = int(last.picks.argmax())
                out[v, int(last.picks[v])] = track
        return out

    def _follow(self, frame: int, observed: Observations, free: np.ndarray) -> np.ndarray:
        config = self.config
        known = np.stack([t.known for t in self.tracks])
        prior = np.stack([t.predicted(frame) for t in self.tracks])
        missing = np.array([t.missing for t in self.tracks])
        prior_weight = np.where(known, PRIOR_WEIGHT, 0.02) / (1.0 + missing[:, None])
        picks = self._assigned([prior] * len(observed.origin), observed, known, free)
        prior = moved_to_rays(observed, picks, prior, known, config.loss_scale)
        result = triangulate(observed, picks, prior, prior_weight, config.loss_scale)
        for _ in range(ROUNDS):
            others = [result.without_view(v, prior, prior_weight) for v in range(len(observed.origin))]
            again = self._assigned(others, observed, known, free)
            if (again == picks).all():
                break
            picks = again
            result = triangulate(observed, picks, prior, prior_weight, config.loss_scale)
        weight = observed.chosen(picks)[1]
        picks = np.where(mean_loss(result.miss, weight, config) < config.gate, picks, -1)
        result = triangulate(observed, picks, prior, prior_weight, config.loss_scale)
        weight = observed.chosen(picks)[1]
        supports = (weight > 0) & (result.miss < config.tolerance)
        agreed = agreement(supports, weight > 0)
        firm = (agreed >= config.min_agreement) | ((picks >= 0).sum(-1) != 2)
        points = np.where(((supports.sum(1) >= 2) & firm[:, None])[..., None], result.points, np.nan)
        for k, track in enumerate(self.tracks):
            sighting = Sighting(frame, picks[k], points[k], result.points[k])
            track.update(sighting, supports[k].any(0))
            seen = np.flatnonzero(picks[k] >= 0)
            free[seen, picks[k, seen]] = False
        return free

    def _assigned(
        self, points: Sequence[np.ndarray], observed: Observations, known: np.ndarray, free: np.ndarray
    ) -> Int[np.ndarray, "T V"]:
        """In each view the assignment of detections to people with the least total loss below the gate.

        Who one view alone has shown for a while may be anywhere along its rays, so others come first.
        """
        unsure = np.array([t.unsure for t in self.tracks])
        later = UNSURE_COST * np.minimum(unsure / UNSURE_FRAMES, 1.0)[:, None]
        out = np.full((len(known), len(points)), -1)
        for v, expected in enumerate(points):
            miss = observed.of_view(v, expected)  # (T, D, 17)
            weight = observed.weight[v][None] * known[:, None]
            loss = np.where(free[v], mean_loss(miss, weight, self.config), 1.0)
            possible = loss < self.config.gate
            rows, columns = linear_sum_assignment(np.where(possible, loss + later, self.config.gate))
            good = loss[rows, columns] < self.config.gate
            out[rows[good], v] = columns[good]
        return out

    def _is_duplicate(self, points: np.ndarray, found: np.ndarray) -> bool:
        for track in self.tracks:
            both = found & track.known
            if both.sum() >= self.config.min_joints:
                distance = np.linalg.norm(points[both] - track.joints[both], axis=-1)
                if distance.mean() < self.config.duplicate:
                    return True
        return False
