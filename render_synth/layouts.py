"""Camera layouts around a subject: studios, tripods, room corners, action cameras. World: y up, floor y = 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

Rng = np.random.Generator
Range = tuple[float, float]


@dataclass(frozen=True)
class Mount:
    """One camera before its lens is fitted: position relative to the subject, field of view, orientation."""

    azimuth: float  # radians
    distance: float  # metres from the subject's axis
    height: float  # metres above the floor
    fov: float  # degrees along the long side
    portrait: bool
    roll: float  # degrees
    wander: float  # metres (standard deviation) between the subject's middle and what the camera looks at


@dataclass(frozen=True)
class RigPlan:
    """The mounts of a rig, and how much of the long side the subject may fill (else the lens is changed)."""

    mounts: list[Mount]
    fill: Range = (0.25, 1.05)
    aim: float = 0.1  # metres (standard deviation) by which the whole rig looks past the subject
    shapes: tuple[float, ...] = (0.45, 0.2, 0.1, 0.05, 0.2)  # probabilities of `SHAPES`
    clear: float = 0.45  # metres of a camera beside the subject: no limb in the lens
    lens: Range = (30, 110)  # degrees along the long side
    lift: float = 0.0  # what the rig looks at, above the subject's middle, in halves of its height


def spread(rng: Rng, count: int, jitter: float) -> np.ndarray:
    """Azimuths (radians) evenly around the subject, with a standard deviation of `jitter`."""
    return rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(count) / count + rng.normal(0, jitter, count)


def ring(rng: Rng, count: int) -> RigPlan:
    """A studio: 4 to 12 equal cameras, evenly spaced on one or two heights, of which `count` are used."""
    built = max(count, int(rng.integers(4, 13)))
    chosen = np.sort(rng.permutation(built)[:count])
    heights = rng.uniform(0.8, 2.6, 2) if rng.random() < 0.3 else np.repeat(rng.uniform(0.9, 2.2), 2)
    distance, fov, portrait = rng.uniform(2.2, 5.5), rng.uniform(38, 75), rng.random() < 0.5
    angles = spread(rng, built, 0.06)
    roll = 90.0 if rng.random() < 0.03 else 0.0  # cameras mounted on their side, without rotation in software
    return RigPlan([
        Mount(angles[i], distance * rng.uniform(0.93, 1.07), heights[i % 2] + rng.normal(0, 0.06), fov, portrait,
              roll + rng.normal(0, 1.0), 0.08)
        for i in chosen
    ])  # fmt: skip


def tripods(rng: Rng, count: int) -> RigPlan:
    """Phones on tripods: different cameras, mostly with the same orientation."""
    upright = rng.random() < 0.5
    return RigPlan([
        Mount(a, rng.uniform(2.0, 4.8), rng.uniform(1.0, 1.75), rng.uniform(40, 75),
              bool(upright ^ (rng.random() < 0.15)), rng.normal(0, 1.5), 0.13)
        for a in spread(rng, count, 0.6)
    ])  # fmt: skip


def mounted(rng: Rng, count: int) -> RigPlan:
    """A movement lab: cameras clamped to walls and stands above the head, looking down, tilted to any side."""
    height, distance, fov = rng.uniform(1.5, 2.9), rng.uniform(2.4, 4.8), rng.uniform(48, 72)
    portrait, tilt = rng.random() < 0.7, rng.choice([4.0, 14.0])
    return RigPlan([
        Mount(a, distance * rng.uniform(0.8, 1.25), height + rng.normal(0, 0.2), fov * rng.uniform(0.97, 1.03),
              portrait, float(np.clip(rng.normal(0, tilt), -35, 35)), 0.15)
        for a in spread(rng, count, 0.45)
    ], aim=0.3)  # fmt: skip


def corners(rng: Rng, count: int) -> RigPlan:
    """High in the corners of a room, wide lenses."""
    height, fov = rng.uniform(2.1, 3.2), rng.uniform(60, 108)
    return RigPlan([
        Mount(a, rng.uniform(3.0, 6.5), height + rng.normal(0, 0.12), fov, False, rng.normal(0, 3), 0.25)
        for a in spread(rng, count, 0.2)
    ], fill=(0.16, 1.05))  # fmt: skip


def near(rng: Rng, count: int) -> RigPlan:
    """At short distance: the frame cuts the body off."""
    portrait = rng.random() < 0.4
    return RigPlan([
        Mount(a, rng.uniform(1.1, 2.2), rng.uniform(0.7, 1.8), rng.uniform(45, 80), portrait, rng.normal(0, 3), 0.3)
        for a in spread(rng, count, 0.6)
    ], fill=(0.8, 1.7))  # fmt: skip


def far(rng: Rng, count: int) -> RigPlan:
    """A small subject: across a gym or a field."""
    return RigPlan([
        Mount(a, rng.uniform(5.0, 7.5), rng.uniform(1.0, 3.0), rng.uniform(55, 90), rng.random() < 0.2,
              rng.normal(0, 2), 0.5)
        for a in spread(rng, count, 0.5)
    ], fill=(0.13, 0.4))  # fmt: skip


def action(rng: Rng, count: int) -> RigPlan:
    """Small wide cameras at any height, after their fish eye has been straightened."""
    fov = rng.uniform(85, 110)
    return RigPlan([
        Mount(a, rng.uniform(1.3, 3.2), rng.uniform(0.4, 2.4), fov, rng.random() < 0.25, rng.normal(0, 5), 0.25)
        for a in spread(rng, count, 0.7)
    ], fill=(0.2, 1.1))  # fmt: skip


def low(rng: Rng, count: int) -> RigPlan:
    """On the floor or on low stands."""
    return RigPlan([
        Mount(a, rng.uniform(2.0, 4.5), rng.uniform(0.12, 0.8), rng.uniform(45, 80), rng.random() < 0.5,
              rng.normal(0, 2), 0.13)
        for a in spread(rng, count, 0.5)
    ])  # fmt: skip


def top(rng: Rng, count: int) -> RigPlan:
    """Some cameras under the ceiling, looking steeply down; the others as tripods."""
    above = rng.random(count) < 0.6
    others = tripods(rng, count).mounts
    return RigPlan([
        Mount(o.azimuth, rng.uniform(0.5, 2.2), rng.uniform(3.0, 4.2), rng.uniform(55, 95), rng.random() < 0.3,
              rng.normal(0, 20), 0.15) if up else o
        for o, up in zip(others, above, strict=True)
    ])  # fmt: skip


def arc(rng: Rng, count: int) -> RigPlan:
    """Small baselines: all cameras within 20 to 100 degrees."""
    start, width = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(20, 100))
    distance, fov, portrait = rng.uniform(2.2, 5.0), rng.uniform(40, 75), rng.random() < 0.5
    return RigPlan([
        Mount(start + width * i / max(count - 1, 1) + rng.normal(0, 0.03), distance * rng.uniform(0.9, 1.1),
              rng.uniform(0.9, 2.0), fov, portrait, rng.normal(0, 2), 0.13)
        for i in range(count)
    ])  # fmt: skip


def phones(rng: Rng, count: int) -> RigPlan:
    """Phones held or leaned upright near the subject: portrait images that often cut off feet, hands or head."""
    fov = rng.uniform(60, 82)
    return RigPlan([
        Mount(a, rng.uniform(1.2, 2.8), rng.uniform(0.8, 1.7), fov * rng.uniform(0.95, 1.05), True,
              rng.normal(0, 4), 0.2)
        for a in spread(rng, count, 0.6)
    ], fill=(0.5, 1.5), aim=0.15, shapes=(0.55, 0.3, 0.0, 0.0, 0.15))  # fmt: skip


def close(rng: Rng, count: int) -> RigPlan:
    """At arm's length: selfies and people beside the photographer; wide lenses, cameras within 60 to 200 degrees."""
    start, width = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(60, 200))
    upright = rng.random() < 0.55
    return RigPlan([
        Mount(start + width * (i + 0.5) / count + rng.normal(0, 0.1), rng.uniform(0.6, 1.3), rng.uniform(0.9, 1.8),
              rng.uniform(60, 110), upright, rng.normal(0, 6), 0.15)
        for i in range(count)
    ], fill=(0.5, 3.0), shapes=(0.4, 0.4, 0.1, 0.0, 0.1), clear=0.25, lift=rng.uniform(0, 0.8))  # fmt: skip


def tele(rng: Rng, count: int) -> RigPlan:
    """Long lenses from afar."""
    return RigPlan([
        Mount(a, rng.uniform(4.0, 7.5), rng.uniform(0.9, 2.2), rng.uniform(20, 32), rng.random() < 0.2,
              rng.normal(0, 2), 0.2)
        for a in spread(rng, count, 0.6)
    ], fill=(0.3, 1.3), lens=(20, 110))  # fmt: skip


def anyhow(rng: Rng, count: int) -> RigPlan:
    """Every camera from another layout."""
    kinds = [ring, tripods, mounted, corners, action, low, top]
    angles = spread(rng, count, 0.8)
    picks = [kinds[int(rng.integers(len(kinds)))](rng, 1).mounts[0] for _ in range(count)]
    return RigPlan(
        [replace(m, azimuth=float(a)) for m, a in zip(picks, angles, strict=True)], fill=(0.2, 1.2)
    )


LAYOUTS: dict[str, tuple[Callable[[Rng, int], RigPlan], float]] = {
    "ring": (ring, 0.16), "tripods": (tripods, 0.2), "mounted": (mounted, 0.2), "corners": (corners, 0.1),
    "near": (near, 0.07), "far": (far, 0.05), "action": (action, 0.05), "low": (low, 0.04), "top": (top, 0.04),
    "arc": (arc, 0.04), "anyhow": (anyhow, 0.05),
    "phones": (phones, 0.0), "close": (close, 0.0),  # chosen by `phone_fraction` and `close_fraction`
    "tele": (tele, 0.0),  # of groups only
}  # fmt: skip
SHAPES = ((1920, 1080), (1440, 1080), (1080, 1080), (1280, 1024), (1920, 1088))


def sample_rig_plan(rng: Rng, count: int, kind: str) -> tuple[str, RigPlan]:
    """A layout's name (drawn where `kind` is empty) and its mounts."""
    names = list(LAYOUTS)
    kind = kind or str(rng.choice(names, p=[LAYOUTS[n][1] for n in names]))
    return kind, LAYOUTS[kind][0](rng, count)
