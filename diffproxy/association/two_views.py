"""Coincidences: rays of two different people in two views may meet in mid-air, where no third view tells.

A sighting that exactly two views support is compared with how well rays meet in the whole take, whatever the noise of
its keypoints is; less is allowed where a third camera should show the person and shows nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.association.observations import MIN_CONFIDENCE, NEAREST
from diffproxy.association.track import Sighting, Track
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate

LEAST = 0.01  # metres, of the usual distance: the rays of exact keypoints always meet
WORST = 3.0  # median distance of rays from joints, over the take's usual one, of two views that agree
WORST_CONTRADICTED = 2.0  # the same where another view should show the person
INSIDE = 0.8  # share of the joints in an image that should show the person
COVERED = 0.3  # share of the joints in somebody's box: the person may be behind
NEIGHBOURS = 10  # frames around a coincidence that tell where the person was
SAME_PLACE = 0.15  # metres, median distance of a detection's rays from there, to be the person's

Views = Sequence[Sequence[Candidate]]


def without_coincidences(
    tracks: Sequence[Track], detections: Mapping[int, Views], cameras: Sequence[Camera]
) -> None:
    """Correct the sightings of tracks in place.

    Of a coincidence the detection is kept that lies where the track is just before and after, as one view; without one
    the person counts as not seen in that frame.

    Args:
        tracks: All tracks of a take.
        detections: `detections[frame][view]`, pixels of the images of `cameras`.
        cameras: Of the views.
    """
    misses = [np.array([_miss(s, detections[s.frame], cameras) for s in track.sightings]) for track in tracks]
    if not tracks or not np.isfinite(np.concatenate(misses)).any():
        return
    usual = max(float(np.nanmedian(np.concatenate(misses))), LEAST)
    for track, miss in zip(tracks, misses, strict=True):
        measured = [k for k, s in enumerate(track.sightings) if s.measured]
        wrong = [
            k
            for k in measured
            if track.sightings[k].views == 2
            and miss[k] > WORST_CONTRADICTED * usual
            and (
                miss[k] > WORST * usual
                or _contradicted(track.sightings[k], detections[track.sightings[k].frame], cameras)
            )
        ]
        good = [track.sightings[k] for k in measured if k not in set(wrong)]
        for k in wrong:
            sighting = track.sightings[k]
            track.sightings[k] = _resolved(sighting, good, detections[sighting.frame], cameras)


def _offsets(
    points: Float[np.ndarray, "17 3"], found: Candidate, camera: Camera
) -> tuple[Float[np.ndarray, "17"], Bool[np.ndarray, "17"]]:
    """Distance in metres, across the line of sight, of joints from a detection's keypoints; which can be compared."""
    depth = (points - camera.center_world) @ camera.R_cam_world[2]
    pixels = camera.project(points)
    known = (found.keypoints[:, 2] >= MIN_CONFIDENCE) & np.isfinite(pixels).all(-1) & (depth > NEAREST)
    off = np.linalg.norm(np.where(known[:, None], pixels - found.keypoints[:, :2], 0.0), axis=-1)
    return off * depth / float(camera.K[1, 1]), known


def _miss(sighting: Sighting, views: Views, cameras: Sequence[Camera]) -> float:
    """Median distance of the rays from the joints that two views show, metres; NaN unless two views agree."""
    if not sighting.measured:
        return float("nan")
    rows = [_offsets(sighting.joints, views[v][int(sighting.picks[v])], cameras[v])
            for v in np.flatnonzero(sighting.picks >= 0).tolist()]  # fmt: skip
    off, known = (np.stack(column) for column in zip(*rows, strict=True))
    known = known & (known.sum(0) >= 2)
    return float(np.median(off[known])) if known.any() else float("nan")


def _contradicted(sighting: Sighting, views: Views, cameras: Sequence[Camera]) -> bool:
    """Whether a further view has nobody where the person should be in the picture."""
    for v, camera in enumerate(cameras):
        if sighting.picks[v] >= 0:
            continue
        pixels = camera.project(sighting.joints)
        depth = (sighting.joints - camera.center_world) @ camera.R_cam_world[2]
        inside = (pixels >= 0).all(-1) & (pixels < [camera.width, camera.height]).all(-1) & (depth > NEAREST)
        if inside.mean() < INSIDE:
            continue
        boxes = np.array([c.box for c in views[v]]).reshape(-1, 1, 4)
        within = (pixels >= boxes[..., :2]).all(-1) & (pixels <= boxes[..., 2:]).all(-1)
        if not (within.mean(-1) > COVERED).any():
            return True
    return False


def _resolved(
    sighting: Sighting, good: Sequence[Sighting], views: Views, cameras: Sequence[Camera]
) -> Sighting:
    """The sighting with the detection alone that lies where `good` ones nearby have the person, or with none."""
    nobody = replace(sighting, picks=np.full_like(sighting.picks, -1), points=np.full((17, 3), np.nan))
    before = [s for s in good if 0 < sighting.frame - s.frame <= NEIGHBOURS]
    after = [s for s in good if 0 < s.frame - sighting.frame <= NEIGHBOURS]
    if not before or not after:
        return nobody
    a, b = before[-1], after[0]
    share = (sighting.frame - a.frame) / (b.frame - a.frame)
    joints = (1 - share) * a.joints + share * b.joints
    nearest, best = SAME_PLACE, nobody
    for v in np.flatnonzero(sighting.picks >= 0).tolist():
        off, known = _offsets(joints, views[v][int(sighting.picks[v])], cameras[v])
        if known.any() and np.median(off[known]) < nearest:
            nearest = float(np.median(off[known]))
            best = replace(
                nobody, picks=np.where(np.arange(len(cameras)) == v, sighting.picks, -1), joints=joints
            )
    return best if best is not nobody else replace(nobody, joints=joints)
