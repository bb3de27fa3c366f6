"""Names of keypoints, and files of the usual tools."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffproxy.cameras import Camera
from diffproxy.keypoints import NAMES, open_keypoints, person_from_flat
from diffproxy.keypoints.layouts import INDEX, LAYOUTS
from diffproxy.keypoints.readers import read_people
from diffproxy.utils.errors import InputError

CAMERA = Camera(
    "cam1", 200, 100, np.array([[100.0, 0, 100], [0, 100, 50], [0, 0, 1]]), np.eye(3), np.zeros(3)
)
LENGTHS = {
    "coco17": 17, "body25": 25, "halpe26": 26, "mediapipe33": 33, "wholebody133": 133, "left_hand21": 21,
    "right_hand21": 21,
}  # fmt: skip


def flat(layout: str) -> np.ndarray:
    """Point i at (i + 1, 2 i + 1), sure."""
    n = LENGTHS[layout]
    return np.column_stack([np.arange(n) + 1.0, 2 * np.arange(n) + 1.0, np.full(n, 0.9)])


@pytest.mark.parametrize("layout", LENGTHS)
def test_layout_has_its_length_and_known_names_once(layout):
    names = [n for n in LAYOUTS[layout] if n]
    assert len(LAYOUTS[layout]) == LENGTHS[layout]
    assert len(set(names)) == len(names) and set(names) <= set(NAMES)


@pytest.mark.parametrize(
    ("layout", "name", "row"),
    [
        ("coco17", "left_wrist", 9), ("coco17", "right_ankle", 16), ("body25", "right_hip", 9),
        ("body25", "left_big_toe", 19), ("body25", "mid_hip", 8), ("halpe26", "left_heel", 24),
        ("mediapipe33", "left_shoulder", 11), ("mediapipe33", "right_foot_index", 32),
        ("wholebody133", "left_hand_wrist", 91), ("wholebody133", "right_hand_pinky4", 132),
        ("wholebody133", "right_heel", 22),
    ],
)  # fmt: skip
def test_points_go_where_the_detector_means_them(layout, name, row):
    person = person_from_flat(flat(layout))
    assert person.points[INDEX[name]].tolist() == [row + 1, 2 * row + 1, 0.9]


def test_unseen_points_have_no_confidence():
    rows = flat("coco17")
    rows[3] = (0, 0, 0.5)  # OpenPose's way to say that there is nothing
    rows[4, 0] = np.nan
    person = person_from_flat(rows)
    assert (
        person.seen.sum() == 15 and not person.seen[INDEX["left_ear"]] and not person.seen[INDEX["right_ear"]]
    )


def test_unknown_length_is_refused():
    with pytest.raises(InputError, match="19 keypoints"):
        person_from_flat(np.ones((19, 3)))


def test_openpose_folder_with_hands(tmp_path):
    person = {
        "pose_keypoints_2d": flat("body25").ravel().tolist(),
        "hand_left_keypoints_2d": flat("left_hand21").ravel().tolist(),
        "hand_right_keypoints_2d": [],
    }
    folder = tmp_path / "cam1_json"
    folder.mkdir()
    (folder / "cam1_000000000007_keypoints.json").write_text(json.dumps({"people": [person, person]}))
    found = open_keypoints(tmp_path, [CAMERA])
    assert found.frame_ids == [7]
    people = found.frame(7, [CAMERA])[0]
    assert len(people) == 2
    assert people[0].points[INDEX["left_hand_thumb1"]].tolist() == [2, 3, 0.9]
    assert not people[0].seen[INDEX["right_hand_thumb1"]]
    assert found.frame(8, [CAMERA]) == [[]]


def test_one_file_for_a_video_of_mmpose_and_alphapose(tmp_path):
    points = flat("coco17")
    mmpose = {
        "instance_info": [
            {
                "frame_id": 5,
                "instances": [
                    {"keypoints": points[:, :2].tolist(), "keypoint_scores": points[:, 2].tolist()}
                ],
            }
        ]
    }
    (tmp_path / "cam1.json").write_text(json.dumps(mmpose))
    assert open_keypoints(tmp_path, [CAMERA]).frame_ids == [4]
    entry = {"image_id": "000012.jpg", "keypoints": points.ravel().tolist(), "score": 1.0}
    (tmp_path / "cam1.json").write_text(json.dumps([entry, entry]))
    found = open_keypoints(tmp_path, [CAMERA])
    assert found.frame_ids == [12] and len(found.frame(12, [CAMERA])[0]) == 2


def test_mediapipe_landmarks_are_shares_of_the_image(tmp_path):
    path = tmp_path / "000003.json"
    landmarks = [{"x": 0.5, "y": 0.25, "z": 0.0, "visibility": 0.8}] * 33
    path.write_text(json.dumps({"pose_landmarks": landmarks}))
    person = read_people(path, CAMERA)[0]
    assert person.points[INDEX["nose"]].tolist() == [100.0, 25.0, 0.8]
    with pytest.raises(InputError, match="the camera"):
        read_people(path)


@pytest.mark.parametrize(
    "text", ["not json", '{"persons": []}', '{"people": [{"pose_keypoints_2d": [1, 2]}]}']
)
def test_damaged_files_are_named(tmp_path, text):
    path = tmp_path / "000003.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"000003\.json"):
        read_people(path, CAMERA)


def test_no_file_for_any_camera(tmp_path):
    with pytest.raises(InputError, match="cam1"):
        open_keypoints(tmp_path, [CAMERA])


def frame_file(points: np.ndarray | None) -> str:
    people = [] if points is None else [{"pose_keypoints_2d": points.ravel().tolist()}]
    return json.dumps({"people": people})


def files_in(folder, names, points):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(frame_file(points))
    return folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cam1/000001.json", "cam1/1.json"], "one keypoint file per frame number"),
        (["cam1/1.5.json"], "whole frame numbers"),
        (["cam1/000001.json", "cam1_json/000001.json"], "one source of keypoints for cam1"),
        (["cam1/000001.json", "cam1.json"], "one source of keypoints for cam1"),
    ],
)
def test_two_files_of_one_moment_are_refused(tmp_path, names, expected):
    with pytest.raises(InputError, match=expected):
        open_keypoints(files_in(tmp_path, names, flat("coco17")), [CAMERA])


def test_files_that_begin_with_a_dot_are_left_out(tmp_path):
    files_in(tmp_path, ["cam1/000001.json"], flat("coco17"))
    (tmp_path / "cam1/._000001.json").write_bytes(b"\x00\x05")
    assert open_keypoints(tmp_path, [CAMERA]).frame_ids == [1]


def test_fractions_of_the_image_are_no_pixels(tmp_path):
    points = flat("coco17") * [1 / 200, 1 / 100, 1]
    with pytest.raises(InputError, match="write pixels"):
        open_keypoints(files_in(tmp_path, ["cam1/000001.json"], points), [CAMERA])


@pytest.mark.parametrize(
    ("points", "said"), [(None, "nobody is in any"), (flat("coco17") * [40, 2, 1], "images of this size")]
)
def test_keypoints_that_say_little_are_named(tmp_path, caplog, points, said):
    open_keypoints(files_in(tmp_path, ["cam1/000001.json"], points), [CAMERA])
    assert said in caplog.text


INSTANCE = {"keypoints": [[9.0, 9.0]] * 17, "keypoint_scores": [0.9] * 17}
ENTRY = {"keypoints": [9.0, 9.0, 0.9] * 17}


@pytest.mark.parametrize(
    "data",
    [
        {"instance_info": [{"instances": [INSTANCE]}] * 2},
        {"instance_info": [{"frame_id": 3, "instances": [INSTANCE]}] * 2},
        [{"image_id": -3, **ENTRY}],
        [{"image_id": True, **ENTRY}],
    ],
    ids=["no number", "one number twice", "below zero", "no whole number"],
)
def test_frames_of_a_video_have_a_number_each(tmp_path, data):
    (tmp_path / "cam1.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"cam1\.json"):
        open_keypoints(tmp_path, [CAMERA])


def test_keypoints_of_other_frames_are_told(tmp_path, caplog):
    found = open_keypoints(files_in(tmp_path, [f"cam1/{k}.json" for k in (1, 2)], flat("coco17")), [CAMERA])

    def numbers(frame_id):
        return {"cam1": frame_id}

    found.compare_frames([1, 2, 3], numbers)
    assert not caplog.text
    found.compare_frames([0, 1], numbers)
    assert "the keypoints of cam1: frames 1, 2" in caplog.text and "number the files" in caplog.text
    with pytest.raises(InputError, match="frame numbers of the rig"):
        found.compare_frames([0], numbers)
    found.compare_frames([0], lambda frame_id: {"cam1": frame_id + 1})  # of cameras that are out of step
