"""People of one picture whose crops show one another: what lies at somebody else goes to them.

Before the fit the skeletons of the keypoints decide, after it the bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.body_claims import PosedPerson, claimed_by_others
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.pixel_claims import Claims, without_others
from diffproxy.single_view.fit_people import FittedPerson, Observed


def without_each_other(people: Sequence[Observed]) -> list[Observed]:
    """The people with pixels that another of them has the better claim to as background of which nothing is known.

    Args:
        people: Of one picture, with the keypoints of their crops; those without keypoints or boxes keep their pixels.
    """
    skeletons = [_skeleton(person) for person in people]
    out = []
    for i, person in enumerate(people):
        own, boxes = skeletons[i], person.boxes
        others = tuple(s for k, s in enumerate(skeletons) if k != i and s is not None)
        if own is None or boxes is None or not others:
            out.append(person)
            continue
        claims = [Claims(own, others)] * len(boxes)
        out.append(replace(person, maps=without_others(person.maps, claims, boxes)))
    return out


def without_each_others_bodies(
    people: Sequence[Observed], fitted: Sequence[FittedPerson], body: BodyModel
) -> list[Observed]:
    """The people without pixels and keypoints that somebody else's fitted body explains better.

    Args:
        people: Of one picture, as they were fitted.
        fitted: Their bodies, in the same order.
        body: Body model.

    Returns:
        The same objects where nothing is claimed that may matter.
    """
    posed = [PosedPerson.of(f.result.params, body) if f.result.has_body else None for f in fitted]
    out = []
    for i, person in enumerate(people):
        own, seen = posed[i], fitted[i].observed
        others = [p for k, p in enumerate(posed) if k != i and p is not None]
        if own is None or seen is None or not others:
            out.append(person)
            continue
        claimed = claimed_by_others(_generated(seen), own, others, body)
        if claimed.matter(_generated(seen)):
            left = claimed.without(_generated(person))
            person = replace(person, maps=left.maps, detected=left.keypoints)
        out.append(person)
    return out


def _generated(person: Observed) -> Generated:
    return Generated(person.maps, person.boxes or (), keypoints=person.detected)


def _skeleton(person: Observed) -> Float[np.ndarray, "17 3"] | None:
    """Keypoints of the first crop in pixels of the picture, with their confidence."""
    if person.detected is None or person.boxes is None:
        return None
    return _in_picture(person.detected[0], person.boxes[0], person.maps.labels.shape[2])


def _in_picture(keypoints: Float[np.ndarray, "17 4"], box: Box, side: int) -> Float[np.ndarray, "17 3"]:
    zoom = (box[2] - box[0]) / side
    return np.column_stack([keypoints[:, :2] * zoom + np.array(box[:2]), keypoints[:, 2]])
