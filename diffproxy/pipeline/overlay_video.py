"""A video per camera: its pictures on the left, the same with the body on the right."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.cameras import RigFrames
from diffproxy.pipeline.frame_figures import DrawnFigures, overlay_path
from diffproxy.pipeline.frame_store import record_digest
from diffproxy.pipeline.results import FrameResult, posed_vertices
from diffproxy.pipeline.unobserved_skin import unobserved_vertices
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path
from diffproxy.utils.native_messages import native_messages

MAX_WIDTH = 960  # pixels of each of the two pictures
CODECS = ("avc1", "mp4v")  # H.264 where this OpenCV has it, which browsers play; else MPEG-4 part 2
HEADER = 1 << 16  # bytes; more than the header of a video
NOT_READ = 40  # grey of an image that cannot be read


class VideoFile:
    """An mp4 of RGB frames of one size; use `video_file`."""

    def __init__(self, path: Path, fps: float):
        self._path, self._fps, self._frames = path, fps, 0
        self._writer: cv2.VideoWriter | None = None

    def add(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        height, width = (n - n % 2 for n in frame.shape[:2])  # codecs want even sides
        if self._writer is None:
            self._path.write_bytes(bytes(HEADER))  # OpenCV would not say that there is no room
            self._writer = _open_writer(self._path, self._fps, (width, height))
        self._writer.write(cv2.cvtColor(frame[:height, :width], cv2.COLOR_RGB2BGR))
        self._frames += 1

    def release(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """OSError unless the file has all frames: OpenCV does not say what it could not write."""
        with native_messages():
            found = int(cv2.VideoCapture(str(self._path)).get(cv2.CAP_PROP_FRAME_COUNT))
        if found != self._frames:
            raise OSError(errno.ENOSPC, f"{found} of {self._frames} frames could be written")


@contextmanager
def video_file(path: Path, fps: float) -> Iterator[VideoFile]:
    """An mp4 that is complete or absent, of `fps` frames per second. InputError where there is no room for it."""
    with atomic_path(path, suffix=True) as temporary:
        video = VideoFile(temporary, fps)
        try:
            yield video
        finally:
            video.release()
        video.check()


def write_overlay_videos(
    out: Path, records: Sequence[FrameResult], body: BodyModel, frames: RigFrames, fps: float
) -> None:
    """`video/<camera>.mp4`; a frame without a body shows its picture twice.

    Overlays that the run has saved are used, others are drawn. Videos of the same bodies and images are kept.

    Args:
        out: Folder of the run.
        records: All frames.
        body: The body model.
        frames: The rig's images.
        fps: Frames per second of the frame numbers; the video has the spacing of the frames.
    """
    paths = [out / "video" / f"{camera.name}.mp4" for camera in frames.cameras]
    digest = fingerprint(
        {"frames": [[record_digest(r), r.info.get("inputs", {})] for r in records], "fps": fps}
    )
    with DrawnFigures(out) as drawn:
        if all(drawn.is_current(path, digest) for path in paths):
            return
        ids = [r.frame_id for r in records]
        step = float(np.median(np.diff(ids))) if len(ids) > 1 else 1.0
        with ExitStack() as stack:
            videos = [stack.enter_context(video_file(path, fps / step)) for path in paths]
            for pictures in _pairs(drawn, records, body, frames):
                for video, pair in zip(videos, pictures, strict=True):
                    video.add(pair)
        for path in paths:
            drawn.add(path, digest)


def _pairs(
    drawn: DrawnFigures, records: Sequence[FrameResult], body: BodyModel, frames: RigFrames
) -> Iterable[list[UInt8[np.ndarray, "H W 3"]]]:
    """For each frame, the pair of pictures of each camera."""
    from diffproxy.cameras.image_files import read_image
    from diffproxy.visualization import BodyPainter
    from diffproxy.visualization.sheet import shrink

    faces, nearest = body.faces.cpu().numpy(), nearest_joints(body)
    for record in tqdm(records, desc="videos", unit="frame"):
        painter: BodyPainter | None = None
        pairs = []
        current = record_digest(record) + fingerprint(record.info.get("inputs", {}))
        for image, camera in zip(frames.read_views(record.frame_id).images, frames.cameras, strict=True):
            if image is None:
                image = np.full((camera.height, camera.width, 3), NOT_READ, dtype=np.uint8)
            path = overlay_path(drawn.out, camera.name, record.frame_id)
            if not record.has_body:
                shown = image
            elif drawn.is_current(path, current):
                shown = read_image(path)
            else:
                painter = painter or BodyPainter(
                    posed_vertices(body, record), faces, unobserved=unobserved_vertices(nearest, record)
                )
                shown = painter.draw(image, camera)
            pairs.append(np.concatenate([shrink(image, MAX_WIDTH), shrink(shown, MAX_WIDTH)], axis=1))
        yield pairs


def _open_writer(path: Path, fps: float, size: tuple[int, int]) -> cv2.VideoWriter:
    for codec in CODECS:
        with native_messages():  # FFmpeg's complaints about codecs that it does not have
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if writer.isOpened():
            return writer
    raise InputError(
        f"an OpenCV that writes mp4 ({' or '.join(CODECS)})",
        "none of these codecs",
        "save.overlay_video=false",
    )
