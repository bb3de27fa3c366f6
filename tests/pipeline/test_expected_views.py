"""Expected views of one of several people, with a fitter of known answers."""

import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig
from diffproxy.pipeline import expected_views
from diffproxy.pipeline.expected_views import CONFIRMED_MM, aimed_by_confirmed, fit_confirmed
from diffproxy.pipeline.fit_frame import BodyFitter
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.reprojection_quality import ViewQuality
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.timing import Stopwatch

SAID = ": left out, nothing there confirms the views with a detection"


@pytest.fixture
def maps(make_ring):
    """Four views without a pixel that shows anything."""
    cameras = tuple(c.resize(2, 2) for c in make_ring(4))
    labels, uv = np.zeros((4, 2, 2), np.uint8), np.zeros((4, 2, 2, 2), np.float32)
    return ProxyMaps(labels, uv, np.zeros((4, 2, 2), np.float32), ("body",) * 4, cameras)


@pytest.fixture
def run(maps, monkeypatch, body):
    """Fits four views, some of them `expected`, whose residuals in mm against any body are given.

    Returns the cameras of each fit, those of the proxies that count, and the notes.
    """
    fitter, fitted = BodyFitter(body, FitConfig()), []

    def fit_frame(frame_id, made, *_):
        fitted.append([c.name for c in made.maps.cameras])
        joints, params = np.zeros((55, 3), np.float32), params_to_arrays(BodyParams.rest(1))
        return FrameResult(frame_id, "ok", "", params, joints, info={"notes": list(made.notes)})

    def run(expected, residuals, pixels=500):
        fitted.clear()
        quality = [
            ViewQuality(c.name, "body", pixels, 0.0, 0.0, mm, 0.8)
            for c, mm in zip(maps.cameras, residuals, strict=True)
        ]
        monkeypatch.setattr(expected_views, "view_quality", lambda *_: quality)
        record, made = fit_confirmed(
            0, Generated(maps, ((0.0, 0.0, 9.0, 9.0),) * 4), expected, fitter, None, Stopwatch()
        )
        assert list(made.notes) == record.info["notes"]
        return list(fitted), [c.name for c in made.maps.cameras], record.info["notes"]

    monkeypatch.setattr(expected_views, "fit_frame", fit_frame)
    return run


ALL, DETECTED = ["cam0", "cam1", "cam2", "cam3"], ["cam0", "cam1"]


def test_views_of_who_stands_in_front_are_left_out(run):
    assert run(("cam2", "cam3"), (20.0, 20.0, 300.0, 300.0)) == ([DETECTED], DETECTED, ["cam2, cam3" + SAID])
    assert run(("cam2", "cam3"), (20.0, 20.0, 300.0, 25.0)) == (
        [DETECTED, ["cam0", "cam1", "cam3"]], ["cam0", "cam1", "cam3"], ["cam2" + SAID],
    )  # fmt: skip
    assert run(("cam2", "cam3"), (20.0,) * 4, pixels=9) == ([DETECTED], DETECTED, ["cam2, cam3" + SAID])


def test_views_that_confirm_the_detected_ones_count(run):
    near, far = CONFIRMED_MM - 1, CONFIRMED_MM + 1
    assert run(("cam2", "cam3"), (20.0, 20.0, near, 20.0)) == ([DETECTED, ALL], ALL, [])
    assert run(("cam2", "cam3"), (far, far, 1.9 * far, far)) == ([DETECTED, ALL], ALL, [])


def test_without_expected_views_or_with_one_detection_all_count(run):
    for expected in ((), ("cam1", "cam2", "cam3")):
        assert run(expected, (20.0, 300.0, 300.0, 300.0)) == ([ALL], ALL, [])


def test_crops_are_aimed_by_the_detected_views_and_those_that_confirm_them(maps, monkeypatch, body):
    found, seen = BodyParams.rest(1), []

    def aimed(expected, residuals, nobody=()):
        """The cameras of each fit, of which those to `nobody` find none, and whether somebody is found."""
        quality = [
            ViewQuality(c.name, "body", 500, 0.0, 0.0, mm, 0.8)
            for c, mm in zip(maps.cameras, residuals, strict=True)
        ]
        monkeypatch.setattr(expected_views, "view_quality", lambda *_: quality)
        seen.clear()

        def first_fit(maps):
            seen.append([c.name for c in maps.cameras])
            return None if seen[-1] in nobody else found

        return aimed_by_confirmed(first_fit, expected, body)(maps) is found, list(seen)

    near, far, both = (20.0,) * 4, (20.0, 20.0, 300.0, 20.0), ("cam2", "cam3")
    assert aimed((), near) == (True, [ALL])
    assert aimed(("cam0", "cam1", "cam2"), near) == (True, [ALL])
    assert aimed(both, near) == (True, [DETECTED, ALL])
    assert aimed(both, far) == (True, [DETECTED, ["cam0", "cam1", "cam3"]])
    assert aimed(("cam2",), far) == (True, [["cam0", "cam1", "cam3"]])
    assert aimed(both, near, [ALL]) == (True, [DETECTED, ALL])  # the body of the detected views stays
    assert aimed(both, near, [DETECTED]) == (True, [DETECTED, ALL])
    assert aimed(both, near, [DETECTED, ALL]) == (False, [DETECTED, ALL])
