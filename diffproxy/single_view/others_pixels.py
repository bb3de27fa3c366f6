"""People of one picture whose crops show one another: pixels go to the person whose skeleton is much nearer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.pixel_claims import Claims, without_others
from diffproxy.single_view.fit_people import Observed


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


def _skeleton(person: Observed) -> Float[np.ndarray, "17 3"] | None:
    """Keypoints of the first crop in pixels of the picture, with their confidence."""
    if person.detected is None or person.boxes is None:
        return None
    return _in_picture(person.detected[0], person.boxes[0], person.maps.labels.shape[2])


def _in_picture(keypoints: Float[np.ndarray, "17 4"], box: Box, side: int) -> Float[np.ndarray, "17 3"]:
    zoom = (box[2] - box[0]) / side
    return np.column_stack([keypoints[:, :2] * zoom + np.array(box[:2]), keypoints[:, 2]])
