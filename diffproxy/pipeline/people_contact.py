"""`people_contact=true`: fitted bodies of several people that intersect in a frame are moved apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from diffproxy.fitting.interpenetration import Separated, separate_people
from diffproxy.fitting.result import FITTED
from diffproxy.pipeline.fit_rig import FittedTake
from diffproxy.pipeline.frames_together import frames_together
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.reprojection_quality import judged, view_notes, view_quality
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.pipeline.run_folder import CONTACT


def separated(fitted: Mapping[int, FittedTake]) -> dict[int, FittedTake]:
    """The takes of several people, by id, with what `separate_people` finds for each frame.

    The notes of a frame with two people or more get `contact`: depths in mm before and after.
    """
    return frames_together(
        fitted, CONTACT, FITTED, lambda frame_id, present: _separated_frame(frame_id, present, fitted)
    )


def _separated_frame(
    frame_id: int, present: Mapping[int, FrameResult], fitted: Mapping[int, FittedTake]
) -> dict[int, FrameResult]:
    takes = [fitted[k].take for k in present]
    made = [take.proxies.load(frame_id) for take in takes]
    body, config = takes[0].fitter.body, takes[0].fitter.config
    result = separate_people(
        [m.maps for m in made], [r.body_params() for r in present.values()], body, config
    )
    return {
        k: _record(fitted[k], record, made[n], result, n) for n, (k, record) in enumerate(present.items())
    }


def _record(
    fitted: FittedTake, first: FrameResult, made: Generated, result: Separated, n: int
) -> FrameResult:
    """The record of a person's frame after the bodies were moved apart, with its distance from the proxies anew."""
    contact = {"before_mm": round(1000 * result.before[n], 1), "after_mm": round(1000 * result.after[n], 1)}
    if not result.moved[n]:
        return replace(first, info={**first.info, "contact": {**contact, "moved_mm": 0.0}})
    body, params = fitted.take.fitter.body, result.params[n]
    with torch.no_grad():
        joints = body.joints(params)[0].cpu().numpy().astype(np.float32)
    shift = 1000 * float(np.linalg.norm(joints - first.joints, axis=-1).max())
    info = {**first.info, "contact": {**contact, "moved_mm": round(shift, 1)}}
    info |= view_notes(view_quality(made, body, params))
    said = f"{contact['before_mm']:.0f} mm inside of another person, {contact['after_mm']:.0f} mm after people_contact"
    info["notes"] = [*first.info.get("notes", ()), said]
    status, reason = judged(first.status, first.reason, info)
    return replace(
        first, status=status, reason=reason, params=params_to_arrays(params), joints=joints, info=info
    )
