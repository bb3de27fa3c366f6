"""Images of one camera: a folder of image files, a single file, or a video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from diffproxy.utils.errors import InputError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
VIDEOS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"}


@runtime_checkable
class Source(Protocol):
    """Images of one camera by frame number; `read` returns (H, W, 3) uint8 RGB or raises InputError."""

    path: Path
    frame_ids: list[int]

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]: ...


def read_image(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Read an image file as RGB, rotated by its EXIF orientation; InputError if it cannot be decoded."""
    import cv2

    data = np.frombuffer(path.read_bytes(), np.uint8)  # imread cannot open every path on Windows
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise InputError(
            f"a readable image in {path}", f"{data.size} bytes that do not decode", "export it again"
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


class ImageFolder:
    """`images/<cam>/*.jpg`: the frame number is the last run of digits of the file name."""

    def __init__(self, path: Path):
        self.path = path
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
            number = int(digits[-1]) if digits else i
            if number in self._files:
                raise InputError(
                    f"one image per frame number in {path}",
                    f"{self._files[number].name} and {file.name} for frame {number}",
                    "remove or rename one; the number is the last run of digits in the name",
                )
            self._files[number] = file
        self.frame_ids = sorted(self._files)

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        return read_image(self._files[frame_id])


class SingleImage:
    """`images/<cam>.jpg`: one frame, number 0."""

    def __init__(self, path: Path):
        self.path, self.frame_ids = path, [0]

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        return read_image(self.path)


class Video:
    """`videos/<cam>.mp4`, frames numbered from 0.

    Frames are reached by decoding forwards: seeking returns a neighbouring frame in many files. Read in rising order; a
    step backwards opens the file again. The last image is kept.
    """

    def __init__(self, path: Path):
        import cv2

        self.path = path
        self._capture: cv2.VideoCapture | None = None
        self._next = 0
        self._last: tuple[int, np.ndarray] = (-1, np.zeros((0, 0, 3), np.uint8))
        capture = cv2.VideoCapture(str(path))
        count = round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if count < 1:
            raise InputError(
                f"a readable video in {path}",
                f"{path.stat().st_size} bytes without a video stream",
                "copy or convert it again (ffmpeg -i in.mov -c:v libx264 -crf 16 out.mp4)",
            )
        self.frame_ids = list(range(count))

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        import cv2

        if self._last[0] == frame_id:
            return self._last[1].copy()
        capture = self._capture
        if capture is None or frame_id < self._next:
            self.close()
            self._capture = capture = cv2.VideoCapture(str(self.path))
            self._next = 0
        while self._next < frame_id and capture.grab():
            self._next += 1
        image = capture.read()[1] if self._next == frame_id else None
        if image is None:
            reached = self._next
            self.close()
            raise InputError(
                f"frame {frame_id} in {self.path} (the file promises {len(self.frame_ids)} frames)",
                f"decoding stopped after {reached} frames",
                f"use frames below {reached}, or convert the video again "
                "(ffmpeg -i in.mov -c:v libx264 -crf 16 out.mp4)",
            )
        self._next += 1
        self._last = (frame_id, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        return self._last[1].copy()

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
        self._capture = None


def find_sources(root: Path) -> dict[str, Path]:
    """Camera name -> folder, image or video under `root`; `images/` takes precedence over `videos/`."""
    images, videos = root / "images", root / "videos"
    found: dict[str, Path] = {}
    if images.is_dir():
        for path in sorted(images.iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                found[path.name] = path
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                _add(found, path)
    if not found and videos.is_dir():
        for path in sorted(videos.iterdir()):
            if path.suffix.lower() in VIDEOS:
                _add(found, path)
    return found


def _add(found: dict[str, Path], path: Path) -> None:
    if path.stem in found:
        raise InputError(
            f"one source for camera {path.stem}",
            f"{found[path.stem].name} and {path.name}",
            "remove or rename one",
        )
    found[path.stem] = path


def open_source(path: Path) -> Source:
    """Open the folder, image or video at `path`; InputError if it has no image."""
    if path.is_dir():
        folder = ImageFolder(path)
        if not folder.frame_ids:
            raise InputError(
                f"images ({', '.join(sorted(IMAGE_SUFFIXES))}) in {path}", "none", "put the frames there"
            )
        return folder
    return Video(path) if path.suffix.lower() in VIDEOS else SingleImage(path)


def source_image_size(root: Path, name: str) -> tuple[int, int] | None:
    """(width, height) of the first image of camera `name` under `root`, None if there is none."""
    path = find_sources(root).get(name)
    if path is None:
        return None
    source = open_source(path)
    height, width = source.read(source.frame_ids[0]).shape[:2]
    return width, height
