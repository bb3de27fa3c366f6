"""Tracks that are nobody: mirror images of somebody else, pictures on a wall, doubles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.association.config import AssociationConfig
from diffproxy.association.track import Track
from diffproxy.encoders.movenet_keypoints import FLIP_ORDER
from diffproxy.geometry.procrustes import special_procrustes

MIRROR_FRAMES = 15
MIRROR_ERROR = 0.08  # metres, of all joints over all frames, under one reflection
MIRROR_MOTION = 0.3  # metres: who stands still is everybody's mirror image
PICTURE_FRAMES = 60
PICTURE_DEPTH = 0.03  # metres, thickness of a flat person
PICTURE_MOTION = 0.015  # metres, of the median joint: the noise of keypoints alone; people sway more


def is_picture(track: Track) -> bool:
    """A flat person who does not move at all over many frames: a poster, a screen."""
    points = np.stack([s.points for s in track.sightings])
    points = points[np.isfinite(points).all(-1).sum(-1) >= 8]
    if len(points) < PICTURE_FRAMES:
        return False
    parts = np.array_split(points, 6)  # averages over time leave motion, not noise
    counts = np.stack([np.isfinite(part).sum(0) for part in parts])
    means = np.stack([np.nansum(part, axis=0) for part in parts]) / np.maximum(counts, 1)
    known = (counts > 0).all((0, 2))
    if known.sum() < 8:
        return False
    motion = np.linalg.norm(means - means.mean(0), axis=-1)[:, known]
    shape = means.mean(0)[known]
    thickness = np.linalg.svd(shape - shape.mean(0), compute_uv=False)[-1] / np.sqrt(len(shape))
    return bool(np.median(motion) < PICTURE_MOTION and thickness < PICTURE_DEPTH)


def is_mirror_image(track: Track, of: Track, centers: Float[np.ndarray, "V 3"]) -> bool:
    """Whether one plane reflects the person `of` to `track` over many frames, with the cameras on the side of `of`."""
    a, b = ({s.frame: s for s in t.sightings if s.measured} for t in (of, track))
    frames = sorted(set(a) & set(b))
    if len(frames) < MIRROR_FRAMES:
        return False
    real = np.stack([a[f].points[list(FLIP_ORDER)] for f in frames]).reshape(-1, 3)
    image = np.stack([b[f].points for f in frames]).reshape(-1, 3)
    good = np.isfinite(real).all(-1) & np.isfinite(image).all(-1)
    if good.sum() < 8 * MIRROR_FRAMES or np.ptp(real[good], axis=0).max() < MIRROR_MOTION:
        return False
    x, y = real[good], image[good]
    x0, y0 = x - x.mean(0), y - y.mean(0)
    R = -special_procrustes(-(y0.T @ x0))[0]  # the best improper one
    error = np.linalg.norm(y0 - x0 @ R.T, axis=-1)
    if np.median(error) > MIRROR_ERROR:
        return False
    normal = y.mean(0) - x.mean(0)  # the mirror stands half way, across this line
    length = float(np.linalg.norm(normal))
    plane = np.eye(3) - 2 * np.outer(normal, normal) / max(length, 1e-9) ** 2
    between = (x.mean(0) + y.mean(0)) / 2
    return bool(np.abs(R - plane).max() < 0.2 and ((centers - between) @ normal < 0).all())


def is_double(track: Track, of: Track, config: AssociationConfig) -> bool:
    """Whether `track` runs inside of the longer one `of`."""
    a, b = ({s.frame: s.joints for s in t.sightings} for t in (of, track))
    shared = sorted(set(a) & set(b))
    if len(shared) < 0.5 * len(b):
        return False
    distance = [np.linalg.norm(a[f] - b[f], axis=-1).mean() for f in shared]
    return bool(np.median(distance) < config.duplicate)


def without_nobody(
    tracks: Sequence[Track], centers: Float[np.ndarray, "V 3"], config: AssociationConfig
) -> tuple[list[Track], list[str]]:
    """The tracks of people, and a line for each of the others; `centers` of the cameras, metres, world."""
    kept: list[Track] = []
    notes: list[str] = []
    for track in sorted(tracks, key=lambda t: -sum(s.views for s in t.sightings)):
        what = None
        if is_picture(track):
            what = "a flat person who does not move: taken for a picture"
        elif any(is_double(track, other, config) for other in kept):
            what = "a double of another person"
        elif any(other is not track and is_mirror_image(track, other, centers) for other in tracks):
            what = "a mirror image of another person"
        if what is None:
            kept.append(track)
        else:
            x, y, z = np.median(track.sightings[0].joints, axis=0)
            at = f"({x:.2f}, {y:.2f}, {z:.2f}) m"
            notes.append(
                f"frames {track.sightings[0].frame} to {track.sightings[-1].frame}: left out at {at}: {what}"
            )
    return kept, notes
