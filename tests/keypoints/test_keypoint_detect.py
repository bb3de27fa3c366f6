"""Running a detector over a rig."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Rig, open_frames
from diffproxy.keypoints import open_keypoints
from diffproxy.keypoints.__main__ import demo_or_folder, main
from diffproxy.keypoints.detector import MediaPipe, detect, same_person, squares
from diffproxy.keypoints.layouts import INDEX
from diffproxy.utils.errors import InputError


class Fake:
    """Finds one person whose points all lie at the brightest pixel."""

    def __init__(self):
        self.calls = 0

    def people(self, image: np.ndarray) -> list[dict]:
        self.calls += 1
        y, x = np.unravel_index(image.sum(-1).argmax(), image.shape[:2])
        return [{"pose_keypoints_2d": np.tile([x + 0.5, y + 0.5, 0.8], (33, 1))}]


def test_detections_come_back_and_are_not_made_twice(tmp_path, make_ring):
    cameras = make_ring(2, size=64)
    for v, c in enumerate(cameras):
        for frame in (3, 4):
            image = np.zeros((64, 64, 3), np.uint8)
            image[10 + frame, 20 + v] = 255
            (tmp_path / "images" / c.name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "images" / c.name / f"{frame:06d}.png"), image)
    frames, fake = open_frames(tmp_path, Rig("rig", cameras)), Fake()
    assert detect(frames, [3, 4], tmp_path / "kp", fake) == 4 and fake.calls == 4
    assert detect(frames, [3, 4], tmp_path / "kp", fake) == 0 and fake.calls == 4
    found = open_keypoints(tmp_path / "kp", cameras)
    people = found.frame(4, cameras)
    assert people[1][0].points[INDEX["nose"]].tolist() == [21.5, 14.5, 0.8]


def test_squares_cover_the_image():
    seen = np.zeros((96, 54), bool)
    boxes = squares(54, 96)
    assert boxes[0] == (0, 0, 54, 96)
    for x0, y0, x1, y1 in boxes[1:]:
        assert x1 - x0 == y1 - y0 and x0 >= 0 and x1 <= 54 and y0 >= 0 and y1 <= 96
        seen[y0:y1, x0:x1] = True
    assert seen.all() and squares(54, 96, tiles=False) == [(0, 0, 54, 96)]


def test_same_person():
    a = np.column_stack([np.arange(33.0), 3 * np.arange(33.0), np.ones(33)])
    assert same_person(a, a + np.array([1, 1, 0])) and not same_person(a, a + np.array([40, 0, 0]))


def test_without_mediapipe_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(InputError, match=r"pip install mediapipe==0\.10\.21"):
        MediaPipe()


def test_wrong_words_are_exit_status_2(tmp_path, capsys):
    assert main(["detect", "rug=x"]) == 2 and "did you mean rig" in capsys.readouterr().err
    assert main(["detect", f"rig={tmp_path / 'no'}"]) == 2
    assert main([]) == 0 and "usage" in capsys.readouterr().out


def test_demos_are_fetched_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fetched = []

    def prepare(root, name):
        fetched.append((root.resolve(), name))
        return root / name

    monkeypatch.setattr("diffproxy.cameras.pose2sim_demo.prepare_pose2sim", prepare)
    assert demo_or_folder("pose2sim_two_people") == Path("downloads/pose2sim_two_people")
    assert demo_or_folder("rigs/mine") == Path("rigs/mine")
    assert fetched == [(tmp_path / "downloads", "pose2sim_two_people")]
