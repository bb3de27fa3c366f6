"""People as 17 exact joints, seen by exact cameras."""

import numpy as np
import pytest

from diffproxy.detector.person_detector import Candidate

_HALF = np.array(
    [[0, 0.03, 0.07, 0.2, 0.35, 0.4, 0.12, 0.13, 0.13], [1.6, 1.65, 1.62, 1.4, 1.15, 0.95, 0.92, 0.5, 0.08]]
)


def standing(x=0.0, z=0.0, size=1.0, turn=0.0):
    """(17, 3) joints of somebody who stands at (x, z), y up, metres; arms and legs are not symmetric."""
    side, height = _HALF
    points = [(0.0, height[0], 0.1)]
    for k in range(1, 9):
        points += [(side[k], height[k], 0.03 * k), (-side[k], height[k], 0.1 - 0.02 * k)]
    c, s = np.cos(turn), np.sin(turn)
    return size * np.array(points) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + [x, 0, z]


def seen_by(camera, joints, noise=0.0, rng=None):
    """The detection of one person in one camera."""
    pixels = camera.project(joints)
    if noise:
        pixels = pixels + rng.normal(scale=noise, size=pixels.shape)
    (x0, y0), (x1, y1) = pixels.min(0) - 4, pixels.max(0) + 4
    keypoints = np.concatenate([pixels, np.full((17, 1), 0.8)], 1).astype(np.float32)
    return Candidate((float(x0), float(y0), float(x1), float(y1)), 0.8, keypoints)


@pytest.fixture
def cameras(make_ring):
    """Four cameras around the middle of a room."""
    return make_ring(4, size=1000, radius=5.0, target=(0.0, 1.0, 0.0))


@pytest.fixture
def make_person():
    return standing


@pytest.fixture
def observe():
    """Detections of `people[f]`, lists of joints or None (absent); in view v they come in another order."""

    def of(people, cameras, noise=0.0, hidden=()):
        rng = np.random.default_rng(0)
        frames = {}
        for f, present in enumerate(people):
            views = []
            for v, camera in enumerate(cameras):
                found = [
                    seen_by(camera, joints, noise, rng)
                    for p, joints in enumerate(present)
                    if joints is not None and (f, v, p) not in hidden
                ]
                views.append(found[v % 2 :] + found[: v % 2])
            frames[f] = views
        return frames

    return of
