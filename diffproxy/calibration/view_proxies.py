"""Proxies of views whose cameras are not known yet, and the encoder's keypoints as detections for the calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import COCO17, INDEX, NAMES, Person2D
from diffproxy.pipeline.generate_proxies import SIDES, FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.timing import Stopwatch


def generate_each_view(generator: FrameGenerator, subject: SubjectViews, clock: Stopwatch) -> Generated:
    """`generate_proxies` of each view by itself, so that none leans on cameras that are not known yet."""
    return in_order([generate_proxies(generator, view, clock) for view in subject.each()])


def in_order(each: Sequence[Generated]) -> Generated:
    """The views of several calls as of one: body views first."""
    maps = ProxyMaps.cat([g.maps for g in each])
    order = sorted(range(maps.num_views), key=lambda v: maps.kind[v] != "body")
    boxes = [box for g in each for box in g.boxes]
    keypoints = [g.keypoints for g in each if g.keypoints is not None]
    hands = {side: [name for g in each for name in g.hands.get(side, [])] for side in SIDES}
    return Generated(
        maps.select(order),
        tuple(boxes[v] for v in order),
        tuple(note for g in each for note in g.notes),
        hands if any(g.hands for g in each) else {},
        np.concatenate(keypoints)[order] if len(keypoints) == len(each) else None,
    )


def detections(made: Generated, cameras: Sequence[Camera]) -> list[list[Person2D]]:
    """The encoder's keypoints of the body views as people in the pixels of each camera's image."""
    names = [c.name for c in cameras]
    people: list[list[Person2D]] = [[] for _ in cameras]
    if made.keypoints is None:
        return people
    side = made.maps.labels.shape[1]
    rows = [INDEX[n] for n in COCO17]
    for view, (kind, camera) in enumerate(zip(made.maps.kind, made.maps.cameras, strict=True)):
        if kind == "body":
            low, high = np.array(made.boxes[view][:2]), np.array(made.boxes[view][2:])
            points = np.zeros((len(NAMES), 3))
            points[rows, :2] = low + made.keypoints[view, :, :2] * (high - low) / side
            points[rows, 2] = made.keypoints[view, :, 2]
            people[names.index(camera.name)].append(Person2D(points))
    return people
