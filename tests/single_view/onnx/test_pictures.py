"""Pictures and videos of unknown origin, by OpenCV alone."""

import json
import struct
import zlib

import cv2
import numpy as np
import pytest

from diffproxy.single_view.onnx.models import FIX, Models
from diffproxy.single_view.onnx.pictures import open_video, read_picture
from diffproxy.utils.bounded_images import stated_size
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import to_json


def png(width, height):
    """A PNG whose header states this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_sizes_are_those_of_the_headers():
    image = np.zeros((5, 7, 3), np.uint8)
    for kind, more in ((".png", ()), (".jpg", ()), (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))):
        data = cv2.imencode(kind, image, more)[1].tobytes()
        assert stated_size(data) == (7, 5)
        assert all(stated_size(data[:n]) in (None, (7, 5)) for n in range(len(data)))
    assert stated_size(b"") is stated_size(b"\xff\xd8" + b"\xff\xd8\0\0" * 20) is None


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "do not decode"),
        (b"hello", "do not decode"),
        (png(20_000, 20_000), "20000x20000"),
        (png(2**31 - 1, 1), "2147483647x1"),
        (png(3, 3), "do not decode"),
    ],
)
def test_what_is_no_picture_is_told_before_it_is_decoded(tmp_path, data, match):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError, match=match):
        read_picture(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(InputError, match="a folder"):
        read_picture(tmp_path / "b.png")


def test_files_of_10_and_16_bits_are_as_bright_as_those_of_8(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    image[0, 0] = 255
    for bits in (10, 16):
        cv2.imwrite(str(tmp_path / "a.png"), image.astype(np.uint16) << (bits - 8))
        np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), image[..., ::-1])
    cv2.imwrite(str(tmp_path / "a.tiff"), image.astype(np.float32))
    with pytest.raises(InputError, match=r"a\.tiff"):
        read_picture(tmp_path / "a.tiff")


def test_what_is_no_video_is_told(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"hello")
    for path, match in (
        (tmp_path / "a.mp4", "no video stream"),
        (tmp_path, "a folder"),
        (tmp_path / "b", "no such"),
    ):
        with pytest.raises(InputError, match=match):
            open_video(path, "all")


@pytest.mark.parametrize(
    ("change", "match"), [({"files": []}, "files"), ({"pose": None}, "pose"), ({"version": 99}, "version")]
)
def test_a_manifest_of_other_contents_is_told(tmp_path, exported, change, match):
    good = json.loads((exported.folder / "models.json").read_text())
    good["files"] = {}
    (tmp_path / "models.json").write_bytes(to_json(good))
    models = Models(tmp_path)
    (tmp_path / "joints.onnx").write_bytes(b"")
    with pytest.raises(InputError, match="as the manifest"):
        models.run("joints")
    (tmp_path / "models.json").write_bytes(to_json(good | change))
    with pytest.raises(InputError, match=match) as told:
        Models(tmp_path)
    assert told.value.fix == FIX


def test_damaged_frames_of_a_video_are_noted(tmp_path):
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 64))
    for seed in range(3):
        writer.write(np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    writer.release()
    notes: list[str] = []
    assert len([*open_video(path, "all", notes)[1]]) == 3 and notes == []
    data = path.read_bytes()
    second = data.index(b"\xff\xd8", data.index(b"\xff\xd8") + 2) + 1200
    path.write_bytes(data[:second] + b"\x7f" * 300 + data[second + 300 :])
    assert len([*open_video(path, "all", notes)[1]]) == 3
    assert len(notes) == 1 and notes[0].startswith("frame 1: damaged image ([mjpeg] error")
