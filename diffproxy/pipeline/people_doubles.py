"""People who turn out to be one, once their bodies are fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.association import AssociationConfig
from diffproxy.body.names import BODY_JOINTS
from diffproxy.pipeline.results import FrameResult


def double_of(records: Sequence[FrameResult], others: Mapping[int, Sequence[FrameResult]]) -> int | None:
    """Who else has the same bodies as a person.

    A wrong detection of somebody in one view and the right one in another can make a second person, whose fit its
    pixels draw to where the first one is. Two people are never as near to each other, joint by joint.

    Args:
        records: Frames of the person.
        others: Those of the people before, by id.

    Returns:
        The id of the first of them whose joints are within `AssociationConfig.duplicate` on average, in the median of
        the frames in which both have bodies, if these are half of the person's or more; else None.
    """
    mine = _joints(records)
    for who, theirs in ((who, _joints(other)) for who, other in others.items()):
        shared = sorted(set(mine) & set(theirs))
        if not shared or len(shared) < 0.5 * len(mine):
            continue
        apart = [np.linalg.norm(mine[f] - theirs[f], axis=-1).mean() for f in shared]
        if np.median(apart) < AssociationConfig().duplicate:
            return who
    return None


def _joints(records: Sequence[FrameResult]) -> dict[int, Float[np.ndarray, "22 3"]]:
    """Body joints by frame."""
    return {r.frame_id: r.joints[BODY_JOINTS] for r in records if r.has_body}
