"""Pictures and videos read by OpenCV alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffproxy.single_view.sources import Frame, frame_rate, note_damage, video_frames
from diffproxy.utils.bounded_files import Limits, read_bytes, regular_file
from diffproxy.utils.bounded_images import bits_used, check_image_size, stated_size
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.jpeg_damage import zeroed_block
from diffproxy.utils.native_messages import native_messages
from diffproxy.utils.video_reader import VideoReader

log = logging.getLogger(__name__)


def read_picture(path: Path, notes: list[str] | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned as its EXIF data say; damage goes to `notes`; InputError where nothing decodes."""
    import cv2

    data = read_bytes(path, "a readable image", Limits.IMAGE_FILE_BYTES)
    if size := stated_size(data):  # of other formats once they are decoded
        check_image_size(*size, f"{path}")
    with native_messages() as messages:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        except cv2.error:  # an empty file, or more pixels than OpenCV decodes
            image = None
    if image is None:
        found = f"{len(data)} bytes that do not decode"
        raise InputError(f"a readable image in {path}", found, "export it again")
    check_image_size(image.shape[1], image.shape[0], f"{path}")
    if image.dtype == np.uint16:
        bits = bits_used(int(image.max(initial=0)))
        if bits < 16:
            log.warning(
                "%s: a 16-bit file of which %d bits are used; scaled as a %d-bit image", path, bits, bits
            )
        image = np.right_shift(image.astype(np.uint16), bits - 8).astype(np.uint8)
    if image.dtype != np.uint8:
        fix = "export it as PNG or JPEG"
        raise InputError(f"an image of 8 or 16 bits in {path}", f"values of type {image.dtype}", fix)
    said = [*messages, *filter(None, [zeroed_block(data)])]
    note_damage([] if notes is None else notes, path, 0, "; ".join(said))
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def open_video(path: Path, frames: str, notes: list[str] | None = None) -> tuple[float, Iterator[Frame]]:
    """Frames a second, and the chosen frames with their numbers; InputError where it cannot be opened."""
    import cv2

    regular_file(path, "a video", Limits.VIDEO_BYTES)
    capture = cv2.VideoCapture(str(path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    if count < 1:
        capture.release()
        raise InputError(f"a readable video in {path}", "no video stream", "convert it again, e.g. to mp4")
    if count > Limits.VIDEO_FRAMES:
        capture.release()
        found = f"{count} frames"
        raise InputError(
            f"a video of at most {Limits.VIDEO_FRAMES} frames in {path}", found, "cut it into parts"
        )
    stated = float(capture.get(cv2.CAP_PROP_FPS))
    capture.release()
    video, notes = VideoReader(path, stated), [] if notes is None else notes
    return frame_rate(stated), video_frames(video, select_frames(frames, range(count)), notes)
