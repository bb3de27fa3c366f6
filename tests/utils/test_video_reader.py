"""Videos with damaged, empty and missing frames: each costs itself, and what comes too early is told."""

import struct

import cv2
import numpy as np
import pytest

from diffproxy.utils import video_reader
from diffproxy.utils.errors import InputError
from diffproxy.utils.video_reader import VideoReader

FRAMES, HIT = 9, 4
JUNK = 8  # bytes of the head of a chunk


@pytest.fixture
def video(tmp_path):
    """A video (MJPEG in AVI) whose frame k has the brightness 20 + 20 k, its bytes, and place and size of frame HIT."""
    path, rng = tmp_path / "a.avi", np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    for k in range(FRAMES):
        image = np.full((120, 160, 3), 20 + 20 * k, np.uint8)
        image[60:] += rng.integers(0, 20, (60, 160, 1), dtype=np.uint8)  # so that it takes some bytes
        writer.write(image)
    writer.release()
    data = bytearray(path.read_bytes())
    at = data.index(b"movi")
    for _ in range(HIT + 1):
        at = data.index(b"00dc", at) + JUNK
    return path, data, at, struct.unpack("<I", data[at - 4 : at])[0]


def seen(path, frames=range(FRAMES)):
    """What each frame shows: its number, None where it does not decode; and the frames with something to tell."""
    reader, shown, told = VideoReader(path, 25.0), [], []
    for k in frames:
        try:
            image, said = reader.read(k)
            shown.append(round((np.median(image[:50]) - 20) / 20))
            told += [k] * bool(said)
        except InputError:
            shown.append(None)
    return shown, told


def test_a_whole_video_has_nothing_to_tell(video):
    assert seen(video[0]) == ([*range(FRAMES)], [])
    assert seen(video[0], (7, 2, 2, 8)) == ([7, 2, 2, 8], [])


@pytest.mark.parametrize("content", [b"\0", b"\xff"])
def test_a_frame_that_does_not_decode_costs_itself_alone(video, content):
    path, data, at, size = video
    data[at : at + size] = content * size
    path.write_bytes(data)
    assert seen(path) == ([0, 1, 2, 3, None, 5, 6, 7, 8], [])
    assert seen(path, (7, 3)) == ([7, 3], [])
    with pytest.raises(InputError, match=r"frame 4 in .*\n.*nothing that decodes; the 4 frames before 4 do"):
        VideoReader(path, 25.0).read(HIT)


def test_half_a_frame_is_told(video):
    path, data, at, size = video
    data[at + size // 2 : at + size] = bytes(size - size // 2)
    path.write_bytes(data)
    assert seen(path)[1] == [HIT]


def test_a_lost_frame_is_told(video):
    """An empty chunk, which FFmpeg skips: later frames come one too early, and the last one is missing."""
    path, data, at, size = video
    data[at - 4 : at] = struct.pack("<I", 0)
    data[at : at + JUNK] = b"JUNK" + struct.pack("<I", size - JUNK + size % 2)
    entry = data.rindex(b"idx1") + JUNK + 16 * HIT
    data[entry + 12 : entry + 16] = struct.pack("<I", 0)
    path.write_bytes(data)
    assert seen(path) == ([0, 1, 2, 3, 5, 6, 7, 8, None], [HIT])
    assert seen(path, (2, 6)) == ([2, 7], [6])


def test_a_video_that_ends_early_ends(video, monkeypatch):
    path, data, at, _ = video
    path.write_bytes(data[:at])
    monkeypatch.setattr(video_reader, "PATIENCE", 3)
    reader = VideoReader(path, 25.0)
    with pytest.raises(InputError, match="the 4 frames before 4 do"):
        reader.read(10_000_000)
    assert reader.ended and reader.read(3)[0].shape == (120, 160, 3) and not reader.ended
