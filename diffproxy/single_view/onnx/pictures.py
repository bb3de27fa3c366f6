"""Pictures and videos read by OpenCV alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffproxy.single_view.sources import Frame, frame_rate
from diffproxy.utils.bounded_files import Limits, read_bytes
from diffproxy.utils.bounded_images import check_image_size
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned as its EXIF data say; InputError where it cannot be decoded."""
    import cv2

    data = read_bytes(path, "a readable image", Limits.IMAGE_FILE_BYTES)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(
            f"a readable image in {path}", f"{len(data)} bytes that do not decode", "export it again"
        )
    check_image_size(image.shape[1], image.shape[0], f"{path}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def open_video(path: Path, frames: str) -> tuple[float, Iterator[Frame]]:
    """Frames a second, and the chosen frames with their numbers; InputError where it cannot be opened."""
    import cv2

    if not path.is_file():
        raise InputError("a video", f"{path}, which is no file", "check the path")
    capture = cv2.VideoCapture(str(path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    if count < 1:
        capture.release()
        raise InputError(f"a readable video in {path}", "no video stream", "convert it again, e.g. to mp4")
    stated = float(capture.get(cv2.CAP_PROP_FPS))
    return frame_rate(stated), _read(capture, path, select_frames(frames, range(count)))


def _read(capture: object, path: Path, wanted: list[int]) -> Iterator[Frame]:
    import cv2

    assert isinstance(capture, cv2.VideoCapture)
    at = 0
    try:
        for frame_id in wanted:
            while at < frame_id and capture.grab():
                at += 1
            image = capture.read()[1] if at == frame_id else None
            if image is None:
                raise InputError(
                    f"frame {frame_id} in {path}",
                    f"decoding stopped after {at} frames",
                    f"use frames below {at}",
                )
            at += 1
            yield frame_id, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()
