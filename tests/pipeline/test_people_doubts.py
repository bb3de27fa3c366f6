"""What is doubted about bodies of several people, by the quality of their views."""

import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.pipeline.people_doubts import LOST_MM, why_left_out, with_people_doubts
from diffproxy.pipeline.results import FrameResult, params_to_arrays


def record(residuals, overlap=0.8, status="ok", pixels=500, at=0.0):
    """A body whose views have these residuals, mm."""
    views = [
        {"camera": f"cam{v}", "kind": "body", "pixels": pixels, "residual_mm": mm}
        for v, mm in enumerate(residuals)
    ]
    info = {"views": views, "residual_mm": float(np.median(residuals)), "overlap": overlap}
    joints = np.full((55, 3), np.float32(at))
    return FrameResult(0, status, "seen by few", params_to_arrays(BodyParams.rest(1)), joints, info=info)


@pytest.mark.parametrize(
    ("residuals", "reason"),
    [
        ((20.0, 20.0, 100.0), "views that agree: 2, against cam2"),
        ((20.0, 100.0), "views that agree: 1, against cam1"),
        ((20.0, 20.0, 20.0, 100.0), ""),  # three others agree
        ((10.0, 10.0, 35.0), ""),  # noise of a network
        ((40.0, 40.0, 70.0), ""),  # all are about as bad
        ((20.0,), ""),
    ],
)
def test_two_views_against_another_one_are_too_few(residuals, reason):
    first = record(residuals)
    found = with_people_doubts(first)
    assert found.status == ("doubtful" if reason else "ok")
    assert found.reason == (f"{reason}; seen by few" if reason else "seen by few")
    assert with_people_doubts(found) == found
    assert with_people_doubts(record(residuals, pixels=50)).status == "ok"  # too little to say anything


def test_outlines_that_do_not_overlap_are_doubted():
    assert with_people_doubts(record((20.0,) * 4, overlap=0.51)).status == "ok"
    found = with_people_doubts(record((20.0,) * 4, overlap=0.49))
    assert found.status == "doubtful" and found.reason.startswith("silhouettes overlap by 0.49 only")
    nobody = FrameResult(0, "no_person", "out of sight", info={"overlap": 0.1})
    assert with_people_doubts(nobody) is nobody


def test_who_is_left_out_and_why():
    near, far = record((LOST_MM - 1,) * 2), record((LOST_MM + 1,) * 2)
    assert why_left_out("person_01", [near, near, far], {}) is None
    assert "is lost, its pixels lie 301 mm beside" in why_left_out("person_01", [near, far, far], {})
    assert "is person_04 once more" in why_left_out("person_05", [near], {4: [near]})
    assert why_left_out("person_05", [near], {4: [record((1.0,), at=1.0)]}) is None
