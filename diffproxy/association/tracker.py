"""People followed over frames: predict, assign the detections of all views, triangulate, start and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from diffproxy.association.config import AssociationConfig
from diffproxy.association.new_people import find_new_people, mean_loss
from diffproxy.association.observations import Observations, triangulate

PRIOR_WEIGHT = 0.25  # of the predicted joint, beside rays that weigh their confidence
VELOCITY_GAIN = 0.4
OWN_MOTION = 0.7  # share of a joint's velocity relative to the body that persists
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
        for person in find_new_people(observed, free.copy(), self.config):
            if not self._is_duplicate(person.points, person.found):
                points = np.where(person.found[:, None], person.points, np.nan)
                joints = np.where(person.found[:, None], person.points, np.nanmean(points, axis=0))
                track = Track(joints, person.found.copy(), frame)
                track.sightings.append(Sighting(frame, person.picks, points, joints))
                self.tracks.append(track)
            seen = np.flatnonzero(person.picks >= 0)
            free[seen, person.picks[seen]] = False
        gone = [t for t in self.tracks if t.missing > self.config.max_missing]
        self.ended += gone
        self.tracks = [t for t in self.tracks if t.missing <= self.config.max_missing]
        return free

    def all_tracks(self) -> list[Track]:
        return [*self.ended, *self.tracks]

    def _follow(self, frame: int, observed: Observations, free: np.ndarray) -> np.ndarray:
        config = self.config
        known = np.stack([t.known for t in self.tracks])
        prior = np.stack([t.predicted(frame) for t in self.tracks])
        missing = np.array([t.missing for t in self.tracks])
        prior_weight = np.where(known, PRIOR_WEIGHT, 0.02) / (1.0 + missing[:, None])
        picks = self._assigned([prior] * len(observed.origin), observed, known, free)
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
        points = np.where((supports.sum(1) >= 2)[..., None], result.points, np.nan)
        for k, track in enumerate(self.tracks):
            sighting = Sighting(frame, picks[k], points[k], result.points[k])
            track.update(sighting, supports[k].any(0))
            seen = np.flatnonzero(picks[k] >= 0)
            free[seen, picks[k, seen]] = False
        return free

    def _assigned(
        self, points: Sequence[np.ndarray], observed: Observations, known: np.ndarray, free: np.ndarray
    ) -> Int[np.ndarray, "T V"]:
        """In each view the assignment of detections to people with the least total loss below the gate."""
        out = np.full((len(known), len(points)), -1)
        for v, expected in enumerate(points):
            miss = observed.of_view(v, expected)  # (T, D, 17)
            weight = observed.weight[v][None] * known[:, None]
            loss = np.where(free[v], mean_loss(miss, weight, self.config), 1.0)
            rows, columns = linear_sum_assignment(np.minimum(loss, self.config.gate))
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
