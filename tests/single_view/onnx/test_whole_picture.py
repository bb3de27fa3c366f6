"""The exported network of whole pictures: every output against torch, and the people of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffproxy.geometry.resampling import letterbox
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.onnx.estimator import Estimator
from diffproxy.single_view.onnx.whole_picture import PictureReader
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.whole_picture import exported_graphs, reader
from diffproxy.single_view.whole_picture.near_boxes import cells_near
from tests.encoders.test_movenet import picture

TOLERANCE = 1e-4
LEAST = 0.01
"""Score: a network of random weights is sure of nothing."""
UNKNOWN = FocalPrior(250.0, 0.35, "usual lenses")


@pytest.fixture(scope="module")
def two():
    """A picture of two people."""
    return picture("two")


@pytest.fixture(scope="module")
def graphs(exported):
    maps = exported_graphs.PictureMapsGraph(exported.network)
    people = exported_graphs.PicturePeopleGraph(exported.network)
    people.network = exported.network  # with the attention of torch
    return maps, people


@pytest.mark.parametrize(("pictures", "side", "count"), [(1, 256, 32), (3, 96, 2)])
def test_every_output_is_that_of_torch(exported, graphs, two, pictures, side, count):
    """For any number of pictures of any size, and of people in each."""
    maps_graph, people_graph = graphs
    boxed, scale = letterbox(two, side)
    images = torch.from_numpy(boxed)[None].repeat(pictures, 1, 1, 1)
    images[-1] = images[-1].flip(1)
    height, width = boxed.shape[:2]
    size = max(height, width)
    camera = torch.tensor([[250 * scale, width / 2, height / 2, 0.35]]).repeat(pictures, 1)
    camera[0, 3] = 0.0  # known
    with torch.no_grad():
        *maps, cells = maps_graph(images, camera)
    found = exported.models.run("picture_maps", images=images.numpy(), camera=camera.numpy())
    assert tuple(found) == maps_graph.OUTPUTS
    for name, expected in zip(maps_graph.OUTPUTS, maps, strict=False):
        np.testing.assert_allclose(found[name], expected, atol=TOLERANCE, rtol=1e-5, err_msg=name)
    # the strongest are people; those of nothing may be equally strong
    np.testing.assert_array_equal(found["cells"][:, :2], cells[:, :2])
    cells = cells[:, :count]
    valid = torch.ones_like(cells, dtype=torch.bool)
    valid[-1, 1] = pictures == 1
    inputs = dict(zip(people_graph.INPUTS, (*maps, cells, valid, camera), strict=True))
    with torch.no_grad():
        bodies = people_graph(*inputs.values())
    found = exported.models.run("picture_people", **{n: v.numpy() for n, v in inputs.items()})
    assert tuple(found) == people_graph.OUTPUTS
    for name, expected in zip(people_graph.OUTPUTS, bodies, strict=True):
        assert len(found[name]) == pictures * count
        # pixels as shares of the picture, confidences as they are; places of cells of nobody may be far beyond
        unit = {"boxes": np.full(4, size), "keypoints": np.array([size, size, 1, size])}.get(name, 1)
        np.testing.assert_allclose(
            found[name] / unit, expected / unit, atol=TOLERANCE, rtol=1e-5, err_msg=name
        )


def test_people_are_those_of_the_torch_reader(exported, body, two):
    theirs = reader.PictureReader(exported.network, body, 256)
    estimator = Estimator(exported.models, min_score=LEAST, reader=PictureReader(exported.models, 256))
    expected = theirs.find(two, UNKNOWN, LEAST)
    assert len(expected) >= 2
    whole = estimator.run(two, UNKNOWN)
    boxes = [p.box for p in expected]
    again = estimator.run(two, UNKNOWN, estimator.detect(two, UNKNOWN))
    camera = picture_camera(two.shape[1], two.shape[0], UNKNOWN.focal)
    for people, read in ((whole.people, expected), (again.people, theirs.read(two, UNKNOWN, boxes))):
        fit = reader.fitted_people(read, body, camera, UNKNOWN, 0.0)
        for ours, other, raw in zip(people, fit.people, read, strict=True):
            joints = other.result.joints
            shift = TOLERANCE * abs(joints[:, 2]).max()
            np.testing.assert_allclose(ours.joints, joints, atol=max(shift, TOLERANCE))
            deviation = raw.body.log_depth_std * raw.body.joints[0, 2]
            assert ours.depth_std == pytest.approx(deviation, rel=1e-3)
    for ours, other in zip(whole.people, expected, strict=True):
        np.testing.assert_allclose(ours.box, other.box, atol=0.05)  # pixels
        assert ours.score == pytest.approx(other.score, abs=TOLERANCE)
    fit = reader.fitted_people(expected, body, camera, UNKNOWN, LEAST)
    assert whole.camera.focal == pytest.approx(fit.focal, rel=TOLERANCE)
    assert whole.focal_log_std == pytest.approx(fit.log_std, abs=TOLERANCE)
    assert [p.status for p in whole.people] == [p.result.status for p in fit.people]


def test_the_network_looks_once_at_a_picture(exported, two, monkeypatch):
    asked = []
    run = exported.models.run
    monkeypatch.setattr(
        exported.models, "run", lambda graph, **given: asked.append(graph) or run(graph, **given)
    )
    estimator = Estimator(exported.models, min_score=LEAST, reader=PictureReader(exported.models, 96))
    estimator.run(two, UNKNOWN, estimator.detect(two, UNKNOWN))
    assert asked.count("picture_maps") == 1 and not {"detector", "keypoints", "regressor"} & set(asked)
    estimator.run(two, FocalPrior(250.0, 0.0, "given", fixed=True))
    assert asked.count("picture_maps") == 2


def test_nobody_in_a_black_picture(exported, monkeypatch):
    black = np.zeros((64, 96, 3), np.uint8)
    monkeypatch.setitem(exported.models.manifest, "whole_picture", {"least_peak": 0.99})
    found = Estimator(exported.models, reader=PictureReader(exported.models, 96)).run(black, UNKNOWN)
    assert found.people == () and found.camera.focal == UNKNOWN.focal


def test_the_strongest_cell_near_the_middle_of_a_box():
    score = np.zeros((8, 10))
    score[2, 3], score[7, 9] = 1.0, 2.0
    boxes = [(0.0, 0.0, 28.0, 18.0), (30.0, 20.0, 60.0, 60.0), (0.0, 0.0, 4.0, 4.0)]
    assert cells_near(boxes, 0.25, score) == [2 * 10 + 3, 7 * 10 + 9, 0]
