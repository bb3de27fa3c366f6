"""Which skin of a fitted body no pixel supports: what overlays and meshes draw differently."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.pipeline.results import FrameResult


def unobserved_vertices(nearest: Int[np.ndarray, " Nv"], record: FrameResult) -> Bool[np.ndarray, " Nv"]:
    """The vertices whose nearest joint along their own bone is unobserved.

    A joint is unobserved where its `joint_observed` is below `UNOBSERVED`, as in the notes; NaN is no statement. The
    skin of a bone changes half way between its joints.

    Args:
        nearest: `nearest_joints` of the fitted model.
        record: A frame with a body.
    """
    return (record.joint_observed < UNOBSERVED)[nearest]
