"""Images of one camera: a folder of image files, a single file, or a video."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from diffproxy.utils.errors import InputError, from_os_error
from diffproxy.utils.native_messages import native_messages

DAMAGE = re.compile("error|corrupt|invalid|conceal|missing", re.IGNORECASE)  # of FFmpeg's messages
MAX_NUMBER = 2**31 - 1
MAX_PIXELS = 150_000_000  # twice the pixels of the largest cameras in use

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
VIDEOS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"}


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


def read_image(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Read an image file as RGB, rotated by its EXIF orientation; InputError if it cannot be decoded."""
    return read_checked(path)[0]


def read_checked(path: Path) -> tuple[UInt8[np.ndarray, "H W 3"], str]:
    """As `read_image`, and what the decoder says about damage: "" for an intact file."""
    import cv2

    check_regular(path)
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)  # imread cannot open every path on Windows
    except OSError as error:
        raise from_os_error(error, path) from error
    image = None
    if data.size:
        check_pixels(path)
        with native_messages() as messages:
            try:
                image = cv2.imdecode(data, cv2.IMREAD_COLOR)
            except cv2.error as error:
                messages.append(str(error))
    if image is None:
        raise InputError(
            f"a readable image in {path}", f"{data.size} bytes that do not decode", "export it again"
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), "; ".join(messages)


def check_regular(path: Path) -> None:
    """InputError for a folder, pipe or device: reading one may never end."""
    if path.exists() and not path.is_file():
        raise InputError(f"a file {path}", "a folder, pipe or device of that name", "remove or rename it")


def check_pixels(path: Path) -> None:
    """InputError for more than `MAX_PIXELS`, as the header states, before any of them is decoded."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as header:
                width, height = header.size
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error)) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return  # the decoder says what is wrong
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width}x{height}")


def _too_large(path: Path, found: str) -> InputError:
    return InputError(
        f"an image of at most {MAX_PIXELS // 10**6} megapixels in {path}", found, "scale it down"
    )


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
            number = int(digits[-1]) if digits else i
            if number > MAX_NUMBER:
                raise InputError(
                    f"frame numbers up to {MAX_NUMBER} in {path}", file.name, "rename, e.g. 000012.jpg"
                )
            if number in self._files:
                raise InputError(
                    f"one image per frame number in {path}",
                    f"{self._files[number].name} and {file.name} for frame {number}",
                    "remove or rename one; the number is the last run of digits in the name",
                )
            self._files[number] = file
        self.frame_ids = sorted(self._files)

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        image, self.damage = read_checked(self._files[frame_id])
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
    """`videos/<cam>.mp4`, frames numbered from 0.

    Frames are reached by decoding forwards: seeking returns a neighbouring frame in many files. Read in rising order; a
    step backwards opens the file again. The last image is kept.
    """

    def __init__(self, path: Path):
        import cv2

        self.path, self.damage = path, ""
        self._capture: cv2.VideoCapture | None = None
        self._next = 0
        self._last: tuple[int, np.ndarray] = (-1, np.zeros((0, 0, 3), np.uint8))
        check_regular(path)
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
        with native_messages() as messages:
            image = capture.read()[1] if self._next == frame_id else None
        self.damage = "; ".join(line for line in messages if DAMAGE.search(line))
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

    def file(self, frame_id: int) -> Path:
        return self.path

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
