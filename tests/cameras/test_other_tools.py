"""The folders that Pose2Sim, EasyMocap, FreeMoCap and Caliscope leave become rigs as docs/from_other_tools.md says."""

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Rig, load_rig, open_frames, save_rig
from diffproxy.cameras.__main__ import main
from diffproxy.utils.errors import InputError
from tests.cameras import format_files


@pytest.fixture
def rig(make_ring):
    return Rig("take", make_ring(3, size=64))


def videos(folder, names):
    folder.mkdir(parents=True)
    for name in names:
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 64))
        for value in (50, 100):
            writer.write(np.full((64, 64, 3), value, np.uint8))
        writer.release()


def test_pose2sim(rig, tmp_path):
    (tmp_path / "calibration").mkdir()
    save_rig(rig, tmp_path / "calibration", "pose2sim")
    videos(tmp_path / "videos", [f"{c.name}.avi" for c in rig.cameras])
    assert main(["check", str(tmp_path)]) == 0
    assert open_frames(tmp_path).frame_ids == [0, 1]


def test_easymocap(rig, tmp_path):
    save_rig(rig, tmp_path, "easymocap")
    videos(tmp_path / "videos", [f"{c.name}.avi" for c in rig.cameras])
    assert main(["check", str(tmp_path)]) == 0


def test_freemocap_and_caliscope_with_videos_elsewhere_under_other_names(rig, tmp_path):
    for tool, videos_in, name in (
        ("freemocap", "synchronized_videos", "Camera_{:03d}_synchronized.avi"),
        ("caliscope", "recordings/walk", "port_{}.avi"),
    ):
        folder = tmp_path / tool
        videos(folder / videos_in, [name.format(i) for i in range(3)])
        cameras = [c.__class__(**{**vars(c), "name": f"cam_{i}"}) for i, c in enumerate(rig.cameras)]
        getattr(format_files, tool)(Rig("take", tuple(cameras)), folder)
        assert main(["check", str(folder), f"images={videos_in}"]) == 0
        frames = open_frames(folder, images=videos_in)
        assert [c.name for c in frames.cameras] == ["cam_0", "cam_1", "cam_2"]
        assert frames.files(0)["cam_2"].name == name.format(2)
        assert any("by its number" in note for note in frames.rig.notes)
        np.testing.assert_allclose(frames.rig.cameras[1].t_cam_world, rig.cameras[1].t_cam_world, atol=1e-9)
        frames.close()


def test_names_that_numbers_do_not_settle(rig, tmp_path):
    save_rig(rig, tmp_path)  # cam0, cam1, cam2
    videos(tmp_path / "videos", ["take_1.avi", "take_2.avi", "take_3.avi"])
    with pytest.raises(InputError, match="nothing for cam0, cam1, cam2"):
        open_frames(tmp_path)
    with pytest.raises(InputError, match="a folder with images or videos"):
        open_frames(tmp_path, load_rig(tmp_path), images="nowhere")
