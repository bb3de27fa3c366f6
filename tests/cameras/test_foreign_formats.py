"""Calibrations of other tools: one rig written in every format is read back to the same cameras."""

from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
import scipy.io

from diffproxy.cameras import PixelGrid, Rig, load_rig, save_rig
from diffproxy.cameras.__main__ import main
from diffproxy.cameras.formats import all_formats, writers
from diffproxy.utils.errors import InputError
from tests.cameras import format_files as write

needs_h5py = pytest.mark.skipif(find_spec("h5py") is None, reason="the extra smc")


@pytest.fixture
def rig(make_ring):
    """Three upright cameras of 160 x 120 with two focal lengths and distortion, up +Y."""
    d = np.array([-0.05, 0.13, 0.001, -0.002, 0.01])
    cameras = []
    for i, c in enumerate(make_ring(3)):
        K = c.K.copy()
        K[1, 1] *= 1.01
        K[:2, 2] = 81.0 + i, 58.5
        cameras.append(replace(c, name=f"cam_{i}", width=160, height=120, K=K, distortion=d * (i + 1)))
    return Rig("written", tuple(cameras))


def without(rig: Rig, *places: int) -> Rig:
    """The rig with these distortion coefficients set to zero."""
    cameras = []
    for c in rig.cameras:
        d = c.distortion.copy()
        d[list(places)] = 0
        cameras.append(replace(c, distortion=d))
    return replace(rig, cameras=tuple(cameras))


def of_first_camera(rig: Rig, count: int = 3) -> Rig:
    """The rig in the frame of its first camera."""
    a = rig.cameras[0]
    cameras = []
    for c in rig.cameras[:count]:
        R = c.R_cam_world @ a.R_cam_world.T
        cameras.append(replace(c, R_cam_world=R, t_cam_world=c.t_cam_world - R @ a.t_cam_world))
    return replace(rig, cameras=tuple(cameras))


def same(got: Rig, expected: Rig, names: bool = True):
    """Numbers to 1e-6, and the pixels of points in front of the cameras."""
    assert len(got.cameras) == len(expected.cameras)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)) + expected.scene_center_world
    for a, b in zip(got.cameras, expected.cameras, strict=True):
        assert (a.width, a.height, a.lens) == (b.width, b.height, b.lens)
        assert not names or a.name == b.name
        for key in ("K", "R_cam_world", "t_cam_world"):
            np.testing.assert_allclose(getattr(a, key), getattr(b, key), atol=1e-6, rtol=0, err_msg=key)
        np.testing.assert_allclose(a.project(points), b.project(points), atol=1e-5)


READERS = {
    "aniposelib": (write.aniposelib, (), "+Y"),
    "FreeMoCap": (write.freemocap, (), "+Y"),
    "FreeMoCap, older": (write.freemocap_older, (), "+Y"),
    "Caliscope": (write.caliscope, (), "+Y"),
    "COLMAP binary": (write.colmap_binary, (4,), "+Y"),
    "OpenCV XML": (partial(write.opencv, ending=".xml"), (), "+Y"),
    "OpenCV JSON": (partial(write.opencv, ending=".json"), (), "+Y"),
    "OpenCV YAML in halves": (write.opencv_halves, (), "+Y"),
    "MATLAB single": (write.matlab_single, (), "+Y"),
    "Bouguet single": (write.bouguet_single, (), "+Y"),
    "Vicon": (write.vicon, (2, 3), "+Z"),
    "OptiTrack": (write.optitrack, (), "+Y"),
    "Panoptic": (write.panoptic, (), "+Y"),
    "4D-Association": (write.four_d_association, (), "+Y"),
    "Human3.6M": (write.human36m, (), "+Y"),
    "AIST++": (write.aist, (), "+Y"),
    "ZJU-MoCap": (write.zju, (), "+Y"),
    "DNA-Rendering": (write.dna_rendering, (), "+Y"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=needs_h5py) if n == "DNA-Rendering" else n for n in READERS]
)
def test_one_rig_in_every_format(rig, tmp_path, name):
    writer, lost, up = READERS[name]
    expected = without(rig, *lost) if lost else rig
    cameras = tuple(replace(c, distortion=c.distortion[:4]) for c in expected.cameras)
    expected = replace(expected, cameras=cameras) if name == "COLMAP binary" else expected
    writer(expected, tmp_path)
    got = load_rig(tmp_path)
    same(got, expected)
    assert got.up_axis == up and got.notes and got.root == tmp_path


@pytest.mark.parametrize(
    ("writer", "count"),
    [
        (write.kalibr, 3),
        (partial(write.opencv_stereo, split=False), 2),
        (partial(write.opencv_stereo, split=True), 2),
        (write.matlab_stereo, 2),
        (write.bouguet_stereo, 2),
    ],
)
def test_formats_whose_world_is_the_first_camera(rig, tmp_path, writer, count):
    short = replace(rig, cameras=tuple(replace(c, distortion=c.distortion[:4]) for c in rig.cameras))
    rig = short if writer is write.kalibr else rig
    writer(rig, tmp_path)
    got = load_rig(tmp_path)
    same(got, of_first_camera(rig, count), names=False)
    assert got.up_axis == "-Y"  # of the first camera, whose y points down


@pytest.mark.parametrize("name", ["rig", "pose2sim", "easymocap", "colmap", "transforms"])
def test_written_formats_are_read_back(rig, tmp_path, name):
    file = save_rig(rig, tmp_path, name)
    assert file.exists()
    same(load_rig(tmp_path), rig)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["pose2sim", "colmap", "transforms"])
def test_fisheyes_are_written_and_read_back(rig, tmp_path, name):
    cameras = tuple(replace(c, lens="fisheye", distortion=c.distortion[:4]) for c in rig.cameras)
    save_rig(replace(rig, cameras=cameras), tmp_path, name)
    same(load_rig(tmp_path), replace(rig, cameras=cameras))


def test_writers_refuse_what_the_format_cannot_hold(rig, tmp_path):
    assert set(writers()) == {"rig", "pose2sim", "easymocap", "colmap", "transforms"}
    grid = replace(rig.cameras[0], pixel_grid=PixelGrid(2.0))
    with pytest.raises(InputError, match="pixel_grid"):
        save_rig(replace(rig, cameras=(grid,)), tmp_path, "pose2sim")
    bent = replace(rig.cameras[0], distortion=np.full(12, 0.01))
    with pytest.raises(InputError, match="12 distortion coefficients"):
        save_rig(replace(rig, cameras=(bent,)), tmp_path, "colmap")
    fisheye = replace(rig.cameras[0], lens="fisheye", distortion=np.zeros(4))
    with pytest.raises(InputError, match="a fisheye lens"):
        save_rig(replace(rig, cameras=(fisheye,)), tmp_path, "easymocap")
    with pytest.raises(InputError, match="one lens model"):
        save_rig(replace(rig, cameras=(fisheye, rig.cameras[1])), tmp_path, "transforms")
    with pytest.raises(InputError, match="a format among"):
        save_rig(rig, tmp_path, "qualisys")
    assert list(tmp_path.iterdir()) == []


def test_convert_writes_another_format(rig, tmp_path, capsys):
    write.freemocap(rig, tmp_path)
    assert main(["convert", str(tmp_path), "format=colmap", f"out={tmp_path / 'model'}"]) == 0
    same(load_rig(tmp_path / "model"), rig)
    assert main(["convert", str(tmp_path), "format=inch"]) == 2
    assert "format" in capsys.readouterr().err


# ---------------------------------------------------------------- units, lenses and poses that are not as expected


def test_units_stand_in_the_notes(rig, tmp_path):
    for writer, text in ((write.freemocap, "millimetres"), (write.aniposelib, "states no unit")):
        folder = tmp_path / text.split()[0]
        folder.mkdir()
        writer(rig, folder)
        assert any(text in note for note in load_rig(folder).notes)


def test_aist_in_metres_is_told_from_centimetres(rig, tmp_path):
    write.aist(rig.scaled(0.01), tmp_path)
    same(load_rig(tmp_path), rig)


def test_lens_models_without_a_counterpart_are_refused_by_name(rig, tmp_path):
    save_rig(replace(rig, cameras=rig.cameras[:1]), tmp_path, "colmap")
    file = tmp_path / "cameras.txt"
    file.write_text("1 FOV 160 120 100 100 80 60 0.9\n")
    with pytest.raises(InputError, match="COLMAP's FOV"):
        load_rig(tmp_path)
    file.write_text("1 RADIAL 160 120 100 80 60 -0.1 0.02\n")
    assert load_rig(tmp_path).cameras[0].distortion.tolist() == [-0.1, 0.02, 0, 0]
    file.write_text("1 SIMPLE_RADIAL_FISHEYE 160 120 100 80 60 -0.1\n")
    assert load_rig(tmp_path).cameras[0].lens == "fisheye"
    file.write_text("1 RADIAL 160 120 100 80 60\n")
    with pytest.raises(InputError, match="5 parameters"):
        load_rig(tmp_path)


def test_kalibr_models(rig, tmp_path):
    file = tmp_path / "camchain.yaml"
    write.kalibr(without(rig, 4), tmp_path)
    text = file.read_text().replace("radtan", "equidistant")
    short = replace(rig, cameras=tuple(replace(c, distortion=c.distortion[:4]) for c in rig.cameras))
    write.kalibr(short, tmp_path)
    file.write_text(file.read_text().replace("radtan", "equidistant"))
    assert load_rig(tmp_path).cameras[1].lens == "fisheye"
    file.write_text(text.replace("camera_model: pinhole", "camera_model: omni"))
    with pytest.raises(InputError, match="omni-equidistant"):
        load_rig(tmp_path)


def test_other_lenses_of_opencv_files(rig, tmp_path):
    write.opencv(rig, tmp_path, ".json")
    file = tmp_path / "cam_1.json"
    text = file.read_text()
    file.write_text(text.replace("{", '{"distortion_model": "double_sphere",', 1))
    with pytest.raises(InputError, match="double_sphere"):
        load_rig(tmp_path)
    file.write_text(text.replace("{", '{"distortion_model": "rational_polynomial",', 1))
    same(load_rig(tmp_path), rig)


def test_old_distortion_of_vicon_is_refused(rig, tmp_path):
    write.vicon(without(rig, 2, 3), tmp_path)
    file = tmp_path / "take.xcp"
    file.write_text(file.read_text().replace("VICON_RADIAL2=", 'VICON_RADIAL="1e-8 0" OTHER='))
    with pytest.raises(InputError, match="VICON_RADIAL"):
        load_rig(tmp_path)


def test_a_camera_that_moves_is_refused(rig, tmp_path):
    save_rig(rig, tmp_path, "transforms")
    file = tmp_path / "transforms.json"
    text = file.read_text()
    file.write_text(text.replace("cam_1/000000", "cam_0/000001"))
    with pytest.raises(InputError, match="one pose of camera cam_0"):
        load_rig(tmp_path)


def test_transforms_with_one_angle_for_all(tmp_path):
    matrix = "[[1, 0, 0, 0], [0, 1, 0, 1.5], [0, 0, 1, 3], [0, 0, 0, 1]]"
    frame = f'{{"file_path": "a.png", "transform_matrix": {matrix}}}'
    text = f'{{"camera_angle_x": 1.0, "w": 200, "h": 100, "frames": [{frame}]}}'
    (tmp_path / "transforms.json").write_text(text)
    (camera,) = load_rig(tmp_path).cameras
    assert camera.name == "a" and camera.K[0, 0] == pytest.approx(100 / np.tan(0.5))
    np.testing.assert_allclose(camera.center_world, [0, 1.5, 3])
    np.testing.assert_allclose(camera.direction_world, [0, 0, -1])  # OpenGL cameras look along -z
    (tmp_path / "transforms.json").write_text(text.replace('"w"', '"camera_model": "EQUIRECTANGULAR", "w"'))
    with pytest.raises(InputError, match="EQUIRECTANGULAR"):
        load_rig(tmp_path)


def test_sizes_written_as_height_and_width_are_named(rig, tmp_path):
    c = rig.cameras[0]
    K = np.array([[100.0, 0, 80], [0, 100, 40], [0, 0, 1]])
    text = f"camera_matrix: {K.tolist()}\nR: {c.R_cam_world.tolist()}\nT: [0, 0, 3]\nimage_size: [80, 160]\n"
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(InputError, match=r"\(height, width\)"):
        load_rig(tmp_path)


# ---------------------------------------------------------------- files that are not to be trusted, or not read


def test_pickles_in_npy_run_nothing(rig, tmp_path):
    write.zju(rig, tmp_path, payload={"cams": write.Evil()})
    with pytest.raises(InputError, match="it wants to build"):
        load_rig(tmp_path)
    np.save(tmp_path / "annots.npy", np.zeros(3))
    with pytest.raises(InputError, match="an array of float64"):
        load_rig(tmp_path)


def test_entities_in_xml_are_refused(tmp_path):
    (tmp_path / "a.mcal").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(InputError, match="entities"):
        load_rig(tmp_path)


@pytest.mark.parametrize("name", ["cameras", "images"])
def test_cut_binary_models(rig, tmp_path, name):
    write.colmap_binary(
        replace(rig, cameras=tuple(replace(c, distortion=c.distortion[:4]) for c in rig.cameras)), tmp_path
    )
    file = tmp_path / "sparse" / f"{name}.bin"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(InputError, match="COLMAP's format"):
        load_rig(tmp_path)


def test_matlab_objects_and_other_mat_files(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": 1.0})
    with pytest.raises(InputError, match="toStruct"):
        load_rig(tmp_path)
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + b"\0" * 600)
    with pytest.raises(InputError, match=r"7\.3"):
        load_rig(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("system.cal", "OptiTrack .cal"),
        ("a.cameramodel", "mrcal"),
        ("bundle.out", "Bundler"),
        ("a.pickle", "run code"),
    ],
)
def test_known_formats_that_are_not_read_are_named(tmp_path, file, text):
    (tmp_path / file).write_bytes(b"M OT ")
    for path in (tmp_path, tmp_path / file):
        with pytest.raises(InputError, match=text):
            load_rig(path)


def test_names_of_formats_differ():
    names = [m.NAME for m in all_formats()]
    assert len(set(names)) == len(names) == 18


def test_wrong_numbers_name_the_camera(rig, tmp_path):
    write.panoptic(rig, tmp_path)
    file = tmp_path / "calibration_take.json"
    text = file.read_text()
    file.write_text(text.replace('"t": [[', '"t": [["x"], [', 1))
    with pytest.raises(InputError, match="translation of camera cam_0"):
        load_rig(tmp_path)
    file.write_text(text.replace('"K"', '"k"', 1))
    with pytest.raises(InputError, match="K of camera cam_0"):
        load_rig(tmp_path)
