"""Images of one camera: a folder of image files, a single file, or a video."""

from __future__ import annotations

import logging
import re
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras.image_files import bit_depth, read_checked
from diffproxy.utils.bounded_files import Limits, regular_file
from diffproxy.utils.bounded_images import check_image_size
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import IMAGE_SUFFIXES, VIDEOS
from diffproxy.utils.video_reader import VideoReader

SAMPLED = 8  # images of a camera that tell how many bits its 16-bit files use

log = logging.getLogger(__name__)


@runtime_checkable
class Source(Protocol):
    """Images of one camera by frame number.

    `read` returns (H, W, 3) uint8 RGB or raises InputError; `damage` is what the decoder said about the image that was
    read last, "" if it was intact. `file` is what a frame is read from.
    """

    path: Path
    frame_ids: list[int]
    damage: str

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]: ...

    def file(self, frame_id: int) -> Path: ...


class ImageFolder:
    """`images/<cam>/*.jpg`: the frame number is the last run of digits of the file name."""

    def __init__(self, path: Path):
        self.path, self.damage = path, ""
        self._files: dict[int, Path] = {}
        files = sorted(
            p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")
        )
        for i, file in enumerate(files):
            digits = re.findall(r"\d+", file.stem)
            if not digits and len(files) > 1:
                raise InputError(
                    f"frame numbers in the image names of {path}", f"{file.name}", "rename, e.g. 000012.jpg"
                )
            if digits and re.search(r"\d[.,]\d", file.stem):
                raise InputError(
                    f"whole frame numbers in the image names of {path}",
                    f"{file.name}, a decimal number",
                    "rename the images to whole numbers in order of time, e.g. 000012.jpg",
                )
            if digits and len(digits[-1].lstrip("0")) > Limits.NUMBER_DIGITS:
                raise InputError(
                    f"frame numbers of at most {Limits.NUMBER_DIGITS} digits in the image names of {path}",
                    f"{file.name}",
                    "rename the images, e.g. 000012.jpg",
                )
            number = int(digits[-1]) if digits else i
            if number in self._files:
                raise InputError(
                    f"one image per frame number in {path}",
                    f"{self._files[number].name} and {file.name} for frame {number}",
                    "remove or rename one; the number is the last run of digits in the name",
                )
            self._files[number] = file
        self.frame_ids = sorted(self._files)

    @cached_property
    def _bits(self) -> int:
        """Bits that all images of 16-bit files are scaled by, so that equal brightness stays equal over the frames."""
        step = max(1, len(self.frame_ids) // SAMPLED)
        return bit_depth([self._files[i] for i in self.frame_ids[::step]])

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        image, self.damage = read_checked(self._files[frame_id], lambda: self._bits)
        return image

    def file(self, frame_id: int) -> Path:
        return self._files[frame_id]


class SingleImage:
    """`images/<cam>.jpg`: one frame, number 0."""

    def __init__(self, path: Path):
        self.path, self.frame_ids, self.damage = path, [0], ""

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        image, self.damage = read_checked(self.path)
        return image

    def file(self, frame_id: int) -> Path:
        return self.path


class Video:
    """`videos/<cam>.mp4`, frames numbered from 0; see `VideoReader`. Read in rising order. The last image is kept."""

    def __init__(self, path: Path):
        import cv2

        self.path, self.damage = path, ""
        self._last: tuple[int, np.ndarray] = (-1, np.zeros((0, 0, 3), np.uint8))
        regular_file(path, "a readable video", Limits.VIDEO_BYTES)
        capture = cv2.VideoCapture(str(path))
        opened = capture.isOpened()
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if opened else 0
        #: Frames a second as the file states; 0 where it states none.
        self.fps = float(capture.get(cv2.CAP_PROP_FPS)) if opened else 0.0
        size = [int(capture.get(k)) for k in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
        capture.release()
        if count < 1:
            raise InputError(
                f"a readable video in {path}",
                f"{path.stat().st_size} bytes without a video stream",
                "copy or convert it again (ffmpeg -i in.mov -c:v libx264 -crf 16 out.mp4)",
            )
        check_image_size(size[0], size[1], f"images in {path}")
        if count > Limits.VIDEO_FRAMES:
            raise InputError(
                f"a video of at most {Limits.VIDEO_FRAMES} frames in {path}",
                f"{count} frames",
                "cut it into parts",
            )
        self.frame_ids = list(range(count))
        self.reader = VideoReader(path, self.fps)

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        if self._last[0] != frame_id:
            image, self.damage = self.reader.read(frame_id)
            self._last = (frame_id, image)
        return self._last[1].copy()

    def times(self) -> Float[np.ndarray, " N"]:
        """Seconds of each frame from the start of the video, as its container states them; every frame is decoded."""
        import cv2

        capture = cv2.VideoCapture(str(self.path))
        times: list[float] = []
        while len(times) < len(self.frame_ids) and capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        capture.release()
        self.frame_ids = self.frame_ids[: len(times)]
        return np.array(times)

    def file(self, frame_id: int) -> Path:
        return self.path

    def close(self) -> None:
        self.reader.close()


def open_source(path: Path) -> Source:
    """Open the folder, image or video at `path`; InputError if it has no image."""
    if path.is_dir():
        folder = ImageFolder(path)
        if not folder.frame_ids:
            here = ", ".join(sorted(p.name for p in path.iterdir())[:4]) or "none"
            raise InputError(
                f"images ({', '.join(sorted(IMAGE_SUFFIXES))}) in {path}",
                here,
                "put the frames there, converted to one of these formats",
            )
        return folder
    return Video(path) if path.suffix.lower() in VIDEOS else SingleImage(path)
