"""Boxes from files, masks, the last body and a detector."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from diffproxy.pipeline.given_boxes import BoxFile, Masks
from diffproxy.pipeline.multiview_people import Candidate
from diffproxy.pipeline.person_boxes import Located, WholeImages, choose_source, from_joints
from diffproxy.utils.errors import InputError


def _images(cameras):
    return [np.zeros((c.height, c.width, 3), np.uint8) for c in cameras]


def test_box_file(tmp_path, make_ring) -> None:
    cameras = make_ring(4)
    path = tmp_path / "boxes.json"
    boxes = {
        "cam0": {"3": [1, 2, 30, 40]},
        "cam1": [5, 6, 50, 60],
        "cam2": {"*": [7, 8, 70, 80], "3": [0, 0, 9, 9]},
    }
    path.write_text(json.dumps(boxes))
    found = choose_source(str(path), "", cameras, None).find(3, _images(cameras), cameras, None)
    assert found.boxes == ((1.0, 2.0, 30.0, 40.0), (5.0, 6.0, 50.0, 60.0), (0.0, 0.0, 9.0, 9.0), None)
    assert found.notes == ("cam3: no box in the box file",)
    other = BoxFile(path, cameras).find(4, _images(cameras), cameras, None)
    assert other.boxes[0] is None and other.boxes[2] == (7.0, 8.0, 70.0, 80.0)


@pytest.mark.parametrize(
    "text", ["{", '{"other": [0, 0, 1, 1]}', '{"cam0": [0, 0, 0, 1]}', '{"cam0": [1, 2, 3]}', "[1]"]
)
def test_bad_box_files(tmp_path, make_ring, text) -> None:
    cameras = make_ring(2)
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(InputError):
        BoxFile(path, cameras).find(0, _images(cameras), cameras, None)
    with pytest.raises(InputError, match="does not exist"):
        BoxFile(tmp_path / "none.json", cameras)


def test_masks(tmp_path, make_ring) -> None:
    cameras = make_ring(3, size=64)
    mask = np.zeros((64, 64), np.uint8)
    mask[10:30, 20:25] = 255
    for camera in cameras[:2]:
        (tmp_path / camera.name).mkdir()
        cv2.imwrite(str(tmp_path / camera.name / "000007.png"), mask if camera is cameras[0] else mask * 0)
    found = Masks(tmp_path, cameras).find(7, _images(cameras), cameras, None)
    assert found.boxes == ((20.0, 10.0, 25.0, 30.0), None, None) and len(found.notes) == 2
    assert Masks(tmp_path, cameras).find(8, _images(cameras), cameras, None).views == 0
    with pytest.raises(InputError, match="masks"):
        Masks(tmp_path / "no", cameras)


def test_last_body_places_the_boxes(body, make_ring, params_of) -> None:
    cameras = make_ring(3, size=256)
    joints = body.joints(params_of(0))[0].numpy()
    found = from_joints(joints, cameras)
    for box, camera in zip(found.boxes, cameras, strict=True):
        pixels = camera.project(joints.astype(float))
        assert box is not None
        assert (pixels.min(0) > box[:2]).all() and (pixels.max(0) < box[2:]).all()
    behind = from_joints(joints + np.float32([0, 0, 50]), cameras)
    assert behind.views < 3 and any("last frame" in n for n in behind.notes)


def test_detector_candidates_become_one_subject(make_ring) -> None:
    """Any object with `locate(images)` and boxes with scores will do; a centre of its own is used."""
    cameras = make_ring(3, size=512, radius=3.5)
    plain = SimpleNamespace(box=(100, 50, 250, 480), score=0.9)
    centred = SimpleNamespace(box=(100, 50, 250, 480), score=0.9, centre=(180.0, 260.0))
    seen = []

    class Fake:
        def locate(self, images):
            seen.append(len(images))
            return [[plain], [centred], []]

    found = Located(Fake()).find(0, _images(cameras), cameras, None)
    assert seen == [3] and len(found.boxes) == 3
    assert isinstance(choose_source("auto", "", cameras, Fake()), Located)
    assert isinstance(choose_source("full", "", cameras, None), WholeImages)
    assert Candidate.from_box((0, 0, 2, 4)).centre == (1.0, 2.0)


def test_whole_images_are_square_and_hold_the_image(make_ring) -> None:
    from dataclasses import replace

    wide = replace(make_ring(1)[0], width=200, height=100)
    found = WholeImages().find(0, _images([wide]), [wide], None)
    assert found.boxes == ((0.0, -50.0, 200.0, 150.0),)


GOOD = [10, 10, 40, 40]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ({"cam0": {"7": GOOD}}, "frame numbers of the rig in the boxes"),
        ({"cam0": {"frame_0": GOOD}}, "frame numbers, or"),
        ({"cam0": {"0": GOOD, "000": GOOD}}, "each frame once"),
        ({"cam0": {"0": GOOD, "9": [5, 5, 1, 1]}}, "cam0, frame 9"),
        ({"cam0": [0.1, 0.1, 0.5, 0.9]}, "inside the 64x64 image"),
        ({"cam0": [500, 10, 600, 40]}, "inside the 64x64 image"),
        ({"cam0": [-50, -50, -5, -5]}, "inside the 64x64 image"),
    ],
)
def test_boxes_that_fit_no_image_are_told_at_once(tmp_path, make_ring, boxes, expected) -> None:
    (tmp_path / "b.json").write_text(json.dumps(boxes))
    with pytest.raises(InputError, match=expected):
        BoxFile(tmp_path / "b.json", make_ring(2, size=64), [0, 1])


def test_boxes_of_any_way_to_write_numbers_are_found_and_missing_cameras_named(tmp_path, make_ring, caplog):
    (tmp_path / "b.json").write_text(json.dumps({"cam0": {"000001": GOOD}, "Cam1": GOOD}))
    cameras = make_ring(2, size=64)
    found = BoxFile(tmp_path / "b.json", cameras, [0, 1])
    assert found.find(1, [], cameras, None).boxes == (tuple(map(float, GOOD)), None)
    assert "no boxes for cam1" in caplog.text and "Cam1" in caplog.text


@pytest.fixture
def masks_of(tmp_path, make_ring):
    """Factory: masks of one camera, by file name."""

    def make(files, frame_ids=(0,)):
        (tmp_path / "cam0").mkdir()
        for name, mask in files.items():
            cv2.imwrite(str(tmp_path / "cam0" / name), mask)
        cameras = make_ring(1, size=64)
        return Masks(tmp_path, cameras, frame_ids=frame_ids).find(0, [], cameras, None).boxes[0]

    return make


def person_mask(size=64):
    mask = np.zeros((size, size), np.uint8)
    mask[10:50, 20:40] = 255
    return mask


def test_specks_are_no_part_of_a_person(masks_of) -> None:
    mask = person_mask()
    mask[0, 0] = mask[63, 63] = 255
    assert masks_of({"0.PNG": mask}) == (20, 10, 40, 50)


def test_an_inverted_mask_is_named(masks_of, caplog) -> None:
    assert masks_of({"0.png": 255 - person_mask()}) == (0, 0, 64, 64)
    assert "is it inverted" in caplog.text


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"0.png": person_mask()[:32]}, "masks of the aspect of 64x64"),
        ({"0.png": person_mask(), "000.png": person_mask()}, "one mask a frame"),
        ({"1.png": person_mask()}, "frame numbers of the rig in the masks"),
    ],
)
def test_masks_of_other_images_are_refused(masks_of, files, expected) -> None:
    with pytest.raises(InputError, match=expected):
        masks_of(files)
