"""People in whole images, by the packaged weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body import load_body
from diffproxy.cameras import load_rig, open_frames
from diffproxy.detector import person_detector
from diffproxy.detector.people import People
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.export import load_result
from diffproxy.geometry.boxes import box_iou
from diffproxy.geometry.resampling import letterbox

RIG = Path(__file__).parents[2] / "examples/synthetic_rig"


@pytest.fixture(scope="module")
def detector():
    return PersonDetector.packaged(side=256)


def people_at(*boxes, scores):
    keypoints = torch.zeros(1, len(boxes), 17, 3)
    keypoints[0, :, :, :2] = torch.tensor(boxes, dtype=torch.float32)[:, None, :2]
    return People(torch.tensor([boxes], dtype=torch.float32), keypoints, torch.tensor([scores]))


def test_letterbox_keeps_aspect_and_corner_and_fills_to_multiples_of_32():
    out, scale = letterbox(np.full((480, 270, 3), 200, np.uint8), 256)
    assert scale == pytest.approx(256 / 480)
    assert out.shape == (256, 160, 3)
    assert (out[:, :144] == 200).all() and (out[:, 144:] == 0).all()


def test_the_subject_of_the_shipped_rig_is_found_in_every_view(detector):
    result, body = load_result(RIG / "ground_truth.npz"), load_body("anny")
    frames = open_frames(RIG, load_rig(RIG))
    params = result.body_params()
    vertices = body(params).vertices[0].numpy().astype(np.float64)
    images = frames.read(0)
    for found, camera in zip(detector.locate(images), frames.cameras, strict=True):
        pixels = camera.project(vertices)
        assert len(found) == 1
        assert box_iou(found[0].box, (*pixels.min(0), *pixels.max(0))) > 0.8
        shoulders = camera.project(body.joints(params)[0, [16, 17]].numpy().astype(np.float64))
        size = np.ptp(pixels, axis=0).max()
        assert np.linalg.norm(found[0].keypoints[5:7, :2] - shoulders, axis=1).max() < 0.08 * size


def test_nobody_is_found_where_nobody_is(detector):
    assert detector.locate([np.zeros((90, 160, 3), np.uint8)]) == [[]]
    assert detector.locate([]) == []


def test_candidates_are_in_pixels_of_the_image_and_end_at_its_border(detector, monkeypatch):
    """A 100 x 50 image enters as 256 x 128."""
    people = people_at((128.0, 64.0, 256.0, 160.0), (0.0, 0.0, 64.0, 64.0), scores=[0.5, 0.05])
    monkeypatch.setattr(person_detector, "decode_people", lambda heads: people)
    (found,) = detector.locate([np.zeros((50, 100, 3), np.uint8)])[0]
    assert found.box == pytest.approx((50.0, 25.0, 100.0, 50.0)) and found.score == 0.5
    np.testing.assert_allclose(found.keypoints[:, :2], np.tile([50.0, 25.0], (17, 1)), rtol=1e-6)


def test_of_two_boxes_of_one_person_the_better_is_kept(detector, monkeypatch):
    boxes = ((0.0, 0.0, 60.0, 100.0), (0.0, 0.0, 64.0, 100.0), (70.0, 0.0, 130.0, 100.0))
    people = people_at(*boxes, scores=[0.4, 0.6, 0.3])
    monkeypatch.setattr(person_detector, "decode_people", lambda heads: people)
    found = detector.locate([np.zeros((256, 256, 3), np.uint8)])[0]
    assert [round(c.score, 3) for c in found] == [0.6, 0.3]
