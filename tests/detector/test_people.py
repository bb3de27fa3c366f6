"""Decoding of people against TensorFlow.js running the published graph, and its rules on head maps made by hand."""

import numpy as np
import pytest
import torch

from diffproxy.detector.people import decode_people
from diffproxy.encoders.movenet import MULTIPOSE, MoveNet
from tests.encoders.test_movenet import MULTIPOSE_GOLDEN, picture


def empty_heads(rows=16, columns=24):
    heads = {name: torch.zeros(1, channels, rows, columns) for name, channels in MULTIPOSE.heads.items()}
    heads["center"] -= 9
    heads["heatmap"] -= 9
    return heads


def put_person(heads, y, x, height, width, logit=3.0):
    """A person with all keypoints in the centre's cell."""
    heads["center"][0, 0, y, x] = logit
    heads["box_scale"][0, :, y, x] = torch.tensor([height, width])
    heads["heatmap"][0, :, y, x] = 4.0


def test_people_are_those_of_the_published_graph():
    net = MoveNet(MULTIPOSE).load_published().eval()
    pixels = torch.from_numpy(picture("two")).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        people = decode_people(net(pixels / 127.5 - 1).heads)
    with np.load(MULTIPOSE_GOLDEN) as golden:
        expected = golden["two_people"]
    y, x, confidence = np.moveaxis(expected[:, :51].reshape(6, 17, 3), -1, 0)
    keypoints = people.keypoints[0].numpy()
    np.testing.assert_allclose(keypoints[:2, :, :2], 256 * np.stack([x, y], -1)[:2], atol=0.01)  # pixels
    np.testing.assert_allclose(keypoints[..., 2], confidence, atol=2e-4)
    np.testing.assert_allclose(people.boxes[0].numpy(), 256 * expected[:, [52, 51, 54, 53]], atol=0.01)
    np.testing.assert_allclose(people.scores[0].numpy(), expected[:, 55], atol=2e-4)
    assert (expected[:2, 55] > 0.5).all() and (expected[2:, 55] < 0.05).all()


def test_a_centre_becomes_a_box_within_the_input():
    heads = empty_heads()
    put_person(heads, 5, 20, 6.0, 12.0)
    heads["box_offset"][0, :, 5, 20] = torch.tensor([0.5, -0.25])
    people = decode_people(heads, top=1)
    np.testing.assert_allclose(people.boxes[0, 0], [4 * 13.75, 4 * 2.5, 4 * 24, 4 * 8.5])  # cut at the right
    chance = [1 / (1 + np.exp(-v)) for v in (3.0, 4.0)]
    assert people.scores[0, 0].item() == pytest.approx(chance[0] * chance[1], abs=1e-5)


def test_keypoints_lie_near_the_expected_place_and_in_the_box():
    heads = empty_heads()
    put_person(heads, 8, 12, 8.0, 8.0)
    heads["regression"][0, :2, 8, 12] = torch.tensor([-2.0, 1.0])  # the nose is expected at (6, 13)
    heads["heatmap"][0, 0, 6, 13] = 4.0
    heads["offset"][0, :2, 6, 13] = torch.tensor([0.25, 0.5])
    heads["heatmap"][0, 1, 1, 1] = 9.0  # a better eye, of somebody else
    nose, eye = decode_people(heads, top=1).keypoints[0, 0, :2]
    np.testing.assert_allclose(nose[:2], [4 * 13.5, 4 * 6.25])
    np.testing.assert_allclose(eye[:2], [4 * 12, 4 * 8])


def test_weaker_centres_beside_a_stronger_one_are_no_people():
    heads = empty_heads()
    put_person(heads, 8, 5, 6.0, 4.0)
    put_person(heads, 9, 6, 6.0, 4.0, logit=2.0)
    put_person(heads, 8, 15, 6.0, 4.0, logit=1.0)
    scores = decode_people(heads).scores[0]
    assert (scores > 0.1).sum() == 2


def test_keypoints_without_confidence_do_not_count():
    heads = empty_heads()
    put_person(heads, 8, 5, 6.0, 4.0)
    heads["heatmap"][0, 5:, 8, 5] = -9.0
    assert decode_people(heads, top=1).scores.item() == pytest.approx(0.9526 * 0.982, abs=1e-3)
    heads["heatmap"][:] = -9.0
    assert decode_people(heads, top=1).scores.item() == 0
