"""Preparing the Pose2Sim demo from a stand-in wheel, without network; the real one where it was prepared before."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from diffproxy.cameras import load_rig, open_frames
from diffproxy.cameras import pose2sim_demo as demo
from diffproxy.errors import InputError

CAMERA = (
    '<camera active="1" serial="cam0{i}" model="none" viewrotation="0">'
    '<fov_video left="0" top="0" right="1087" bottom="1919"/>'
    '<transform r11="1" r12="0" r13="0" r21="0" r22="1" r23="0" r31="0" r32="0" r33="1" x="{i}000" y="0" z="2000"/>'
    '<intrinsic focalLengthU="107599" focalLengthV="107588" centerPointU="34110" centerPointV="60680"'
    ' radialDistortion1="-0.046" radialDistortion2="0.14" tangentalDistortion1="0" tangentalDistortion2="0"/></camera>'
)


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """A download folder that already holds a wheel with the expected hash."""
    wheel = tmp_path / "wheels" / demo.WHEEL
    wheel.parent.mkdir()
    cameras = "".join(CAMERA.format(i=i) for i in (1, 2, 3, 4))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(demo.DEMO + "calibration/Calib.qca.txt", f"<calibration>{cameras}</calibration>")
        archive.writestr(demo.DEMO + "calibration/extrinsics/cam01_ext.png", "still")
        archive.writestr(demo.DEMO + "calibration/intrinsics/board.jpg", "board")
        archive.writestr(demo.DEMO + "videos/cam01.mp4", "video")
        archive.writestr("Pose2Sim/Demo_MultiPerson/videos/cam01.mp4", "other")
        archive.writestr("pose2sim-0.dist-info/licenses/LICENSE", "BSD")
    monkeypatch.setattr(demo, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    return tmp_path


def test_prepares_the_folder_once(downloads):
    folder = demo.prepare_pose2sim(downloads)
    assert folder == downloads / "pose2sim"
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    expected = ["LICENSE.pose2sim", "calibration/Calib.qca.txt", "calibration/extrinsics/cam01_ext.png", "rig.json"]
    assert files == [*expected, "videos/cam01.mp4"] and not list(downloads.glob("*.tmp"))
    (downloads / "wheels" / demo.WHEEL).unlink()
    assert demo.prepare_pose2sim(downloads) == folder  # no download the second time


def test_rig_json_states_axes_grids_and_notes(downloads):
    rig = load_rig(demo.prepare_pose2sim(downloads))
    assert rig.up_axis == "+Z" and rig.name == "pose2sim"
    assert rig.camera("cam01").pixel_grid.shift == (0.0, -7.1)
    assert rig.camera("cam01").pixel_grid.scale == pytest.approx(1.0074, abs=5e-5)
    assert rig.camera("cam03").pixel_grid.is_identity
    assert any("measured" in n or "matching" in n for n in rig.notes) and any("out of step" in n for n in rig.notes)
    np.testing.assert_allclose(rig.camera("cam02").center_world, [2, 0, 2])


def test_another_file_is_refused(downloads, monkeypatch):
    monkeypatch.setattr(demo, "SHA256", "0" * 64)
    with pytest.raises(InputError, match="SHA-256"):
        demo.prepare_pose2sim(downloads)
    assert not (downloads / "pose2sim").exists()


def test_failed_download_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "VERSION", "0.0.0")
    monkeypatch.setattr(demo.sys, "executable", "false")
    with pytest.raises(InputError, match="by other means"):
        demo.prepare_pose2sim(tmp_path)


def test_half_a_folder_is_not_taken_for_a_rig(downloads):
    (downloads / "pose2sim").mkdir()
    with pytest.raises(InputError, match=r"without rig.json"):
        demo.prepare_pose2sim(downloads)


REAL = Path(__file__).parents[2] / "downloads" / "pose2sim"


@pytest.mark.skipif(not (REAL / "rig.json").is_file(), reason="run `python -m diffproxy.cameras pose2sim` for this one")
def test_real_demo_shows_the_walking_region():
    frames = open_frames(REAL)
    assert frames.frame_ids == list(range(100))
    assert [(c.width, c.height) for c in frames.cameras] == [(1080, 1920)] * 2 + [(1088, 1920)] * 2
    np.testing.assert_allclose(frames.rig.scene_center_world, [-0.94, -0.02, 0.59], atol=0.01)
    for camera in frames.cameras:
        assert (np.abs(camera.project(np.array([-1.0, 0.0, 0.9])) / (camera.width, camera.height) - 0.5) < 0.2).all()
