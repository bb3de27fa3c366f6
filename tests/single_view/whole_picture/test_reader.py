"""Pictures read by a network of whole pictures: its boxes, the bodies as results, and its place in the commands."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.single_view.estimator import Seen
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.options import EstimateOptions, ImageOptions
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.run import run_images
from diffproxy.single_view.torch_backend import TorchBackend, open_estimator
from diffproxy.single_view.whole_picture import reader as reader_module
from diffproxy.single_view.whole_picture.network import WholePictureConfig, WholePictureNetwork
from diffproxy.single_view.whole_picture.reader import PictureReader, fitted_people
from diffproxy.single_view.whole_picture.weights import load_whole_picture, save_whole_picture
from tests.encoders.test_movenet import picture

LEAST = 0.07
"""Score: an untrained network says what MoveNet does."""
UNKNOWN = FocalPrior(250.0, 0.35, "usual lenses")


@pytest.fixture(scope="module")
def network(body):
    torch.manual_seed(0)
    return WholePictureNetwork(body, WholePictureConfig(width=16, layers=1)).eval()


@pytest.fixture(scope="module")
def two():
    """A picture of two people."""
    return picture("two")


def test_people_are_found_where_they_are(network, body, two):
    reader = PictureReader(network, body, 256)
    people = reader.find(two, UNKNOWN, LEAST)
    assert len(people) == 2
    for person in people:
        x0, y0, x1, y1 = person.box
        assert 0 <= x0 < x1 <= two.shape[1] and 0 <= y0 < y1 <= two.shape[0]
        head = person.body.joints[15]
        x, y = 250 * head[:2] / head[2] + np.array(two.shape[1::-1]) / 2
        assert x0 - 9 < x < x1 + 9 and y0 - 9 < y < y1 + 9, "the body is in its box"
    # Half the size, the same people.
    half = cv2.resize(two, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = reader.find(half, FocalPrior(125.0, 0.35, ""), LEAST)
    for a, b in zip(people, small, strict=True):
        np.testing.assert_allclose(a.box, 2 * np.array(b.box), atol=12)
        assert a.body.joints[0, 2] == pytest.approx(b.body.joints[0, 2], rel=0.15)


def test_given_boxes_keep_their_order_and_the_encoder_runs_once(network, body, two, monkeypatch):
    reader, runs = PictureReader(network, body, 256), []
    encode = network.encode
    monkeypatch.setattr(network, "encode", lambda pixels: runs.append(1) or encode(pixels))
    people = reader.find(two, UNKNOWN, LEAST)
    again = reader.read(two, UNKNOWN, [p.box for p in people[::-1]])
    assert len(runs) == 1
    for a, b in zip(people, again[::-1], strict=True):
        assert a.body.joints[0, 2] == pytest.approx(b.body.joints[0, 2], rel=0.2)
    reader.read(two.copy(), UNKNOWN)
    assert len(runs) == 2


def test_the_packaged_network_finds_two_people_and_nobody_in_noise(body, two):
    reader = PictureReader(load_whole_picture("whole_picture", body), body, 256)
    assert [p.score > 0.5 for p in reader.find(two, UNKNOWN, 0.2)] == [True, True]
    noise = np.random.default_rng(0).integers(0, 255, (256, 192, 3)).astype(np.uint8)
    for empty in (np.zeros_like(noise), np.full_like(noise, 128), noise):
        assert reader.find(empty, UNKNOWN, 0.2) == []


def test_an_empty_picture_shows_nobody(network, body):
    black = np.zeros((64, 96, 3), np.uint8)
    assert PictureReader(network, body, 96).find(black, UNKNOWN, LEAST) == []


def test_bodies_become_results(network, body, two):
    camera = picture_camera(two.shape[1], two.shape[0], 250.0)
    people = PictureReader(network, body, 256).find(two, UNKNOWN, LEAST)
    fit = fitted_people(people, body, camera, UNKNOWN, 0.0)
    assert fit.focal == pytest.approx(250.0) and fit.log_std == pytest.approx(0.35)
    assert {p.result.status for p in fit.people} <= {"one_view", "doubtful"}
    assert all(p.depth_std > 0.2 * p.depth for p in fit.people), "the lens is not known"
    fixed = FocalPrior(250.0, 0.0, "", True)
    known = fitted_people(
        PictureReader(network, body, 256).find(two, fixed, LEAST), body, camera, fixed, 0.9999
    )
    assert {p.result.status for p in known.people} == {"no_person"}


def test_bodies_are_moved_onto_the_keypoints(network, body, two):
    """The same body elsewhere comes back: in the picture entirely, in depth as far as its deviation allows."""
    camera = picture_camera(two.shape[1], two.shape[0], 250.0)
    person = PictureReader(network, body, 256).find(two, UNKNOWN, LEAST)[0]
    points = encoder_points(body, person.body.params)
    seen = np.concatenate([camera.project(points), np.tile([0.9, 1.0], (17, 1))], 1)
    off = np.array([0.2, -0.1, 0.3])
    params = person.body.params.replace(transl=person.body.params.transl - torch.tensor(off).float())
    shifted = replace(person.body, params=params, joints=person.body.joints - off.astype(np.float32))
    (found,) = fitted_people(
        [replace(person, body=shifted, keypoints=seen)], body, camera, UNKNOWN, 0.0
    ).people
    np.testing.assert_allclose(found.result.joints, body.joints(found.result.params)[0], atol=1e-4)
    np.testing.assert_allclose(found.result.joints, person.body.joints, atol=0.06)
    nowhere = seen * [1, 1, 0, 1]
    (kept,) = fitted_people([replace(person, keypoints=nowhere)], body, camera, UNKNOWN, 0.0).people
    np.testing.assert_array_equal(kept.result.joints, person.body.joints)


def test_the_command_with_a_network_of_whole_pictures(network, body, two, tmp_path, monkeypatch):
    file = tmp_path / "network.safetensors"
    save_whole_picture(network, file)
    cv2.imwrite(str(tmp_path / "two.png"), two[..., ::-1])
    options = ImageOptions(
        str(tmp_path / "two.png"), detector=str(file), polish=False, min_score=LEAST, detector_side=256, mesh="none",
        overlay=False, out=str(tmp_path / "out"),
    )  # fmt: skip
    (folder,) = run_images(options, TorchBackend(options))
    content = json.loads((folder / "people.json").read_text())
    assert len(content["people"]) == 2
    estimator = open_estimator(
        EstimateOptions(detector=str(file), polish=False, min_score=LEAST, detector_side=256)
    )
    assert estimator.pipe is None and estimator.detector is None, "nothing else is read"
    seen = estimator.detect(two)
    assert len(seen) == 2
    gone = [*seen, Seen((0.0, 0.0, 9.0, 9.0), 0.9)]
    monkeypatch.setattr(reader_module, "LEAST_PEAK", 0.0)
    picture_result = estimator.run(two, UNKNOWN, gone)
    assert [p.fit.result.status == "no_person" for p in picture_result.people] == [False, False, True]
