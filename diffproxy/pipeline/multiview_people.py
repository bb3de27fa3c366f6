"""People in 3D from detections of several views: places and sizes on which two views or more agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box, BoxLike
from diffproxy.geometry.triangulation import intersect_rays

HEIGHT_RANGE_M = (1.0, 2.3)  # a person's longer side in a box, crouching to arms up
CENTRE_TOLERANCE = 0.16  # of the person's size in the image: box centres wander with the limbs
SIZE_TOLERANCE = 0.28  # of the log size: a box is taller than wide in one view, foreshortened in the next
AGREES = 0.05  # under this a candidate belongs to someone else
UNSEEN_COST = 0.15  # a view that should show the person and has no box for it


@dataclass(frozen=True)
class Candidate:
    """One detection in one view: `box` and `centre` (middle of the body) in pixels, `score` in [0, 1]."""

    box: Box
    score: float
    centre: tuple[float, float]

    @staticmethod
    def from_box(box: BoxLike, score: float = 1.0) -> Candidate:
        x0, y0, x1, y1 = (float(v) for v in box)
        return Candidate((x0, y0, x1, y1), score, (0.5 * (x0 + x1), 0.5 * (y0 + y1)))


@dataclass(frozen=True)
class Person:
    """One person in 3D: `centre` metres, `extent` metres (longer side), chosen candidate (or None) a view."""

    centre: Float[np.ndarray, 3]
    extent: float
    chosen: tuple[int | None, ...]
    score: float

    @property
    def views(self) -> int:
        return sum(i is not None for i in self.chosen)


def find_people(
    candidates: Sequence[Sequence[Candidate]], cameras: Sequence[Camera], near: Float[np.ndarray, 3] | None
) -> list[Person]:
    """Everybody on whom two views or more agree, best first; no candidate serves two people.

    Every pair of candidates in two views proposes a place and a size; the proposal is scored in all views by how well
    a candidate there matches its reprojection.

    Args:
        candidates: Of each view.
        cameras: Pinhole cameras of the views.
        near: Last known place, metres: who stands there is favoured; None: nobody is.

    Returns:
        People without detections in common.
    """
    people: list[Person] = []
    free = [set(range(len(found))) for found in candidates]
    while (best := _best_person(candidates, cameras, near, free)) is not None:
        people.append(best)
        for v, i in enumerate(best.chosen):
            free[v].discard(-1 if i is None else i)
    return people


def _best_person(
    candidates: Sequence[Sequence[Candidate]],
    cameras: Sequence[Camera],
    near: np.ndarray | None,
    free: Sequence[set[int]],
) -> Person | None:
    """The person with most evidence among the `free` candidates of each view, None if no two views agree."""
    best: Person | None = None
    for a, b in combinations(range(len(cameras)), 2):
        for i, j in product(free[a], free[b]):
            chosen = tuple(i if v == a else j if v == b else None for v in range(len(cameras)))
            person = _refined(candidates, cameras, Person(np.zeros(3), 1.0, chosen, 0.0))
            if person is None or not 0.5 * HEIGHT_RANGE_M[0] < person.extent < 1.5 * HEIGHT_RANGE_M[1]:
                continue
            person = _refined(candidates, cameras, _score(candidates, cameras, person, near, free))
            if person is None:
                continue
            person = _score(candidates, cameras, person, near, free)
            if person.views >= 2 and person.score > max(AGREES, best.score if best else 0.0):
                best = person
    return best


def reprojected_box(camera: Camera, person: Person) -> Box | None:
    """Square box of a person's place and size, pixels; None where the centre is outside of the image."""
    if not _inside(camera, person.centre):
        return None
    x, y = camera.project(person.centre)
    half = 0.5 * person.extent * float(camera.K[1, 1]) / _depth(camera, person.centre)
    return (float(x - half), float(y - half), float(x + half), float(y + half))


def triangulate(points: Float[np.ndarray, "N 2"], cameras: Sequence[Camera]) -> Float[np.ndarray, 3]:
    """The point (metres) nearest to the N viewing rays, least squares on perpendicular distance."""
    rays = [camera.rays_world(point) for point, camera in zip(points, cameras, strict=True)]
    return intersect_rays(
        np.stack([origin for origin, _ in rays]), np.stack([direction for _, direction in rays])
    )


def _size_px(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _depth(camera: Camera, x_world: np.ndarray) -> float:
    return float(camera.R_cam_world[2] @ x_world + camera.t_cam_world[2])


def _metres(candidate: Candidate, camera: Camera, x_world: np.ndarray) -> float:
    """Size of the box at the depth of `x_world`."""
    return _size_px(candidate.box) * _depth(camera, x_world) / float(camera.K[1, 1])


def _cut(box: Box, camera: Camera, slack: float = 2.0) -> bool:
    """Whether the image border cuts the box, so that its size is only a lower bound."""
    x0, y0, x1, y1 = box
    return x0 <= slack or y0 <= slack or x1 >= camera.width - slack or y1 >= camera.height - slack


def _match(c: Candidate, camera: Camera, person: Person) -> float:
    """How well a candidate fits the person's place and size, in [0, 1]."""
    z = _depth(camera, person.centre)
    if z < 0.1:
        return 0.0
    size = person.extent * float(camera.K[1, 1]) / z
    offset = float(np.linalg.norm(camera.project(person.centre) - np.asarray(c.centre))) / size
    ratio = float(np.log(_size_px(c.box) / size))
    if _cut(c.box, camera):  # a truncated person: smaller is no contradiction, and the centre shifts
        ratio, offset = max(ratio, 0.0), 0.5 * offset
    return float(np.exp(-0.5 * (offset / CENTRE_TOLERANCE) ** 2 - 0.5 * (ratio / SIZE_TOLERANCE) ** 2))


def _inside(camera: Camera, x_world: np.ndarray) -> bool:
    if _depth(camera, x_world) < 0.1:
        return False
    x, y = camera.project(x_world)
    return bool(0 <= x < camera.width and 0 <= y < camera.height)


def _score(
    candidates: Sequence[Sequence[Candidate]],
    cameras: Sequence[Camera],
    person: Person,
    near: np.ndarray | None,
    free: Sequence[set[int]],
) -> Person:
    """Best free candidate of every view for this place and size, and the evidence in sum."""
    chosen: list[int | None] = []
    total = 0.0
    for v, camera in enumerate(cameras):
        values = {i: c.score * _match(c, camera, person) for i, c in enumerate(candidates[v]) if i in free[v]}
        best = max(values, key=lambda i: values[i], default=None)
        if best is not None and values[best] > AGREES:
            chosen.append(best)
            total += values[best]
        else:
            chosen.append(None)
            total -= UNSEEN_COST * _inside(camera, person.centre)
    low, high = HEIGHT_RANGE_M
    odd = max(np.log(low / person.extent), np.log(person.extent / high), 0.0)
    total *= float(np.exp(-0.5 * (odd / 0.15) ** 2)) if total > 0 else 1.0
    if near is not None and total > 0:
        total *= 0.5 + 0.5 * float(np.exp(-0.5 * (np.linalg.norm(person.centre - near) / 0.5) ** 2))
    return replace(person, chosen=tuple(chosen), score=float(total))


def _refined(
    candidates: Sequence[Sequence[Candidate]], cameras: Sequence[Camera], person: Person
) -> Person | None:
    """Place and size once more, from all candidates that agreed; None when the place makes no sense."""
    picks = [(candidates[v][i], cameras[v]) for v, i in enumerate(person.chosen) if i is not None]
    if len(picks) < 2:
        return None
    centre = triangulate(np.array([c.centre for c, _ in picks]), [camera for _, camera in picks])
    if any(_depth(camera, centre) < 0.1 for _, camera in picks):
        return None
    sizes = [_metres(c, camera, centre) for c, camera in picks if not _cut(c.box, camera)]
    sizes = sizes or [max(_metres(c, camera, centre) for c, camera in picks)]
    return Person(centre, float(np.median(sizes)), person.chosen, person.score)
