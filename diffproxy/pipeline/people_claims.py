"""Everybody is fitted: what lies at somebody else's body is left out of each, who is fitted again without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from diffproxy.pipeline.body_claims import PosedPerson, claimed_by_others
from diffproxy.pipeline.fit_frame import FITTED_ALONE, BodyFitter, fit_frame
from diffproxy.pipeline.fit_rig import FittedTake
from diffproxy.pipeline.fit_sequence import refitted
from diffproxy.pipeline.frames_together import frames_together
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.people_doubts import with_people_doubts
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import CLAIMS


def contested(fitted: Mapping[int, FittedTake]) -> dict[int, FittedTake]:
    """The takes of several people, by id, each frame fitted without what `claimed_by_others` finds in it.

    All claims of a frame rest on the first bodies, so that they do not depend on the order of people.
    """

    def solve(frame_id: int, present: Mapping[int, FrameResult]) -> dict[int, FrameResult]:
        takes = {k: fitted[k].take for k in present}
        made = {k: take.proxies.load(frame_id) for k, take in takes.items()}
        return fitted_again(frame_id, present, made, next(iter(takes.values())).fitter)

    return frames_together(fitted, CLAIMS, FITTED_ALONE, solve)


def fitted_again(
    frame_id: int, present: Mapping[int, FrameResult], made: Mapping[int, Generated], fitter: BodyFitter
) -> dict[int, FrameResult]:
    """The records of everybody in a frame, those with claimed proxies from another fit.

    Args:
        frame_id: Number of the frame.
        present: Everybody with a body, by id.
        made: What these were fitted to.
        fitter: What they were fitted with.
    """
    posed = {k: PosedPerson.of(record.body_params(), fitter.body) for k, record in present.items()}
    out = dict(present)
    for k, first in present.items():
        others = [person for other, person in posed.items() if other != k]
        claimed = claimed_by_others(made[k], posed[k], others, fitter.body)
        if not claimed.matter(made[k]):
            continue
        record = fit_frame(frame_id, claimed.without(made[k]), fitter)
        if record.has_body:
            out[k] = _again(first, with_people_doubts(record), claimed.said)
    return out


def _again(first: FrameResult, record: FrameResult, said: str) -> FrameResult:
    """The second fit, which is not surer than the first: what contradicted it may have been right."""
    record = refitted(first, record)
    record = replace(record, info={**record.info, "notes": [*record.info["notes"], said]})
    return record if first.status == "ok" else replace(record, status=first.status, reason=first.reason)
