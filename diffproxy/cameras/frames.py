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
from diffproxy.cameras.frame_matching import FrameMatching, MatchedSource, check_camera_names, match_sources
from diffproxy.cameras.image_sources import Source, Video, find_sources, open_source
from diffproxy.cameras.io import load_rig
from diffproxy.cameras.pixel_grid import guess_pixel_grid
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.source_names import sources_of_cameras
from diffproxy.cameras.time_stamps import frame_times
from diffproxy.cameras.undistortion import sampling_maps, undistort_image
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)
PRINT_STEP = 8  # rows; noise makes each row of another image another one
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
        try:
            return self._undistort(v, self._read_raw(v, frame_id))
        except InputError:
            return None

    def files(self, frame_id: int) -> dict[str, Path]:
        """The file that each camera's image of this frame is read from, by camera name."""
        return {c.name: s.file(frame_id) for c, s in zip(self.cameras, self._sources, strict=True)}

    @property
    def frame_rate(self) -> float:
        """Frames a second as the first film states it; 0 for images."""
        files = (s.source if isinstance(s, MatchedSource) else s for s in self._sources)
        return next((f.fps for f in files if isinstance(f, Video)), 0.0)

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


def open_frames(
    path: Path | str,
    rig: Rig | None = None,
    *,
    common_frames: bool = False,
    matching: FrameMatching | None = None,
    images: str = "",
) -> RigFrames:
    """Open the images or videos of a rig folder: `images/<cam>/*`, `images/<cam>.jpg` or `videos/<cam>.*`.

    Args:
        path: Rig folder.
        rig: The calibration; by default the one in the folder.
        common_frames: Use the frame numbers that all cameras share; otherwise they must have the same ones.
        matching: How the frames of cameras that are out of step are put together; frames that not all cameras have are
            then left out.
        images: Folder with the images or videos, if it is neither images/ nor videos/; relative to the rig folder.

    Returns:
        The images, with a camera for each.

    Raises:
        InputError: missing cameras or images, different frame numbers, sizes that cannot be matched.
    """
    root = Path(path)
    if not root.exists():
        raise InputError("a rig folder", f"{root}, which does not exist", "check the path")
    rig = load_rig(root) if rig is None else rig
    root = root if root.is_dir() else root.parent
    found = find_sources(root, images)
    matching = matching or FrameMatching()
    check_camera_names(matching, sorted({c.name for c in rig.cameras} | {*rig.left_out} | {*found}))
    found, notes = sources_of_cameras(rig, found, root)
    sources = [open_source(found[c.name]) for c in rig.cameras]
    if matching.match == "number":
        _check_rates(rig, sources)
    if not matching.is_plain:
        named = {c.name: source for c, source in zip(rig.cameras, sources, strict=True)}
        times = frame_times(root, named) if matching.match == "time" else {}
        matched, more = match_sources(named, matching, times)
        notes += more
        sources, common_frames = list(matched.values()), True
    return RigFrames(rig, sources, _common_ids(rig, sources, common_frames), notes)


def _check_rates(rig: Rig, sources: list[Source]) -> None:
    """InputError for films of different frame rates: equal frame numbers are then different moments."""
    rates = {
        c.name: (s.fps, s.path)
        for c, s in zip(rig.cameras, sources, strict=True)
        if isinstance(s, Video) and 0 < s.fps < 1e4
    }
    values = [rate for rate, _ in rates.values()]
    if not values or max(values) <= min(values) * 1.005:
        return
    low = min(values)
    fast = next(path for rate, path in rates.values() if rate > low * 1.005)
    raise InputError(
        "videos of one frame rate",
        ", ".join(f"{name}: {rate:.4g} a second" for name, (rate, _) in rates.items()),
        "if they start together, match them by time (fit): rig.match=time; else bring them to one rate: "
        f"ffmpeg -i {fast} -vf fps={low:.6g} -crf 16 {fast.stem}_{low:.0f}.mp4 "
        f"(likewise the others), and use these in place of the originals",
    )


def _common_ids(rig: Rig, sources: list[Source], common_frames: bool) -> list[int]:
    shared = set(sources[0].frame_ids).intersection(*(s.frame_ids for s in sources[1:]))
    unequal = any(set(s.frame_ids) != shared for s in sources)
    counts = ", ".join(
        f"{c.name}: {len(s.frame_ids)} ({s.frame_ids[0]}..{s.frame_ids[-1]})"
        for c, s in zip(rig.cameras, sources, strict=True)
    )
    if not shared:
        raise InputError(
            "frame numbers that all cameras share", counts, "rename the images to common numbers"
        )
    if unequal and not common_frames:
        raise InputError(
            "the same frame numbers for every camera",
            counts,
            f"if the cameras start together, use the {len(shared)} common frames (fit): common_frames=true; "
            "otherwise cut the recordings to the same moments first",
        )
    return sorted(shared)
