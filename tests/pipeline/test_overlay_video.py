"""Videos of the overlays: read back by OpenCV."""

import cv2
import numpy as np
import pytest

from diffproxy.cameras import open_frames
from diffproxy.pipeline.frame_figures import write_overlays
from diffproxy.pipeline.overlay_video import video_file, write_overlay_videos
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.utils.errors import InputError


def read_video(path):
    video = cv2.VideoCapture(str(path))
    frames = [image for ok, image in iter(video.read, (False, None)) if ok]
    return frames, video.get(cv2.CAP_PROP_FPS)


def test_pictures_stand_beside_overlays(rig_of, params_of, body, tmp_path):
    """Two frames with a body, one saved as an overlay and one drawn for the video, and one without."""
    frames = open_frames(rig_of(3, cameras=2))
    records = []
    for k in range(2):
        joints = body.joints(params_of(0)).numpy()[0]
        records.append(
            FrameResult(k, "ok", "", params_to_arrays(params_of(0)), joints, np.zeros(55, np.float32))
        )
    records.append(FrameResult(2, "no_person", "nobody"))
    write_overlays(tmp_path, records[:1], body, frames)
    write_overlay_videos(tmp_path, records, body, frames, 25.0)
    video, fps = read_video(tmp_path / "video" / "cam1.mp4")
    assert len(video) == 3 and fps == 25.0 and video[0].shape == (128, 256, 3)
    for k, image in enumerate(video):
        left, right = image[:, :128].astype(int), image[:, 128:].astype(int)
        assert np.abs(left - (k + 1) * 20).max() < 8
        changed = np.abs(right - left).max(axis=-1) > 40
        assert (0.02 < changed.mean() < 0.5) if k < 2 else not changed.any()
    before = (tmp_path / "video" / "cam0.mp4").stat().st_mtime_ns
    write_overlay_videos(tmp_path, records, body, frames, 25.0)
    assert (tmp_path / "video" / "cam0.mp4").stat().st_mtime_ns == before
    write_overlay_videos(tmp_path, records[:2], body, frames, 25.0)
    assert len(read_video(tmp_path / "video" / "cam0.mp4")[0]) == 2


@pytest.mark.parametrize("room", [100, 100_000])
def test_a_video_that_finds_no_room_is_no_video(room, small_disk, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (10, 240, 320, 3), dtype=np.uint8)
    with small_disk(room), pytest.raises(InputError, match="room on the disk"):  # noqa: SIM117
        with video_file(tmp_path / "a.mp4", 25.0) as video:
            for frame in noise:
                video.add(frame)
    assert not list(tmp_path.iterdir())
