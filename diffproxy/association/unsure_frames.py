"""Joints in frames where no two views agree, interpolated between frames where two do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from diffproxy.association.track import Sighting
from diffproxy.cameras import Camera


def interpolate_unsure(sightings: Mapping[int, Sighting], cameras: Sequence[Camera]) -> dict[int, Sighting]:
    """The sightings of a person, with new joints in frames that lie between two frames in which two views agree.

    One view tells the direction of a person well and the distance badly: there only the distance is interpolated.
    Where no view shows the person, all joints are.

    Args:
        sightings: By frame.
        cameras: Of the views.
    """
    out = dict(sightings)
    for a, b in pairwise([f for f in sorted(sightings) if sightings[f].measured]):
        for f in [f for f in range(a + 1, b) if f in sightings]:
            share = (f - a) / (b - a)
            joints = (1 - share) * sightings[a].joints + share * sightings[b].joints
            sighting = sightings[f]
            if sighting.views == 1:
                center = cameras[int(sighting.picks.argmax())].center_world
                away = sighting.joints - center
                scale = np.linalg.norm(joints.mean(0) - center) / np.linalg.norm(away.mean(0))
                joints = center + scale * away
            out[f] = replace(sighting, joints=joints)
    return out
