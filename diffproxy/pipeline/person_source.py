"""Boxes of one person of several, from the association over the whole take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffproxy.association import Association, Person
from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box, box_iou
from diffproxy.pipeline.multiview_association import Location
from diffproxy.utils.digests import fingerprint

LIMB_MARGIN = 1.15  # of a box around the joints: skin, hair and feet reach beyond them
OTHERS_IOU = (
    0.3  # where somebody else's box covers the expected one that much, the person is taken to be hidden
)


@dataclass(frozen=True)
class PersonSource:
    """The `BoxSource` of one person: boxes by frame and camera name, and why others are missing."""

    name: str
    boxes: dict[int, dict[str, Box]]
    notes: dict[int, tuple[str, ...]]

    @property
    def digest(self) -> str:
        """Changes when a box does."""
        return fingerprint({"boxes": {str(k): v for k, v in self.boxes.items()}})

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        """The boxes of this frame; views without one are left out."""
        boxes = self.boxes.get(frame_id, {})
        notes = self.notes.get(frame_id, (f"{self.name} is out of sight",))
        return Location(tuple(boxes.get(c.name) for c in cameras), None, notes)


def person_source(
    person: Person,
    association: Association,
    boxes: dict[int, list[list[Box]]],
    cameras: Sequence[Camera],
    name: str,
) -> PersonSource:
    """Boxes of one person in all frames with a view.

    Args:
        person: One of the people of `association`.
        association: All people of the take.
        boxes: `boxes[frame][view]` of all detections, pixels.
        cameras: Of the views.
        name: For messages.

    Returns:
        In each view the box of the person's detection; without one, the box around the joints, where the person is
        inside of the image, at least two views agree, and nobody else is in the way.
    """
    out: dict[int, dict[str, Box]] = {}
    notes: dict[int, tuple[str, ...]] = {}
    for frame, sighting in person.sightings.items():
        here: dict[str, Box] = {}
        said = []
        for v, camera in enumerate(cameras):
            pick = int(sighting.picks[v])
            if pick >= 0:
                here[camera.name] = boxes[frame][v][pick]
                continue
            box = _around(sighting.joints, camera) if sighting.measured else None
            others = [
                boxes[frame][v][k]
                for p in association.people
                if p is not person and frame in p.sightings and (k := int(p.sightings[frame].picks[v])) >= 0
            ]
            if box is None:
                said.append(f"{camera.name}: no detection of {name}")
            elif any(box_iou(box, other) > OTHERS_IOU for other in others):
                said.append(f"{camera.name}: {name} is hidden by somebody")
            else:
                here[camera.name] = box
                said.append(f"{camera.name}: no detection of {name}, box taken from the other views")
        if sighting.views:
            out[frame] = here
            notes[frame] = tuple(said)
    return PersonSource(name, out, notes)


def _around(joints: np.ndarray, camera: Camera) -> Box | None:
    """The box of the joints' projections; None where their middle is outside of the image."""
    pixels = camera.project(joints)
    if not np.isfinite(pixels).all():
        return None
    x, y = pixels.mean(0)
    if not (0 <= x < camera.width and 0 <= y < camera.height):
        return None
    low, high = pixels.min(0), pixels.max(0)
    middle, half = (low + high) / 2, LIMB_MARGIN * (high - low) / 2
    x0, y0, x1, y1 = (float(value) for value in (*(middle - half), *(middle + half)))
    return (x0, y0, x1, y1)
