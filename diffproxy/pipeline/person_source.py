"""Boxes of one person of several, from the association over the whole take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffproxy.association import Person
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.multiview_association import Location
from diffproxy.pipeline.people_occlusion import free_share
from diffproxy.pipeline.pixel_claims import Claims, without_others
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.digests import fingerprint

LIMB_MARGIN = 1.15  # of a box around the joints: skin, hair and feet reach beyond them
# of a person's limbs, inside of the image and with nobody in front; else the view has no crop
LEAST_FREE = 0.3


@dataclass(frozen=True)
class PersonSource:
    """The `BoxSource` of one person: boxes and skeletons by frame and camera name, notes by frame.

    `expected`: the cameras of each frame whose boxes no detection gives, but the other views. `listed`:
    the `id` and the stamp of the `take`, by which `result.npz` tells whose it is.
    """

    name: str
    boxes: dict[int, dict[str, Box]]
    claims: dict[int, dict[str, Claims]]
    notes: dict[int, tuple[str, ...]]
    expected: dict[int, tuple[str, ...]]
    listed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Changes when a box, where it is from or a skeleton does."""
        skeletons = {
            f"{frame} {name}": [None if x is None else x.round(3).tolist() for x in (c.own, *c.others)]
            for frame, claims in self.claims.items()
            for name, c in claims.items()
        }
        boxes, expected = ({str(k): v for k, v in d.items()} for d in (self.boxes, self.expected))
        return fingerprint({"boxes": boxes, "skeletons": skeletons, "expected": expected})

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        """The boxes of this frame; views without one are left out."""
        boxes = self.boxes.get(frame_id, {})
        notes = self.notes.get(frame_id, (f"{self.name} is out of sight",))
        return Location(tuple(boxes.get(c.name) for c in cameras), None, notes)

    def own_pixels(
        self, frame_id: int, maps: ProxyMaps, cameras: Sequence[str], boxes: Sequence[Box]
    ) -> ProxyMaps:
        """Proxies of crops (`boxes` in the images of `cameras`) without the pixels that show somebody else."""
        claims = self.claims.get(frame_id, {})
        return without_others(maps, [claims.get(name) for name in cameras], boxes)


def person_source(
    person: Person,
    people: Sequence[Person],
    detections: Mapping[int, Sequence[Sequence[Candidate]]],
    cameras: Sequence[Camera],
    name: str,
) -> PersonSource:
    """Boxes and skeletons of one person in all frames with a view.

    Args:
        person: One of `people`.
        people: All people of the take.
        detections: `detections[frame][view]`, pixels.
        cameras: Of the views.
        name: For messages.

    Returns:
        In each view the box of the person's detection; without one, the box around the joints, where the person is
        inside of the image, at least two views agree, and enough of the person is free (`LEAST_FREE`).
    """
    boxes: dict[int, dict[str, Box]] = {}
    claims: dict[int, dict[str, Claims]] = {}
    notes: dict[int, tuple[str, ...]] = {}
    expected: dict[int, tuple[str, ...]] = {}
    for frame, sighting in person.sightings.items():
        if not sighting.views:
            continue
        boxes[frame], claims[frame], expected[frame], said = {}, {}, (), []
        for v, camera in enumerate(cameras):
            shown = [detections[frame][v][k] for p in people if p is not person
                     if frame in p.sightings and (k := int(p.sightings[frame].picks[v])) >= 0]  # fmt: skip
            pick = int(sighting.picks[v])
            if pick >= 0:
                own = detections[frame][v][pick]
                boxes[frame][camera.name] = own.box
                skeleton: np.ndarray | None = np.asarray(own.keypoints, np.float64)
            else:
                box, skeleton = _expected(sighting.joints, camera) if sighting.measured else (None, None)
                if box is None:
                    said.append(f"{camera.name}: no detection of {name}")
                elif _free_share(person, people, frame, detections[frame][v], v, camera) < LEAST_FREE:
                    said.append(f"{camera.name}: {name} is hidden by somebody")
                else:
                    boxes[frame][camera.name] = box
                    expected[frame] += (camera.name,)
                    said.append(f"{camera.name}: no detection of {name}, box taken from the other views")
            others = tuple(np.asarray(c.keypoints, np.float64) for c in shown)
            claims[frame][camera.name] = Claims(skeleton, others)
        notes[frame] = tuple(said)
    return PersonSource(name, boxes, claims, notes, expected)


def _free_share(
    person: Person,
    people: Sequence[Person],
    frame: int,
    shown: Sequence[Candidate],
    view: int,
    camera: Camera,
) -> float:
    """`free_share` of a person whom no detection of this view belongs to."""
    known = [p.sightings[frame] for p in people
             if p is not person and frame in p.sightings and p.sightings[frame].measured]  # fmt: skip
    owned = {int(sighting.picks[view]) for sighting in known}
    strangers = [np.asarray(c.keypoints, np.float64) for k, c in enumerate(shown) if k not in owned]
    return free_share(person.sightings[frame].joints, camera, [s.joints for s in known], strangers)


def _expected(joints: np.ndarray, camera: Camera) -> tuple[Box | None, np.ndarray | None]:
    """Box and skeleton of the joints' projections; None where their middle is outside of the image."""
    pixels = camera.project(joints)
    if not np.isfinite(pixels).all():
        return None, None
    x, y = pixels.mean(0)
    if not (0 <= x < camera.width and 0 <= y < camera.height):
        return None, None
    low, high = pixels.min(0), pixels.max(0)
    middle, half = (low + high) / 2, LIMB_MARGIN * (high - low) / 2
    x0, y0, x1, y1 = (float(value) for value in (*(middle - half), *(middle + half)))
    return (x0, y0, x1, y1), np.concatenate([pixels, np.ones((17, 1))], 1)
