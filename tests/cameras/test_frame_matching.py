"""Cameras out of step: stated offsets, time stamps, and images that were turned."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from diffproxy.cameras import FrameMatching, Rig, frame_matching, open_frames, save_rig
from diffproxy.cameras.frame_matching import check_camera_names
from diffproxy.utils.errors import InputError

SIZE = (64, 48)


@pytest.fixture
def rig(make_ring, tmp_path):
    """Two pinhole cameras of 64 x 48 saved in `tmp_path`."""
    K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
    cameras = tuple(replace(c, width=SIZE[0], height=SIZE[1], K=K) for c in make_ring(2))
    save_rig(Rig("small", cameras), tmp_path)
    return tmp_path


def write_video(path, moments, fps=30):
    """A video whose frames have the grey values of these moments."""
    path.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, SIZE)
    for moment in moments:
        writer.write(np.full((*SIZE[::-1], 3), moment, np.uint8))
    writer.release()


def moments(frames, frame_id):
    return [round(float(image.mean())) for image in frames.read(frame_id)]


def test_offset_of_videos(rig):
    write_video(rig / "videos" / "cam0.avi", range(0, 100, 10))
    write_video(rig / "videos" / "cam1.avi", range(30, 130, 10))  # started three frames later
    frames = open_frames(rig, matching=frame_matching("cam1:-3"))
    assert frames.frame_ids == list(range(3, 10))
    for frame_id in (3, 6, 9):
        assert np.ptp(moments(frames, frame_id)) <= 2
        assert frames.file_numbers(frame_id) == {"cam0": frame_id, "cam1": frame_id - 3}
    assert any("cam1: -3 frames" in note for note in frames.rig.notes)
    # The same with the other camera as the reference.
    frames = open_frames(rig, matching=FrameMatching({"cam0": 3}))
    assert frames.frame_ids == list(range(0, 7)) and np.ptp(moments(frames, 2)) <= 2
    frames.close()


def test_offset_of_images_by_their_numbers(rig):
    for camera, numbers in (("cam0", (5, 6, 7)), ("cam1", (105, 106, 107, 108))):
        (rig / "images" / camera).mkdir(parents=True)
        for n in numbers:
            cv2.imwrite(str(rig / "images" / camera / f"{n}.png"), np.full((*SIZE[::-1], 3), n, np.uint8))
    frames = open_frames(rig, matching=FrameMatching({"cam1": 100}))
    assert frames.frame_ids == [5, 6, 7] and moments(frames, 6) == [6, 106]
    assert frames.files(7)["cam1"].name == "107.png"
    with pytest.raises(InputError, match="all cameras share"):
        open_frames(rig, matching=FrameMatching({"cam1": 50}))


def test_offsets_are_read_and_checked(tmp_path):
    path = tmp_path / "offsets.json"
    path.write_text(json.dumps({"offsets": {"cam1": 4}, "certain": True}))
    assert frame_matching(str(path)).offsets == {"cam1": 4}
    assert frame_matching(" a:b:3 , cam1:-7").offsets == {"a:b": 3, "cam1": -7}
    assert frame_matching().is_plain and frame_matching("cam0:0").is_plain
    for text in ("cam1", "cam1:x", ":3", "cam1:2,cam1:3", "cam1:1.5", "cam1:99999999"):
        with pytest.raises(InputError, match=r"expected offsets (as camera|of at most)"):
            frame_matching(text)
    path.write_text(json.dumps({"offsets": {"cam1": 1.5}}))
    for text in (str(path), str(tmp_path / "none.json")):
        with pytest.raises(InputError, match="offsets"):
            frame_matching(text)
    with pytest.raises(InputError, match="cam7"):
        check_camera_names(FrameMatching({"cam7": 1}), ["cam0", "cam1"])


def test_videos_of_two_rates_are_matched_by_time(rig):
    write_video(rig / "videos" / "cam0.avi", range(0, 100, 5), fps=60)
    write_video(rig / "videos" / "cam1.avi", range(0, 100, 10), fps=30)
    frames = open_frames(rig, matching=FrameMatching(match="time"))
    assert frames.frame_ids == list(range(10))  # of the slower camera
    assert frames.file_numbers(7) == {"cam0": 14, "cam1": 7} and np.ptp(moments(frames, 7)) <= 2
    shifted = open_frames(rig, matching=FrameMatching({"cam0": 4}, "time"))
    assert shifted.file_numbers(3) == {"cam0": 10, "cam1": 3}


def test_files_of_time_stamps(rig):
    write_video(rig / "videos" / "cam0.avi", range(0, 50, 10))
    write_video(rig / "videos" / "cam1.avi", range(0, 50, 10))
    (rig / "timestamps").mkdir()
    (rig / "timestamps" / "cam0.txt").write_text("\n".join(str(100 + 0.04 * k) for k in range(5)))
    later = [100.08, 100.12, 100.201, 100.24, 100.28]  # one frame lost after the second
    (rig / "timestamps" / "cam1.csv").write_text(",\n".join(map(str, later)))
    frames = open_frames(rig, matching=FrameMatching(match="time"))
    assert frames.frame_ids == [2, 3] and frames.file_numbers(3) == {"cam0": 3, "cam1": 1}
    (rig / "timestamps" / "cam1.csv").write_text("1\n2")
    with pytest.raises(InputError, match="5 time stamps"):
        open_frames(rig, matching=FrameMatching(match="time"))
    (rig / "timestamps" / "cam1.csv").unlink()
    with pytest.raises(InputError, match="of one kind"):
        open_frames(rig, matching=FrameMatching(match="time"))


def test_exif_times_of_pictures(rig):
    for camera, first in (("cam0", 0), ("cam1", 2)):
        (rig / "images" / camera).mkdir(parents=True)
        for k in range(4):
            exif = Image.Exif()
            exif.get_ifd(0x8769).update({0x9003: "2026:05:01 12:30:59", 0x9291: f"{10 * (first + k):03d}"})
            Image.new("RGB", SIZE).save(rig / "images" / camera / f"{k}.jpg", exif=exif)
    frames = open_frames(rig, matching=FrameMatching(match="time"))
    assert frames.frame_ids == [2, 3] and frames.file_numbers(2) == {"cam0": 2, "cam1": 0}
    Image.new("RGB", SIZE).save(rig / "images" / "cam0" / "1.jpg")
    with pytest.raises(InputError, match="SubSecTimeOriginal"):
        open_frames(rig, matching=FrameMatching(match="time"))


def test_turned_images(rig):
    upright = np.zeros((*SIZE[::-1], 3), np.uint8)
    upright[:10, :10] = 255  # a mark in the upper left corner
    for camera, image in (("cam0", upright), ("cam1", np.rot90(upright))):  # cam1 was turned to the left
        (rig / "images").mkdir(exist_ok=True)
        cv2.imwrite(str(rig / "images" / f"{camera}.png"), image)
    with pytest.raises(InputError, match=r"rig\.rotate"):
        open_frames(rig)
    images = open_frames(rig, matching=frame_matching(rotate="cam1:90")).read(0)
    assert (images[0] == images[1]).all()
    with pytest.raises(InputError, match="90, 180 or 270"):
        frame_matching(rotate="cam1:45")
