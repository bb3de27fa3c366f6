"""People followed over frames: predict, assign the detections of all views, triangulate, start and end."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.association.assignment import assigned, assigned_pairs
from diffproxy.association.config import AssociationConfig
from diffproxy.association.new_people import find_new_people, mean_loss
from diffproxy.association.observations import Observations, moved_to_rays, triangulate
from diffproxy.association.track import Sighting, Track
from diffproxy.association.view_pairs import ViewPairs

PRIOR_WEIGHT = 0.25  # of the predicted joint, beside rays that weigh their confidence
UNSURE_COST, UNSURE_FRAMES = 0.2, 10
"""Loss added for people on whom no two views have agreed for so many frames or more (less for fewer frames), so that
others are assigned first."""
# frames in which a chain of detections was a person and both views agreed; then it stays that person's
HELD = 3
HELD_REACH = 0.9  # metres by which such a person's distance may be wrong while one view alone shows it
ROUNDS = 2  # of assignment given the other views


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

    def step(
        self, frame: int, observed: Observations, pairs: ViewPairs | None = None
    ) -> Bool[np.ndarray, "V D"]:
        """Assign the detections of one frame; returns those that belong to nobody.

        Args:
            frame: Its number.
            observed: Its detections.
            pairs: With two views, which detections are one person; others never are.
        """
        free = observed.score > 0
        if self.tracks:
            free = self._follow(frame, observed, free, pairs)
        single = self._single_views(frame)
        proposed = free.copy()
        for v, d in single:
            proposed[v, d] = True
        for person in find_new_people(observed, proposed, self.config, None if pairs is None else pairs.same):
            seen = np.flatnonzero(person.picks >= 0)
            places = [(int(v), int(person.picks[v])) for v in seen]
            owners = [single[place] for place in places if place in single]
            near = [t for t in owners if t.may_be_at(person)]
            known = sum(self._holds(single[place], place, pairs) for place in places if place in single)
            if known:
                near = [t for t in near if t.may_be_at(person, HELD_REACH)]
            if known == 2 or (known and not near):  # two known people, one in each view, whose rays cross
                continue
            free[seen, person.picks[seen]] = False
            for track in owners:
                track.forget_views()
            if near:  # of several, the surest goes there
                max(near, key=lambda t: sum(s.measured for s in t.sightings)).place(person)
            elif not self._is_duplicate(person.points, person.found):
                self.tracks.append(Track.begin(frame, person))
        if pairs is not None:
            self._hold(frame, pairs)
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

    def _follow(
        self, frame: int, observed: Observations, free: np.ndarray, pairs: ViewPairs | None
    ) -> Bool[np.ndarray, "V D"]:
        """Move the tracks on by the detections that fit them; returns those that are still free."""
        config = self.config
        known = np.stack([t.known for t in self.tracks])
        prior = np.stack([t.predicted(frame) for t in self.tracks])
        missing = np.array([t.missing for t in self.tracks])
        prior_weight = np.where(known, PRIOR_WEIGHT, 0.02) / (1.0 + missing[:, None])
        unsure = np.array([t.unsure for t in self.tracks])
        later = UNSURE_COST * np.minimum(unsure / UNSURE_FRAMES, 1.0)[:, None]
        if pairs is None:
            picks = assigned([prior] * len(observed.origin), observed, known, free, later, config)
        else:
            held = np.zeros((len(self.tracks), *free.shape), dtype=bool)
            for t, v, d in np.argwhere(np.broadcast_to(free, held.shape)).tolist():
                held[t, v, d] = self._holds(self.tracks[t], (v, d), pairs)
            picks = assigned_pairs(prior, observed, known, free, later, pairs.same, held, config)
        prior = moved_to_rays(observed, picks, prior, known, config.loss_scale)
        result = triangulate(observed, picks, prior, prior_weight, config.loss_scale)
        for _ in range(ROUNDS if pairs is None else 0):
            others = [result.without_view(v, prior, prior_weight) for v in range(len(observed.origin))]
            again = assigned(others, observed, known, free, later, config)
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
        if pairs is not None:
            firm |= (picks >= 0).all(-1) & pairs.same[picks[:, 0], picks[:, 1]]
        points = np.where(((supports.sum(1) >= 2) & firm[:, None])[..., None], result.points, np.nan)
        for k, track in enumerate(self.tracks):
            sighting = Sighting(frame, picks[k], points[k], result.points[k])
            track.update(sighting, supports[k].any(0))
            seen = np.flatnonzero(picks[k] >= 0)
            free[seen, picks[k, seen]] = False
        return free

    def _hold(self, frame: int, pairs: ViewPairs) -> None:
        """Count the chains of those on whom both views agree."""
        for track in self.tracks:
            last = track.sightings[-1]
            if last.frame == frame and last.measured:
                for v in np.flatnonzero(last.picks >= 0).tolist():
                    track.held[v, pairs.chains[v][int(last.picks[v])]] += 1

    def _holds(self, track: Track, place: tuple[int, int], pairs: ViewPairs | None) -> bool:
        """Whether a detection (view, number) goes on with a chain that has been this person before."""
        v, d = place
        return pairs is not None and track.held[v, pairs.chains[v][d]] >= HELD

    def _is_duplicate(self, points: Float[np.ndarray, "17 3"], found: Bool[np.ndarray, "17"]) -> bool:
        """Whether a track is where the `found` joints are."""
        for track in self.tracks:
            both = found & track.known
            if both.sum() >= self.config.min_joints:
                distance = np.linalg.norm(points[both] - track.joints[both], axis=-1)
                if distance.mean() < self.config.duplicate:
                    return True
        return False
