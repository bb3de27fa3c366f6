"""Views in which one of several people was expected and not detected: they count if they confirm the detected ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.pipeline.fit_frame import BodyFitter, fit_frame
from diffproxy.pipeline.generate_proxies import FirstFit, Generated
from diffproxy.pipeline.proxy_cache import of_cameras
from diffproxy.pipeline.reprojection_quality import ViewQuality, view_quality
from diffproxy.pipeline.results import FrameResult
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.timing import Stopwatch

LEAST_DETECTED = 2  # views; fewer place nobody that others could confirm
CONFIRMED_MM, CONFIRMED_RATIO = 120.0, 2.0
"""Largest median residual of a view that confirms: millimetres, or as a multiple of the detected views' median."""
LEAST_PIXELS = 50


def aimed_by_confirmed(first_fit: FirstFit, expected: Collection[str], body: BodyModel) -> FirstFit:
    """`first_fit` to the views with a detection, and to those `expected` ones that lie at the body of these.

    A view of somebody else would move the crops of all. Where the views with a detection give no body, all take part.
    """

    def find(maps: ProxyMaps) -> BodyParams | None:
        made = Generated(maps, ())
        names = [camera.name for camera in maps.cameras]
        detected = [name for name in names if name not in expected]
        if len(detected) == len(names) or len(detected) < LEAST_DETECTED:
            return first_fit(maps)
        params = first_fit(of_cameras(made, detected).maps)
        if params is None:
            return first_fit(maps)
        confirming = _confirming(view_quality(made, body, params), detected)
        better = first_fit(of_cameras(made, [*detected, *confirming]).maps) if confirming else None
        return params if better is None else better

    return find


def fit_confirmed(
    frame_id: int,
    made: Generated,
    expected: Collection[str],
    fitter: BodyFitter,
    start: FrameResult | None,
    clock: Stopwatch,
) -> tuple[FrameResult, Generated]:
    """`fit_frame` without the expected views that do not lie at the body of the detected ones.

    A crop where the person was expected often shows who stands in front, and two such views outweigh two right ones.

    Args:
        frame_id: Number of the frame.
        made: The proxies of all views.
        expected: Cameras whose crops no detection gave.
        fitter: What the proxies are fitted with.
        start: An earlier frame, as for `fit_frame`.
        clock: Adds up the seconds of each stage.

    Returns:
        The record of the frame, and the proxies of the views that count.
    """
    names = sorted({c.name for c in made.maps.cameras})
    detected = [name for name in names if name not in expected]
    if len(detected) == len(names) or len(detected) < LEAST_DETECTED:
        return fit_frame(frame_id, made, fitter, start, clock), made
    sure = of_cameras(made, detected)
    record = fit_frame(frame_id, sure, fitter, start, clock)
    if not record.has_body:
        return fit_frame(frame_id, made, fitter, start, clock), made
    with clock("quality"):
        confirming = _confirming(view_quality(made, fitter.body, record.body_params()), detected)
    left_out = [name for name in names if name not in (*detected, *confirming)]
    notes = made.notes
    if left_out:
        notes = (
            *notes,
            f"{', '.join(left_out)}: left out, nothing there confirms the views with a detection",
        )
    if not confirming:
        info = {**record.info, "notes": [*record.info.get("notes", ()), *notes[len(made.notes) :]]}
        return replace(record, info=info), replace(sure, notes=notes)
    made = replace(of_cameras(made, [*detected, *confirming]), notes=notes)
    return fit_frame(frame_id, made, fitter, start, clock), made


def _confirming(views: Sequence[ViewQuality], detected: Collection[str]) -> list[str]:
    """Cameras of the body views that are not `detected` and lie at the body."""
    body = [q for q in views if q.kind == "body" and q.pixels >= LEAST_PIXELS]
    own = [q.residual_mm for q in body if q.camera in detected]
    limit = max(CONFIRMED_MM, CONFIRMED_RATIO * float(np.median(own)) if own else 0.0)
    return [q.camera for q in body if q.camera not in detected and q.residual_mm < limit]
