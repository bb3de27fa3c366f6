"""The reader of the Shelf take and its score, on a small folder in the same layout."""

import json
from dataclasses import replace

import numpy as np
import pytest

from diffproxy.evaluation.shelf import open_shelf
from diffproxy.evaluation.synthetic_people import make_take
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.keypoints.layouts import COCO17, LAYOUTS
from diffproxy.utils.errors import InputError

LIMBS = 26  # of the files
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("association_shelf")


@pytest.fixture
def folder(tmp_path, body, script):
    """Two people over twelve frames, the second from frame 3; limbs between the two are possible, but less sure."""
    made = make_take(body, TakeConfig(people=2, cameras=3, frames=12, leaving=False))
    cameras = [replace(c, R_cam_world=c.R_cam_world @ Z_UP.T) for c in made.cameras]
    people = [list(joints @ Z_UP.T)[: 2 if f >= 3 else 1] for f, joints in enumerate(made.joints)]
    (tmp_path / "detection").mkdir()
    calibration = {}
    for camera in cameras:
        K = camera.K.copy()
        K[:2, 2] -= 0.5
        RT = np.concatenate([camera.R_cam_world, camera.t_cam_world[:, None]], 1)
        size = [camera.width, camera.height]
        calibration[camera.name] = {"K": K.ravel().tolist(), "RT": RT.ravel().tolist(), "imgSize": size}
        rows = ["4 12"]
        for present in people:
            pixels = [(camera.project(_body25(p)) - 0.5) / (np.array(size) - 1) for p in present]
            for k in range(25):
                rows += [str(len(pixels)), _text(np.array([[*p[k], 0.9] for p in pixels]).T)]
            rows += [_text(np.eye(len(present)) * 0.8 + 0.1)] * LIMBS
        (tmp_path / "detection" / f"{camera.name}.txt").write_text("\n".join(rows))
    truth = ["15 12"]
    for present in people:
        truth.append(str(len(present)))
        for who, joints in enumerate(present):
            truth += [str(who), _text(script.shelf_skeleton(joints).T), "1 " * 15]
    (tmp_path / "gt.txt").write_text("\n".join(truth))
    (tmp_path / "calibration.json").write_text(json.dumps(calibration))
    return tmp_path, cameras, people


def _body25(joints):
    at = dict(zip(COCO17, joints, strict=True))
    return np.stack([at.get(name, at["left_ankle"]) for name in LAYOUTS["body25"]])


def _text(values):
    return "\n".join(" ".join(map(str, row)) for row in values)


def test_people_of_the_detections_are_those_of_the_take(folder):
    path, cameras, people = folder
    take = open_shelf(path)
    assert sorted(take.truth[0]) == [0] and sorted(take.truth[5]) == [0, 1]
    for v, camera in enumerate(cameras):
        np.testing.assert_allclose(take.cameras[v].K, camera.K)
        np.testing.assert_allclose(take.cameras[v].R_cam_world, camera.R_cam_world, atol=1e-9)
        for present, found in ((people[0], take.detections[0][v]), (people[7], take.detections[7][v])):
            expected = sorted(camera.project(p)[0].tolist() for p in present)
            got = sorted(c.keypoints[0, :2].tolist() for c in found)
            np.testing.assert_allclose(got, expected, atol=1e-2)


def test_exact_detections_have_all_parts_right(folder, script):
    result = script.main([f"DIR={folder[0]}"])
    assert result["average"] == 1.0 and result["switches"] == 0 and result["people"] == 2
    assert result["frames"] == {"0": 12, "1": 9}


def test_who_is_annotated_and_not_reported_counts_as_wrong(folder, script):
    path, _, _ = folder
    for file in (path / "detection").iterdir():
        lines = file.read_text().split("\n")
        file.write_text("\n".join([lines[0], *["0"] * 25 * 12]))  # nobody, so no limbs either
    result = script.main([f"DIR={path}"])
    assert result["average"] == 0.0 and result["people"] == 0


def test_a_damaged_file_is_named(folder):
    file = folder[0] / "detection" / "cam02.txt"
    text = file.read_text()
    for damaged in (text[:-40], text + " x", "1" + text[1:], None):  # short, no number, other layout, missing
        file.unlink() if damaged is None else file.write_text(damaged)
        with pytest.raises(InputError, match=r"cam02\.txt"):
            open_shelf(folder[0])
