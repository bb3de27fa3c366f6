"""Preparing the Pose2Sim demo from a stand-in wheel, without network; the real one where it was prepared before."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffproxy.cameras import load_rig, open_frames
from diffproxy.cameras import pose2sim_demo as demo
from diffproxy.utils.errors import InputError

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
        one, two = (demo.DEMOS[name].folder for name in ("pose2sim", "pose2sim_two_people"))
        for folder in (one, two):
            archive.writestr(folder + "calibration/Calib.qca.txt", f"<calibration>{cameras}</calibration>")
        archive.writestr(one + "calibration/extrinsics/cam01_ext.png", "still")
        archive.writestr(one + "calibration/intrinsics/board.jpg", "board")
        archive.writestr(one + "videos/cam01.mp4", "video")
        archive.writestr(two + "videos/cam01.mp4", "other")
        archive.writestr("pose2sim-0.dist-info/licenses/LICENSE", "BSD")
    monkeypatch.setattr(demo, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    return tmp_path


def test_prepares_the_folder_once(downloads):
    folder = demo.prepare_pose2sim(downloads)
    assert folder == downloads / "pose2sim"
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    expected = [
        "LICENSE.pose2sim",
        "calibration/Calib.qca.txt",
        "calibration/extrinsics/cam01_ext.png",
        "rig.json",
    ]
    assert files == [*expected, "videos/cam01.mp4"] and not list(downloads.glob("*.tmp"))
    (downloads / "wheels" / demo.WHEEL).unlink()
    assert demo.prepare_pose2sim(downloads) == folder  # no download the second time


def test_rig_json_states_axes_grids_and_notes(downloads):
    rig = load_rig(demo.prepare_pose2sim(downloads))
    assert rig.up_axis == "+Z" and rig.name == "pose2sim"
    assert rig.camera("cam01").pixel_grid.shift == (0.0, -7.1)
    assert rig.camera("cam01").pixel_grid.scale == pytest.approx(1.0074, abs=5e-5)
    assert rig.camera("cam03").pixel_grid.is_identity
    assert any("matching" in n for n in rig.notes) and any("mirrored" in n for n in rig.notes)
    np.testing.assert_allclose(rig.camera("cam02").center_world, [2, 0, 2])
    cx, cy = 34110 / 64, 60680 / 64  # as in the file; turned sensors mirror one axis
    np.testing.assert_allclose(rig.camera("cam01").K[:2, 2], [1088 - cx, cy])
    np.testing.assert_allclose(rig.camera("cam02").K[:2, 2], [cx, 1920 - cy])


def test_the_demo_of_two_people_has_its_own_folder_and_grids(downloads):
    folder = demo.prepare_pose2sim(downloads, "pose2sim_two_people")
    assert folder.name == "pose2sim_two_people" and (folder / "videos/cam01.mp4").read_text() == "other"
    rig = load_rig(folder)
    assert rig.name == "pose2sim_two_people"
    assert rig.camera("cam03").pixel_grid.shift == (1.81, 12.14)
    with pytest.raises(InputError, match="a demo of Pose2Sim"):
        demo.prepare_pose2sim(downloads, "three")


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


# Video pixels of static things: marks on the deck (D1..D4), openings of the two posts (A, B); hand-measured to a pixel.
STATIC = {
    "D1": {
        "cam01": (519.6, 1063.8),
        "cam02": (789.1, 1084.4),
        "cam03": (485.7, 1432.3),
        "cam04": (385.4, 1396.5),
    },
    "D2": {
        "cam01": (767.6, 1290.5),
        "cam02": (758.3, 1269.7),
        "cam03": (165.0, 1240.9),
        "cam04": (517.4, 1115.8),
    },
    "D3": {
        "cam01": (108.8, 1061.2),
        "cam02": (435.2, 1038.2),
        "cam03": (874.4, 1234.6),
        "cam04": (837.3, 1411.6),
    },
    "D4": {"cam01": (317.7, 1335.4), "cam02": (325.8, 1207.8), "cam04": (890.0, 1070.2)},
    "A": {
        "cam01": (948.7, 1424.8),
        "cam02": (630.5, 1343.0),
        "cam03": (61.4, 1058.7),
        "cam04": (607.5, 922.2),
    },
    "B": {
        "cam01": (669.2, 1521.4),
        "cam02": (273.0, 1316.7),
        "cam03": (261.8, 970.3),
        "cam04": (829.5, 859.2),
    },
}
VIDEO_SIZE = {"cam01": (1080, 1920), "cam02": (1080, 1920), "cam03": (1088, 1920), "cam04": (1088, 1920)}


def static_residual_px(rig) -> float:
    """RMS reprojection of the static points, each triangulated from all cameras that see it."""
    cameras = {c.name: c.for_image(*VIDEO_SIZE[c.name]) for c in rig.cameras}
    gaps = []
    for seen in STATIC.values():
        A, b = np.zeros((3, 3)), np.zeros(3)
        for name, pixel in seen.items():
            origin, ray = cameras[name].rays_world(np.array(pixel))
            P = np.eye(3) - np.outer(ray, ray)
            A, b = A + P, b + P @ origin
        x = np.linalg.solve(A, b)
        gaps += [cameras[name].project(x) - pixel for name, pixel in seen.items()]
    return float(np.sqrt((np.array(gaps) ** 2).sum(1).mean()))


real = pytest.mark.skipif(
    not (REAL / "rig.json").is_file(), reason="run `python -m diffproxy.cameras pose2sim` for this one"
)


@real
def test_real_calibration_explains_static_points_and_the_file_as_printed_does_not():
    assert static_residual_px(load_rig(REAL)) < 1.5
    printed = load_rig(REAL / "calibration" / "Calib.qca.txt")
    grids = tuple(replace(c, pixel_grid=demo.PIXEL_GRIDS[c.name]) for c in printed.cameras)
    assert static_residual_px(replace(printed, cameras=grids)) > 10


@real
def test_real_demo_shows_the_walking_region():
    frames = open_frames(REAL)
    assert frames.frame_ids == list(range(100))
    assert [(c.width, c.height) for c in frames.cameras] == [(1080, 1920)] * 2 + [(1088, 1920)] * 2
    np.testing.assert_allclose(frames.rig.scene_center_world, [-0.95, 0.0, 0.6], atol=0.05)
    for camera in frames.cameras:
        assert (
            np.abs(camera.project(np.array([-1.0, 0.0, 0.9])) / (camera.width, camera.height) - 0.5) < 0.2
        ).all()
