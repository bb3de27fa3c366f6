"""One frame from images to a body: where the subject is, by tracking or detection, then proxies and fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.pipeline.expected_views import aimed_by_confirmed, fit_confirmed
from diffproxy.pipeline.fit_frame import FITTED_ALONE, BodyFitter, first_fit, fit_frame
from diffproxy.pipeline.generate_proxies import FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.multiview_association import Location
from diffproxy.pipeline.person_boxes import BoxSource, from_joints
from diffproxy.pipeline.person_source import PersonSource
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.utils.timing import Stopwatch

TRACK_GAP = 5  # frames; later than this the last body says little about where the subject is now
LOST_MM = 60.0  # median residual of a tracked frame above which the subject is located afresh


@dataclass(frozen=True)
class FrameFitter:
    """Everything that stays the same from frame to frame.

    Args:
        fitter: What the proxies are fitted with.
        generator: What generates them.
        source: Where the subject is in a frame.
        track: The last body gives the boxes, and starts the fit.
        person: One of several, followed over the whole take: the last body starts the fit, but gives no boxes.
    """

    fitter: BodyFitter
    generator: FrameGenerator
    source: BoxSource
    track: bool = True
    person: PersonSource | None = None

    def run(
        self,
        frame_id: int,
        images: Sequence[np.ndarray],
        cameras: Sequence[Camera],
        last: FrameResult | None = None,
        on_stage: Callable[[str], None] | None = None,
    ) -> tuple[FrameResult, Generated | None]:
        """The record of this frame and its proxies (None when nobody was found).

        `last` is the nearest earlier frame; when it has a body and is near in time, its body gives the boxes and
        the start. If that leads nowhere, the subject is located afresh.
        """
        clock = Stopwatch(on_stage)
        near = last.joints[0].astype(np.float64) if last is not None and last.has_body else None
        tracked = (
            self.track and near is not None and last is not None and frame_id - last.frame_id <= TRACK_GAP
        )
        if tracked and last is not None and last.status in FITTED_ALONE:
            if self.person is not None:
                location = self.source.find(frame_id, images, cameras, near)
            else:
                location = from_joints(last.joints, cameras)
            if location.views >= 2:
                record, made = self._run_at(frame_id, images, cameras, location, last, clock)
                if record.status in FITTED_ALONE and not record.info["residual_mm"] > LOST_MM:
                    return record, made
        with clock("locate"):
            location = self.source.find(frame_id, images, cameras, near if tracked else None)
        return self._run_at(frame_id, images, cameras, location, None, clock)

    def _run_at(
        self,
        frame_id: int,
        images: Sequence[np.ndarray],
        cameras: Sequence[Camera],
        location: Location,
        start: FrameResult | None,
        clock: Stopwatch,
    ) -> tuple[FrameResult, Generated | None]:
        subject = SubjectViews.with_box(images, cameras, location.boxes)
        if not len(subject):
            info = {"notes": list(location.notes), "timings": clock.seconds}
            reason = location.notes[0] if location.notes else "no view shows the subject"
            return FrameResult(frame_id, "no_person", reason, info=info), None
        aim = first_fit(self.fitter.body, self.fitter.config, self.fitter.sparse, frame_id)
        expected = () if self.person is None else self.person.expected.get(frame_id, ())
        made = generate_proxies(
            self.generator,
            subject,
            clock,
            aimed_by_confirmed(aim, expected, self.fitter.body),
            None if self.person is None else partial(self.person.own_pixels, frame_id),
        )
        made = replace(made, notes=(*location.notes, *made.notes))
        if self.person is None:
            return fit_frame(frame_id, made, self.fitter, start, clock), made
        return fit_confirmed(frame_id, made, expected, self.fitter, start, clock)
