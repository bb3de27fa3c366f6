"""Frames of a video by number: what FFmpeg leaves out or decodes in part is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffproxy.utils.errors import InputError
from diffproxy.utils.native_messages import DAMAGE, native_messages

if TYPE_CHECKING:
    import cv2

LONG_STEP = 1.5  # frame intervals between two frames, more than which is a gap
PATIENCE = 50  # frames one after the other that do not decode, after which nothing more is expected


class VideoReader:
    """Reads forwards, since seeking returns a neighbouring frame in many files; a step backwards opens the file again.

    A frame that does not decode costs only itself. FFmpeg skips an empty one without a word, so that all later ones
    come too early: their times tell.

    Args:
        path: A video that OpenCV opens.
        fps: Frames per second as the file states; 0: unknown.
    """

    def __init__(self, path: Path, fps: float):
        self.path, self.fps = path, fps
        self._capture: cv2.VideoCapture | None = None
        self._next = 0  # number of the next frame
        self._failed = 0  # frames before it that did not decode, one after the other
        self._time = 0.0  # milliseconds, of the last frame that did
        self._gap = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more can be expected."""
        return self._failed >= PATIENCE

    def read(self, frame_id: int) -> tuple[np.ndarray, str]:
        """(H, W, 3) uint8 RGB, and what is wrong with it, "" if nothing. InputError where it does not decode."""
        import cv2

        capture = self._capture
        if capture is None or frame_id < self._next:
            self.close()
            self._capture = capture = cv2.VideoCapture(str(self.path))
            self._next, self._failed, self._gap = 0, 0, ""
        while self._next < frame_id and not self.ended:
            self._count(capture, capture.grab())
        image, messages = None, []
        if self._next == frame_id:
            with native_messages() as messages:
                image = capture.read()[1]
            self._count(capture, image is not None)
        if image is None:
            last = self._next - self._failed
            raise InputError(
                f"frame {frame_id} in {self.path}",
                f"nothing that decodes; the {last} frames before {last} do",
                "use other frames, or convert the video again (ffmpeg -i in.mov -c:v libx264 -crf 16 out.mp4)",
            )
        said = [line for line in messages if DAMAGE.search(line)] + [self._gap] * bool(self._gap)
        self._gap = ""
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), "; ".join(said)

    def _count(self, capture: cv2.VideoCapture, decoded: bool) -> None:
        """One frame further."""
        import cv2

        if decoded:
            now = capture.get(cv2.CAP_PROP_POS_MSEC)
            step = (now - self._time) * self.fps / 1000  # frame intervals
            if self._next and step > self._failed + LONG_STEP:
                self._gap = (
                    f"{step:.1f} frame intervals after the frame before it: the video may have lost frames"
                )
            self._time, self._failed = now, 0
        else:
            self._failed += 1
        self._next += 1

    def close(self) -> None:
        """Let go of the file."""
        if self._capture is not None:
            self._capture.release()
        self._capture = None
