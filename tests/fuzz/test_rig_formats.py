"""Calibrations in every format that is read, with words or bytes replaced: a rig or InputError."""

import os
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from diffproxy.cameras import Camera, Rig, load_rig, save_rig  # noqa: E402
from diffproxy.cameras.formats import _matlab_file  # noqa: E402
from diffproxy.utils.errors import InputError  # noqa: E402
from tests.cameras import format_files as write  # noqa: E402

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
many = settings(
    max_examples=int(EXAMPLES or 5),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = ("nan", "1e999", "-1", "0", "1e300", "x", '""', "[]", "{}", "null", "[" * 200, "a: *a", "1" * 400, "")
TEXT = {
    "aniposelib": write.aniposelib,
    "Caliscope": write.caliscope,
    "OpenCV XML": lambda rig, folder: write.opencv(rig, folder, ".xml"),
    "OpenCV JSON": lambda rig, folder: write.opencv(rig, folder, ".json"),
    "OpenCV YAML": lambda rig, folder: write.opencv(rig, folder, ".yml"),
    "OpenCV stereo": lambda rig, folder: write.opencv_stereo(rig, folder, split=False),
    "Kalibr": write.kalibr,
    "Vicon": write.vicon,
    "Panoptic": write.panoptic,
    "4D-Association": write.four_d_association,
    "Human3.6M": write.human36m,
    "AIST++": write.aist,
    **{
        name: lambda rig, folder, name=name: save_rig(rig, folder, name)
        for name in ("rig", "pose2sim", "easymocap", "colmap", "transforms")
    },
}
BINARY = {
    "COLMAP binary": write.colmap_binary,
    "MATLAB": write.matlab_stereo,
    "Bouguet": write.bouguet_stereo,
    "OptiTrack": write.optitrack,
    "ZJU-MoCap": write.zju,
}


def a_rig() -> Rig:
    K = np.array([[150.0, 0, 81], [0, 151.0, 58.5], [0, 0, 1]])
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    d = np.array([-0.05, 0.13, 0.001, -0.002])
    first = Camera("cam_0", 160, 120, K, np.diag([1.0, -1, -1]), np.array([0.0, 1, 3]), d)
    return Rig("fuzz", (first, replace(first, name="cam_1", R_cam_world=first.R_cam_world @ turn)))


def told(folder: Path) -> None:
    try:
        load_rig(folder)
    except InputError as error:
        assert error.expected and error.found and error.fix


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("name", TEXT)
@many
@given(data=st.data())
def test_text_with_words_replaced(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("rig")
    TEXT[name](a_rig(), folder)
    for file in files(folder):
        text = file.read_text()
        words = list(re.finditer(r"[\w.+-]+", text))
        for _ in range(data.draw(st.integers(1, 3))):
            word = data.draw(st.sampled_from(words))
            new = data.draw(st.sampled_from(WORDS))
            text = text.replace(word[0], new, 1) if data.draw(st.booleans()) else text.replace(word[0], new)
        file.write_text(text[: data.draw(st.integers(0, len(text)))] if data.draw(st.booleans()) else text)
    told(folder)


@pytest.mark.parametrize("name", BINARY)
@many
@given(position=st.integers(0, 10**6), bytes_=st.binary(min_size=1, max_size=9), cut=st.booleans())
def test_bytes_replaced(tmp_path_factory, name, position, bytes_, cut):
    folder = tmp_path_factory.mktemp("rig")
    BINARY[name](a_rig(), folder)
    for file in files(folder):
        good = bytearray(file.read_bytes())
        place = position % len(good)
        good[place : place + len(bytes_)] = bytes_
        file.write_bytes(good[:place] if cut else good)
    told(folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rig.json", "[" * 100_000),
        ("a.json", '{"camera_matrix":' * 50_000),
        ("intri.yml", "a: " + "[" * 50_000),
        ("camchain.yaml", "{a: " * 50_000),
        ("calibration.toml", "a = " + "[" * 50_000),
        ("take.xcp", "<a>" * 100_000),
        ("a.xml", "<camera_matrix>" + "<a>" * 100_000),
        ("room.qca.txt", "<a>" * 100_000),
        ("rig.json", '{"cameras": [' + "1" * 5000 + "]}"),
    ],
)
def test_deep_and_long_values(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    if name == "intri.yml":
        (tmp_path / "extri.yml").write_text(text)
    with pytest.raises(InputError):
        load_rig(tmp_path)


def test_matlab_elements_that_unpack_to_more_are_refused_before_they_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(_matlab_file, "LARGEST", 1 << 20)
    data = zlib.compress(bytes(3 << 20))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    element = (15).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    (tmp_path / "a.mat").write_bytes(header + element + data)
    with pytest.raises(InputError, match="unpacked"):
        load_rig(tmp_path)


def test_a_matlab_file_that_crashes_its_reader_is_refused(tmp_path):
    """One byte of the header of a nested matrix, with which scipy 1.17 ends in a segmentation fault."""
    scipy.io.savemat(tmp_path / "a.mat", {"s": {"a": {"K": np.eye(3), "r": np.zeros(2)}, "R": np.eye(3)}})
    content = bytearray((tmp_path / "a.mat").read_bytes())
    content[273] = 14
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match="crashes"):
        load_rig(tmp_path)
