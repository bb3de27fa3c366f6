"""What to doubt about the body of one of several people: views that show somebody else, and pixels of somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from diffproxy.pipeline.people_doubles import double_of
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.view_alignment import far_and_near
from diffproxy.utils.people_file import folder_name

LEAST_AGREEING = 3  # views; two that agree against another one may both be wrong
LEAST_OVERLAP = 0.5  # of body and foreground, mean of the views
LOST_MM = 300.0  # median distance of the proxies: where they are of other people than the body


def with_people_doubts(record: FrameResult) -> FrameResult:
    """The record of one of several people: `doubtful` if few views agree, or the outlines do not.

    Alone, a person of whom two views agree against a third one is mostly right; among others, the two may show somebody
    else as well as the one.
    """
    if not record.has_body or record.status == "filled" or not (found := _doubts(record.info)):
        return record
    said = [x for x in found if x not in record.reason]
    return replace(record, status="doubtful", reason="; ".join([*said, *filter(None, [record.reason])]))


def _doubts(info: Mapping[str, Any]) -> list[str]:
    off, agree = far_and_near(info.get("views", ()))
    out = []
    if off and len(agree) < LEAST_AGREEING:
        out.append(f"views that agree: {len(agree)}, against {', '.join(off)}")
    if info.get("overlap", 1.0) < LEAST_OVERLAP:
        out.append(f"silhouettes overlap by {info['overlap']:.2f} only")
    return out


def why_left_out(
    name: str, records: Sequence[FrameResult], others: Mapping[int, Sequence[FrameResult]]
) -> str | None:
    """Why somebody gets no result although there are bodies; None: there is no reason.

    Args:
        name: Of the person, for the sentence.
        records: Frames of the person.
        others: Those of the people before, by id.
    """
    if (double := double_of(records, others)) is not None:
        return f"{name} is {folder_name(double)} once more, its body is at the same place: left out"
    if (apart := lost_by_mm(records)) is not None:
        return f"{name} is lost, its pixels lie {apart:.0f} mm beside its body and may be of several people: left out"
    return None


def lost_by_mm(records: Sequence[FrameResult]) -> float | None:
    """How far the proxies of somebody are from the bodies (median of the frames, mm), where that is too far for them.

    Such a body lies between two people: its crops show one in one view and another in the next.
    """
    apart = [r.info.get("residual_mm", 0.0) for r in records if r.has_body]
    middle = float(np.median(apart)) if apart else 0.0
    return middle if middle > LOST_MM else None
