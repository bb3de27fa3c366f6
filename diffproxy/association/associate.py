"""Detections of all views and frames to people with lasting ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from diffproxy.association.config import AssociationConfig
from diffproxy.association.implausible import without_nobody
from diffproxy.association.observations import Observations
from diffproxy.association.people import Association, OneViewPerson, Person
from diffproxy.association.relink import relink
from diffproxy.association.skeleton import bone_lengths
from diffproxy.association.track import Sighting, Track
from diffproxy.association.tracker import Tracker
from diffproxy.association.two_views import without_coincidences
from diffproxy.association.unsure_frames import interpolate_unsure
from diffproxy.association.view_pairs import pairs_of_views
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.geometry.box_matching import match_boxes
from diffproxy.geometry.boxes import Box, box_iou
from diffproxy.utils.checked import checked
from diffproxy.utils.options import one_each

SAME_BOX = 0.3  # IoU of boxes in successive frames of one view
ONE_VIEW_SCORE = 0.3  # of a detection that no second view supports
SLACK = 2  # frames that may fail in the run of frames that confirms a person
COVERED = 0.5  # of a detection's box by that of an associated person: part of that person

Detections = Mapping[int, Sequence[Sequence[Candidate]]]


@checked
def associate(
    detections: Detections,
    cameras: Sequence[Camera],
    config: AssociationConfig | None = None,
) -> Association:
    """Match detections over views and frames.

    Args:
        detections: `detections[frame][view]` are the people that the detector sees, pixels of the images of `cameras`.
        cameras: One for each view; with one camera there are one-view people only.
        config: Tolerances.

    Returns:
        People with ids from 0 (most evidence first), the same id throughout.
    """
    config = config or AssociationConfig()
    for frame, views in detections.items():
        one_each(f"views of frame {frame}", len(views), len(cameras), "camera")
    tracker = Tracker(config)
    left: dict[int, list[list[Candidate]]] = {}
    observed = {frame: Observations.of(detections[frame], cameras) for frame in sorted(detections)}
    pairs = pairs_of_views(observed, detections, config) if len(cameras) == 2 else {}
    for frame, seen in observed.items():
        views = detections[frame]
        free = tracker.step(frame, seen, pairs.get(frame))
        left[frame] = [[p for d, p in enumerate(found) if free[v, d]] for v, found in enumerate(views)]
    tracks = tracker.all_tracks()
    without_coincidences(tracks, detections, cameras)
    found, tracks = tracks, _confirmed(tracks, len(detections), config)
    unsure = _unconfirmed_notes(found, tracks)
    tracks, notes = without_nobody(tracks, np.stack([c.center_world for c in cameras]), config)
    chains = relink(sorted(tracks, key=lambda t: t.sightings[0].frame))
    merged = [interpolate_unsure(_merged(chain), cameras) for chain in chains]
    merged.sort(key=lambda sightings: -sum(s.views for s in sightings.values()))
    bones = [bone_lengths(np.stack([s.points for s in sightings.values()])) for sightings in merged]
    people = tuple(Person(k, s, b) for k, (s, b) in enumerate(zip(merged, bones, strict=True)))
    one_view = _one_view(left, detections, people, len(cameras), config)
    return Association(people, one_view, (*notes, *unsure))


def _confirmed(tracks: Sequence[Track], frames: int, config: AssociationConfig) -> list[Track]:
    """Tracks with enough evidence, without frames before the first and after the last detection."""
    out = []
    needed = min(config.confirm_frames, frames)
    for track in tracks:
        seen = [k for k, s in enumerate(track.sightings) if s.views]
        track.sightings[:] = track.sightings[seen[0] : seen[-1] + 1] if seen else []
        measured = np.array([s.measured for s in track.sightings], dtype=int)
        if len(measured) and np.convolve(measured, np.ones(needed + SLACK, dtype=int)).max() >= needed:
            out.append(track)
    return out


def _unconfirmed_notes(found: Sequence[Track], confirmed: Sequence[Track]) -> list[str]:
    """What is said of tracks with too little evidence; a coincidence of one frame is not worth a word."""
    known = {id(track) for track in confirmed}
    measured = [[s.frame for s in t.sightings if s.measured] for t in found if id(t) not in known]
    seen = [frames for frames in measured if len(frames) > 1]
    if not seen:
        return []
    longest = max(seen, key=len)
    others = f", and {len(seen) - 1} more with no more frames" if len(seen) > 1 else ""
    return [
        f"somebody whom several views show in {len(longest)} frames only, from {longest[0]} to {longest[-1]}{others}: "
        "left out"
    ]


def _merged(chain: Sequence[Track]) -> dict[int, Sighting]:
    """The sightings of a person by frame; those of a track end where the next one starts."""
    out: dict[int, Sighting] = {}
    for track in chain:
        start = track.sightings[0].frame
        out = {frame: sighting for frame, sighting in out.items() if frame < start}
        out |= {sighting.frame: sighting for sighting in track.sightings}
    return out


def _one_view(
    left: Mapping[int, list[list[Candidate]]],
    detections: Detections,
    people: Sequence[Person],
    views: int,
    config: AssociationConfig,
) -> tuple[OneViewPerson, ...]:
    """Chains over frames of the detections that belong to nobody, linked by their boxes."""
    needed = min(config.confirm_frames, len(left))
    out: list[OneViewPerson] = []
    for v in range(views):
        open_chains: list[dict[int, Box]] = []
        for frame in sorted(left):
            taken = [detections[frame][v][s.picks[v]].box for p in people
                     if (s := p.sightings.get(frame)) is not None and s.picks[v] >= 0]  # fmt: skip
            boxes = [c.box for c in left[frame][v] if c.score >= ONE_VIEW_SCORE
                     and all(box_iou(c.box, box) < COVERED for box in taken)]  # fmt: skip
            ended = [c for c in open_chains if frame - max(c) > config.max_missing]
            out += [OneViewPerson(v, c) for c in ended if len(c) >= needed]
            open_chains = [c for c in open_chains if frame - max(c) <= config.max_missing]
            owners = match_boxes([c[max(c)] for c in open_chains], boxes, SAME_BOX)
            for box, owner in zip(boxes, owners, strict=True):
                if owner is None:
                    open_chains.append({frame: box})
                else:
                    open_chains[owner][frame] = box
        out += [OneViewPerson(v, c) for c in open_chains if len(c) >= needed]
    return tuple(out)
