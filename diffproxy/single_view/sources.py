"""Where pictures come from: image files, folders of them, a connected camera."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import IMAGE_SUFFIXES
from diffproxy.utils.video_reader import VideoReader

log = logging.getLogger(__name__)

Frame = tuple[int, np.ndarray]
"""Its number, and (H, W, 3) uint8 RGB."""
PICTURE = "picture"
"""Name of the camera of a picture."""
USUAL_RATE = 30.0
"""Frames per second where a video does not say."""


def image_files(path: Path) -> list[Path]:
    """The image itself, or all images of a folder in the order of their names; InputError where there are none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(
            "an image file or a folder of images", f"{path}, which does not exist", "check the path"
        )
    found = sorted(
        p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")
    )
    if not found:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise InputError(f"images ({kinds}) in {path}", "none", "convert them, or give another folder")
    names = [p.stem for p in found]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"images of different names in {path}", f"{twice} twice", "rename or remove one")
    return found


def note_damage(notes: list[str], path: Path, frame_id: int, said: str) -> None:
    """Add to `notes` what a decoder said about a picture, if anything; the first of a file also goes to the log."""
    if said:
        if not notes:
            log.warning("%s: frame %d: damaged image (%s)", path, frame_id, said[:120])
        notes.append(f"frame {frame_id}: damaged image ({said[:120]})")


def video_frames(video: VideoReader, wanted: Sequence[int], notes: list[str]) -> Iterator[Frame]:
    """Frames of a video with their numbers; what is damaged is added to `notes`, and what does not decode is left out.

    InputError where the video ends before `wanted` does, and where nothing decodes.
    """
    some = False
    try:
        for frame_id in wanted:
            try:
                image, damage = video.read(frame_id)
            except InputError as error:
                if video.ended or (frame_id == wanted[-1] and not some):
                    raise
                note_damage(notes, video.path, frame_id, error.found)
                continue
            some = True
            note_damage(notes, video.path, frame_id, damage)
            yield frame_id, image
    finally:
        video.close()
        if len(notes) > 1:
            log.warning("%s: %d frames are damaged", video.path, len(notes))


def frame_rate(stated: float) -> float:
    """Frames per second of a video file that states `stated`; the usual rate where that is none."""
    return stated if 0.01 <= stated <= 1e5 else USUAL_RATE


def camera_frames(number: int, limit: int) -> Iterator[Frame]:
    """Frames of a connected camera.

    Args:
        number: Its number, 0 for the first one.
        limit: Frames to read; 0: until the camera stops or the command is interrupted.

    Raises:
        InputError: there is no such camera.
    """
    import cv2

    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise InputError(
                f"camera {number} of this computer",
                "none that opens",
                "write 0 for the first, and close other programs",
            )
        at = 0
        while not limit or at < limit:
            shown, image = capture.read()
            if not shown:
                break
            yield at, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            at += 1
    finally:
        capture.release()
