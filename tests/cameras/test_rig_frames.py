"""Images and videos of a rig: numbers, sizes, undistortion, and everything that can be wrong with files."""

import logging
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.cameras import PixelGrid, Rig, open_frames, save_rig
from diffproxy.cameras.pixel_grid import guess_pixel_grid
from diffproxy.utils.errors import InputError

SIZE = (64, 48)


@pytest.fixture
def rig(make_ring, tmp_path):
    """Two pinhole cameras of 64 x 48 saved in `tmp_path`."""
    cameras = []
    for c in make_ring(2):
        K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
        cameras.append(replace(c, width=SIZE[0], height=SIZE[1], K=K))
    rig = Rig("small", tuple(cameras), root=tmp_path)
    save_rig(rig, tmp_path)
    return rig


def grey(value: int, size=SIZE) -> np.ndarray:
    return np.full((size[1], size[0], 3), value, np.uint8)


def write_images(root, numbers, cameras=("cam0", "cam1"), size=SIZE, name="frame_{:04d}.png"):
    for camera in cameras:
        folder = root / "images" / camera
        folder.mkdir(parents=True, exist_ok=True)
        for n in numbers:
            cv2.imwrite(str(folder / name.format(n)), grey(10 * n, size))


def write_video(path, count: int, size=SIZE):
    path.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, size)
    for n in range(count):
        writer.write(grey(10 * n, size))
    writer.release()


def test_images_by_number(rig, tmp_path):
    write_images(tmp_path, (3, 7, 12))
    frames = open_frames(tmp_path)
    assert frames.frame_ids == [3, 7, 12]
    images = frames.read(7)
    assert [i.shape for i in images] == [(48, 64, 3)] * 2 and images[0].dtype == np.uint8
    assert (images[0] == 70).all()
    with pytest.raises(InputError, match=r"3\.\.12"):
        frames.read(4)


def test_colours_are_rgb(rig, tmp_path):
    write_images(tmp_path, (0,))
    cv2.imwrite(
        str(tmp_path / "images" / "cam0" / "frame_0000.png"), np.full((48, 64, 3), (0, 0, 255), np.uint8)
    )
    assert open_frames(tmp_path).read(0)[0][0, 0].tolist() == [255, 0, 0]


def test_one_image_per_camera(rig, tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("cam0", "cam1"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), grey(99))
    frames = open_frames(tmp_path, rig)
    assert frames.frame_ids == [0] and abs(int(frames.read(0)[1].mean()) - 99) <= 1


def test_video_frames_by_number_in_any_order(rig, tmp_path):
    for name in ("cam0", "cam1"):
        write_video(tmp_path / "videos" / f"{name}.avi", 20)
    frames = open_frames(tmp_path)
    assert frames.frame_ids == list(range(20))
    for n in (0, 5, 5, 19, 2, 3):
        assert abs(frames.read(n)[0].mean() - 10 * n) < 2
    assert [(n, round(images[1].mean() / 10)) for n, images in frames.iterate([9, 4])] == [(4, 4), (9, 9)]
    frames.close()


def test_equal_images_have_equal_prints(rig, tmp_path):
    write_images(tmp_path, range(3))
    again = tmp_path / "images" / "cam1" / "frame_0001.png"
    (tmp_path / "images" / "cam1" / "frame_0002.png").write_bytes(again.read_bytes())
    frames = open_frames(tmp_path)
    prints = [frames.read_views(n).prints for n in range(3)]
    assert [p["cam1"][0] for p in prints] == [0, 1, 2]
    assert len({p["cam0"][1] for p in prints}) == 3
    assert prints[0]["cam1"][1] != prints[1]["cam1"][1] == prints[2]["cam1"][1]


def test_images_are_undistorted_for_the_pinhole_cameras(rig, tmp_path):
    d = np.array([-0.3, 0.1, 0.0, 0.0])
    bent = replace(rig, cameras=tuple(replace(c, distortion=d) for c in rig.cameras))
    write_images(tmp_path, (1,))
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    for c in bent.cameras:  # a world whose brightness is the height of the viewing ray
        ray = c.rays_world(np.stack([x, y], -1))[1]
        image = np.repeat(np.round(128 + 100 * ray[..., 1:2]), 3, axis=2).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "images" / c.name / "frame_0001.png"), image)
    frames = open_frames(tmp_path, bent)
    assert all(c.is_pinhole for c in frames.cameras) and not frames.raw_cameras[0].is_pinhole
    for image, c in zip(frames.read(1), frames.cameras, strict=True):
        expected = 128 + 100 * c.rays_world(np.stack([x, y], -1))[1][..., 1]
        assert np.abs(image[..., 0] - expected).max() < 1.5


# ---------------------------------------------------------------- sizes that differ


def test_same_aspect_is_a_stated_resize(rig, tmp_path, caplog):
    write_images(tmp_path, (0,), size=(128, 96))
    with caplog.at_level(logging.WARNING):
        frames = open_frames(tmp_path)
    assert "resized, scale 0.5" in caplog.text and "scale 0.5" in frames.rig.notes[0]
    np.testing.assert_allclose(frames.cameras[0].K, np.diag([2.0, 2, 1]) @ rig.cameras[0].K)


def test_other_aspect_is_scaled_by_width_and_centred(rig, tmp_path):
    """Calibration 64 x 48; images 32 x 20 are 64 x 40 of it, rows 4..44: the centre row stays in the centre."""
    write_images(tmp_path, (0,), size=(32, 20))
    frames = open_frames(tmp_path)
    np.testing.assert_allclose(frames.cameras[0].K, [[30, 0, 16], [0, 30, 10], [0, 0, 1]])
    assert "pixel_grid" in frames.notes[0] and "2.0 image rows cut off" in frames.notes[0]


def test_the_rule_reproduces_the_measured_pose2sim_grid():
    """1088 x 1920 calibrated, 1080 x 1920 video: measured scale 1.0074, shift (0, -7.1)."""
    grid, note = guess_pixel_grid((1088, 1920), (1080, 1920))
    assert grid.scale == pytest.approx(1.0074, abs=5e-5) and grid.shift == pytest.approx((0, -7.1), abs=0.05)
    assert "added" in note


def test_images_cut_at_the_sides():
    grid, note = guess_pixel_grid((1280, 720), (960, 720))
    assert grid.scale == 1 and grid.shift == (160.0, 0.0) and "160.0 columns at each side" in note


def test_pixel_grid_of_the_rig_overrides_the_rule(rig, tmp_path):
    write_images(tmp_path, (0,), size=(32, 20))
    placed = replace(
        rig, cameras=tuple(replace(c, pixel_grid=PixelGrid(2.0, (0.0, 8.0))) for c in rig.cameras)
    )
    save_rig(placed, tmp_path)
    frames = open_frames(tmp_path)
    np.testing.assert_allclose(frames.cameras[0].K, [[30, 0, 16], [0, 30, 8], [0, 0, 1]])
    assert "placed by pixel_grid" in frames.notes[0]
    far = replace(placed, cameras=tuple(replace(c, pixel_grid=PixelGrid(2.0, (9e5, 0))) for c in rig.cameras))
    with pytest.raises(InputError, match=r"places beside them\n.*correct `pixel_grid`"):
        open_frames(tmp_path, far)


def test_portrait_for_landscape_is_refused(rig, tmp_path):
    write_images(tmp_path, (0,), size=(48, 64))
    with pytest.raises(
        InputError, match=r"camera cam0.*\n.*portrait and landscape.*\n.*rig\.rotate=CAMERA:90"
    ):
        open_frames(tmp_path)


def test_size_changing_within_a_camera(rig, tmp_path):
    write_images(tmp_path, (0, 1))
    cv2.imwrite(str(tmp_path / "images" / "cam1" / "frame_0001.png"), grey(0, (32, 24)))
    with pytest.raises(InputError, match="32x24 in frame 1"):
        open_frames(tmp_path).read(1)


# ---------------------------------------------------------------- files that are wrong


def test_no_images_at_all(rig, tmp_path):
    with pytest.raises(InputError, match="name them after the cameras: cam0, cam1"):
        open_frames(tmp_path)


def test_camera_without_images(rig, tmp_path):
    write_images(tmp_path, (0,), cameras=("cam0",))
    with pytest.raises(InputError, match=r"nothing for cam1\n.*add cam1, or leave cam1 out: views=cam0"):
        open_frames(tmp_path)
    assert len(open_frames(tmp_path, rig.chosen("cam0")).read(0)) == 1


def test_names_that_do_not_match_suggest_a_rename(rig, tmp_path):
    write_images(tmp_path, (0,), cameras=("cam0", "Camera1"))
    with pytest.raises(InputError, match="rename Camera1 -> cam1"):
        open_frames(tmp_path)


def test_each_source_is_suggested_for_one_camera_only(rig, tmp_path):
    write_images(tmp_path, (0,), cameras=("came",))
    with pytest.raises(InputError, match=r"fix: rename came -> cam0, or"):
        open_frames(tmp_path)


def test_uncalibrated_images_are_ignored_aloud(rig, tmp_path, caplog):
    write_images(tmp_path, (0,), cameras=("cam0", "cam1", "extra"))
    with caplog.at_level(logging.WARNING):
        assert len(open_frames(tmp_path).read(0)) == 2
    assert "extra" in caplog.text


def test_cameras_that_the_views_leave_out_are_not_called_uncalibrated(rig, tmp_path, caplog):
    write_images(tmp_path, (0,), cameras=("cam0", "cam1", "extra"))
    with caplog.at_level(logging.INFO):
        open_frames(tmp_path, rig.subset(["cam1"]))
    assert [r.message for r in caplog.records] == [
        "views= leaves out cam0",
        "no calibration for extra: ignored",
    ]


def test_empty_folder(rig, tmp_path):
    write_images(tmp_path, (0,), cameras=("cam0",))
    (tmp_path / "images" / "cam1").mkdir()
    with pytest.raises(InputError, match="none"):
        open_frames(tmp_path)


def test_unequal_frames(rig, tmp_path):
    write_images(tmp_path, (0, 1, 2), cameras=("cam0",))
    write_images(tmp_path, (1, 2, 3), cameras=("cam1",))
    with pytest.raises(InputError, match=r"cam0: 3 \(0\.\.2\), cam1: 3 \(1\.\.3\)\n.*common_frames=true"):
        open_frames(tmp_path)
    assert open_frames(tmp_path, common_frames=True).frame_ids == [1, 2]


def test_no_common_frame(rig, tmp_path):
    write_images(tmp_path, (0,), cameras=("cam0",))
    write_images(tmp_path, (1,), cameras=("cam1",))
    with pytest.raises(InputError, match="share"):
        open_frames(tmp_path, common_frames=True)


def test_corrupt_image(rig, tmp_path):
    write_images(tmp_path, (0, 1))
    (tmp_path / "images" / "cam1" / "frame_0001.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"frame_0001.png\n.*13 bytes"):
        open_frames(tmp_path).read(1)
    (tmp_path / "images" / "cam1" / "frame_0000.png").write_bytes(b"")
    with pytest.raises(InputError, match="0 bytes"):
        open_frames(tmp_path)


def test_names_without_or_with_twice_the_same_number(rig, tmp_path):
    write_images(tmp_path, (0, 1))
    (tmp_path / "images" / "cam0" / "frame_0001.png").rename(tmp_path / "images" / "cam0" / "last.png")
    with pytest.raises(InputError, match=r"last.png"):
        open_frames(tmp_path)
    (tmp_path / "images" / "cam0" / "last.png").rename(tmp_path / "images" / "cam0" / "0.png")
    with pytest.raises(InputError, match=r"0.png and frame_0000.png for frame 0"):
        open_frames(tmp_path)


def test_corrupt_and_cut_videos(rig, tmp_path):
    write_video(tmp_path / "videos" / "cam0.avi", 8)
    (tmp_path / "videos" / "cam1.avi").write_bytes(b"RIFF nothing more")
    with pytest.raises(InputError, match=r"readable video in .*cam1.avi"):
        open_frames(tmp_path)
    write_video(tmp_path / "videos" / "cam1.avi", 8)
    frames = open_frames(tmp_path)
    frames._sources[1].frame_ids = list(range(10))  # a header that promises more than the file holds
    with pytest.raises(InputError, match="nothing that decodes; the 8 frames before 8 do"):
        frames._sources[1].read(9)


def test_two_files_for_one_camera(rig, tmp_path):
    for name in ("cam0.avi", "cam1.avi", "cam1.mkv"):
        write_video(tmp_path / "videos" / name, 2)
    with pytest.raises(InputError, match="one source for camera cam1"):
        open_frames(tmp_path)


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_frames(tmp_path / "nowhere")


# ---------------------------------------------------------------- what is refused or named


def test_videos_of_different_rates_are_refused(rig, tmp_path):
    (tmp_path / "videos").mkdir()
    for name, rate in (("cam0", 30), ("cam1", 60)):
        writer = cv2.VideoWriter(
            str(tmp_path / "videos" / f"{name}.avi"), cv2.VideoWriter_fourcc(*"MJPG"), rate, SIZE
        )
        for n in range(4):
            writer.write(grey(n))
        writer.release()
    for common in (False, True):
        with pytest.raises(InputError, match=r"cam0: 30 a second, cam1: 60 a second"):
            open_frames(tmp_path, common_frames=common)


@pytest.mark.parametrize("name", ["frame_0.5.png", "1" * 30 + ".png"])
def test_frame_numbers_that_are_none(rig, tmp_path, name):
    write_images(tmp_path, (0,))
    cv2.imwrite(str(tmp_path / "images" / "cam0" / name), grey(0))
    with pytest.raises(InputError, match="frame numbers"):
        open_frames(tmp_path)


def test_videos_one_folder_deeper_are_named(rig, tmp_path):
    for name in ("cam0", "cam1"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        write_video(tmp_path / "videos" / name / "take.avi", 2)
    with pytest.raises(InputError, match=r"move them up: mv .*take\.avi .*cam0\.avi"):
        open_frames(tmp_path)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_16_bit_files_of_fewer_bits_are_scaled(rig, tmp_path, bits):
    write_images(tmp_path, (0,))
    ramp = np.linspace(0, 2**bits - 1, 64 * 48).reshape(48, 64).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "images" / "cam0" / "frame_0000.png"), ramp)
    image = open_frames(tmp_path).read(0)[0]
    assert image.min() == 0 and image.max() == 255


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_pipes_and_folders_named_like_images(rig, tmp_path):
    write_images(tmp_path, (0, 1))
    os.mkfifo(tmp_path / "images" / "cam0" / "frame_0002.png")
    write_images(tmp_path, (2,), ("cam1",))
    with pytest.raises(InputError, match="pipe"):
        open_frames(tmp_path).read(2)[0]
