"""Synchronous images of a rig, undistorted while reading to the pinhole cameras that the generator gets."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.frame_matching import MatchedSource
from diffproxy.cameras.image_sources import Source, Video
from diffproxy.cameras.pixel_grid import guess_pixel_grid
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.undistortion import sampling_maps, undistort_image
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import within

log = logging.getLogger(__name__)
PRINT_STEP = 8  # rows; noise makes each row of another image another one
MOST_FPS = 1000  # what containers state that hold no rate
TRIED = 20  # images of a camera, until one tells its size


@dataclass(frozen=True)
class FrameImages:
    """The images of one frame.

    Args:
        images: Undistorted RGB images (H, W, 3) uint8 in the order of the cameras; None where one cannot be read.
        unreadable: Why, by camera name.
        damaged: What the decoder says about images that it could read in part only, by camera name.
        prints: By camera name, the number of the frame in its files and a checksum of the image there.
    """

    images: list[np.ndarray | None]
    unreadable: dict[str, InputError]
    damaged: dict[str, str]
    prints: dict[str, tuple[int, int]]


@checked
class RigFrames:
    """Images of all cameras of a rig by frame number.

    `cameras`: pinhole cameras of the images that `read` returns. `raw_cameras`: cameras of the files, with lens
    distortion. `rig`: the rig, with notes on how image sizes were matched. `frame_ids`: frame numbers that all cameras
    have.
    """

    def __init__(
        self,
        rig: Rig,
        sources: list[Source],
        frame_ids: list[int],
        notes: Sequence[str] = (),
    ):
        self.frame_ids, self._sources = frame_ids, sources
        self.notes: list[str] = list(notes)
        self._known = set(frame_ids)
        raw: list[Camera] = []
        for camera, source in zip(rig.cameras, sources, strict=True):
            height, width = _first_image(source).shape[:2]
            raw.append(self._place(camera, width, height))
        self.raw_cameras = tuple(raw)
        self.cameras = tuple(c.undistorted() for c in raw)
        self._maps: list = [None] * len(raw)
        self.rig = replace(rig, notes=[*rig.notes, *self.notes])

    def _place(self, camera: Camera, width: int, height: int) -> Camera:
        if camera.pixel_grid is None and (width, height) != (camera.width, camera.height):
            try:
                grid, note = guess_pixel_grid((camera.width, camera.height), (width, height))
            except InputError as error:
                raise InputError(
                    f"{error.expected} (camera {camera.name})", error.found, error.fix
                ) from error
            log.warning("camera %s: %s", camera.name, note)
            self.notes.append(f"camera {camera.name}: {note}")
            camera = replace(camera, pixel_grid=grid)
        elif camera.pixel_grid is not None and not camera.pixel_grid.is_identity:
            g = camera.pixel_grid
            if not g.overlaps((width, height), (camera.width, camera.height)):
                raise InputError(
                    f"images of camera {camera.name} on the calibrated {camera.width}x{camera.height} pixels",
                    f"{width}x{height}, which its pixel_grid (scale {g.scale:g}, shift {g.shift}) places beside them",
                    "correct `pixel_grid` of this camera in rig.json",
                )
            self.notes.append(
                f"camera {camera.name}: image {width}x{height} placed by pixel_grid "
                f"(scale {g.scale:.6g}, shift {g.shift[0]:.4g}, {g.shift[1]:.4g})"
            )
        return camera.for_image(width, height)

    def read(self, frame_id: int) -> list[UInt8[np.ndarray, "H W 3"]]:
        """Read one frame.

        Args:
            frame_id: Number of the frame, one of `frame_ids`.

        Returns:
            Undistorted RGB images (H, W, 3) uint8, one per camera, in the order of `cameras`.

        Raises:
            InputError: an image that cannot be decoded, or of another size than the others of its camera.
        """
        return [self._undistort(v, image) for v, image in enumerate(self.read_raw(frame_id))]

    def read_raw(self, frame_id: int) -> list[UInt8[np.ndarray, "H W 3"]]:
        """RGB images as they are in the files, for `raw_cameras`; see `read`."""
        if frame_id not in self._known:
            ids = self.frame_ids
            raise InputError(
                f"a frame number that every camera has ({ids[0]}..{ids[-1]}, {len(ids)} frames)",
                f"{frame_id}",
                "choose one of these",
            )
        return [self._read_raw(v, frame_id) for v in range(len(self._sources))]

    def _read_raw(self, v: int, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        camera, source = self.raw_cameras[v], self._sources[v]
        image = source.read(frame_id)
        if image.shape[:2] != (camera.height, camera.width):
            raise InputError(
                f"images of {camera.width}x{camera.height}, like the first one, in {source.path}",
                f"{image.shape[1]}x{image.shape[0]} in frame {frame_id}",
                "export all frames at one size",
            )
        return image

    def read_views(self, frame_id: int) -> FrameImages:
        """Read one frame as `read` does; an image that cannot be read is None instead of an error."""
        images: list[np.ndarray | None] = []
        unreadable: dict[str, InputError] = {}
        damaged: dict[str, str] = {}
        prints: dict[str, tuple[int, int]] = {}
        numbers = self.file_numbers(frame_id)
        for v, (camera, source) in enumerate(zip(self.cameras, self._sources, strict=True)):
            try:
                image = self._read_raw(v, frame_id)
                images.append(self._undistort(v, image))
            except InputError as error:
                images.append(None)
                unreadable[camera.name] = error
            else:
                prints[camera.name] = numbers[camera.name], zlib.crc32(image[::PRINT_STEP].tobytes())
                if source.damage:
                    damaged[camera.name] = source.damage
        return FrameImages(images, unreadable, damaged, prints)

    def read_view(self, v: int, frame_id: int) -> UInt8[np.ndarray, "H W 3"] | None:
        """One undistorted image of `read_views`: large images one after another need little memory."""
        within("v", v, 0, len(self._sources) - 1)
        try:
            return self._undistort(v, self._read_raw(v, frame_id))
        except InputError:
            return None

    def files(self, frame_id: int) -> dict[str, Path]:
        """The file that each camera's image of this frame is read from, by camera name."""
        return {c.name: s.file(frame_id) for c, s in zip(self.cameras, self._sources, strict=True)}

    @property
    def frame_rate(self) -> float:
        """Frames a second as the slowest video states it, whose numbers the frames have; 0 for images."""
        files = (s.source if isinstance(s, MatchedSource) else s for s in self._sources)
        return min((f.fps for f in files if isinstance(f, Video) and 0 < f.fps < MOST_FPS), default=0.0)

    def file_numbers(self, frame_id: int) -> dict[str, int]:
        """The number that this frame has in the files of each camera; another one where cameras are out of step."""
        return {
            c.name: s.file_ids[frame_id] if isinstance(s, MatchedSource) else frame_id
            for c, s in zip(self.cameras, self._sources, strict=True)
        }

    def iterate(self, frame_ids: Iterable[int] | None = None) -> Iterator[tuple[int, list]]:
        """(frame number, images) in rising order, so that every video is decoded once."""
        for frame_id in sorted(self.frame_ids if frame_ids is None else set(frame_ids)):
            yield frame_id, self.read(frame_id)

    def _undistort(self, v: int, image: np.ndarray) -> np.ndarray:
        if self.raw_cameras[v].is_pinhole:
            return image
        if self._maps[v] is None:
            self._maps[v] = sampling_maps(self.raw_cameras[v], self.cameras[v])
        return undistort_image(image, self._maps[v])

    def close(self) -> None:
        for source in self._sources:
            if isinstance(source, Video | MatchedSource):
                source.close()


def _first_image(source: Source) -> UInt8[np.ndarray, "H W 3"]:
    """The first image that can be read; the first image's error if none of `TRIED` can."""
    first: InputError | None = None
    for frame_id in source.frame_ids[:TRIED]:
        try:
            return source.read(frame_id)
        except InputError as error:
            first = first or error
    assert first is not None, "a source has frames"
    raise first
