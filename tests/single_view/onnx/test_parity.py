"""Every output of every exported graph against torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body.params import PARAM_DIMS, POSE_FIELDS, BodyParams
from diffproxy.cameras.image_files import read_image
from diffproxy.detector.people import decode_people
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.encoders.movenet_keypoints import combine_keypoints, decode_keypoints, flip_keypoints
from diffproxy.generator.network.camera_conditioning import CameraBatch, grid_points, plucker_rays
from diffproxy.geometry.boxes import expand_to_square
from diffproxy.geometry.resampling import crop_image, letterbox
from diffproxy.proxies.maps import ProxyMaps
from diffproxy.single_view.exported_graphs import RegressorGraph, crop_rays
from diffproxy.single_view.onnx.estimator import Estimator
from diffproxy.single_view.onnx.results import Camera
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.regressor_weights import load_regressor

TOLERANCE = 1e-4
PICTURE = Path(__file__).parents[3] / "examples/synthetic_rig/images/cam0/000000.jpg"


@pytest.fixture(scope="module")
def picture():
    """A rendered person, RGB."""
    return read_image(PICTURE)


@pytest.fixture(scope="module")
def detector():
    return PersonDetector.packaged(192)


def test_the_detector_finds_the_same_people_in_pictures_of_any_shape(exported, detector, picture):
    height, width = picture.shape[:2]
    for image in (picture, picture[:, width // 4 :], picture[height // 3 :]):
        boxed, _ = letterbox(image, 192)
        sides = np.array(boxed.shape[1::-1], np.float32)
        pixels = torch.from_numpy(boxed).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            people = decode_people(detector.net(pixels / 127.5 - 1).heads, 6)
        found = exported.models.run("detector", image=boxed[None])
        boxes, keypoints = people.boxes.numpy() / np.tile(sides, 2), people.keypoints.numpy()
        keypoints[..., :2] /= sides
        # the detector lists six centres, people or not; those that show nobody may be equally strong
        rows = people.scores[0] > 0.01
        assert rows.any()
        for name, expected in (("boxes", boxes), ("keypoints", keypoints), ("scores", people.scores.numpy())):
            np.testing.assert_allclose(found[name][0, rows], expected[0, rows], atol=TOLERANCE, err_msg=name)


def test_candidates_are_those_of_the_torch_detector(exported, detector, picture):
    seen = Estimator(exported.models, detector_side=192).detect(picture)
    expected = detector.locate([picture], min_score=0.2)[0]
    assert len(seen) == len(expected) >= 1
    for ours, theirs in zip(seen, expected, strict=True):
        np.testing.assert_allclose(ours.box, theirs.box, atol=0.05)  # pixels
        assert ours.score == pytest.approx(theirs.score, abs=TOLERANCE)


@pytest.fixture(scope="module")
def box(detector, picture):
    return detector.locate([picture], min_score=0.2)[0][0].box


@pytest.mark.parametrize("side", [96, 256])
def test_keypoints_of_crops_of_any_number_and_size(exported, picture, box, side):
    net = exported.pipe.network.encoder.net
    crops = np.stack([crop_image(picture, box, side)[:, ::step] for step in (1, -1)])
    with torch.no_grad():
        output = net(torch.from_numpy(crops.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1)
    expected = decode_keypoints(output.heads).numpy()
    for rows in (slice(0, 1), slice(0, 2)):
        found = exported.models.run("keypoints", crops=crops[rows])["keypoints"]
        np.testing.assert_allclose(found, expected[rows], atol=TOLERANCE)


def test_keypoints_of_people_are_those_of_the_generator(exported, picture, box):
    estimator = Estimator(exported.models)
    found = estimator.keypoints(picture, [box, box])
    x0, y0, x1, _ = square = expand_to_square(box, 1.2)
    crop = torch.from_numpy(crop_image(picture, square, 256)).permute(2, 0, 1)[None].float() / 255.0
    with torch.no_grad():
        net = exported.pipe.network.encoder.net
        one, other = (decode_keypoints(net(c * 2 - 1).heads) for c in (crop, crop.flip(-1)))
    expected = combine_keypoints(one, flip_keypoints(other))[0].numpy()
    expected = (expected * (x1 - x0, x1 - x0, 1, x1 - x0) + (x0, y0, 0, 0)).astype(np.float32)
    inside = ((expected[:, :2] >= 0) & (expected[:, :2] < picture.shape[1::-1])).all(1)
    expected[~inside, 2] = 0
    assert inside.sum() >= 12
    for row in found:
        np.testing.assert_allclose(row, expected, atol=TOLERANCE * (x1 - x0))
        np.testing.assert_allclose(row[:, 2], expected[:, 2], atol=TOLERANCE)


def test_rays_of_a_crop_are_those_of_the_network():
    for focal, box in ((330.0, (100.0, 50.0, 300.0, 250.0)), (900.0, (-50.0, 200.0, 350.0, 600.0))):
        crop = picture_camera(640, 480, focal).crop(box, (64, 64))
        scene = CameraBatch.from_cameras([[crop]]).in_scene_frame(None)
        expected = plucker_rays(scene, 8)[:, 0][:, None]
        side = box[2] - box[0]
        camera = torch.tensor([[focal, 320.0 - box[0], 240.0 - box[1]]]) / side
        found = crop_rays(camera, grid_points(8).float())
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_dense_proxies_are_those_of_the_pipeline(exported, picture, box):
    height, width = picture.shape[:2]
    camera = Camera(width, height, 1.1 * width)
    found = Estimator(exported.models).dense(picture, box, camera)
    square = expand_to_square(box, 1.2)
    crop = picture_camera(width, height, camera.focal).crop(square, (256, 256))
    pixels = torch.from_numpy(crop_image(picture, square, 256)).permute(2, 0, 1)[None].float() / 255.0
    maps: ProxyMaps = exported.pipe(pixels, [crop], num_inference_steps=0).proxies
    labels, weight = found["probability"].argmax(0), found["probability"].max(0)
    shown = maps.labels[0] > 0
    assert shown.mean() > 0.05
    assert (labels == maps.labels[0]).mean() > 0.9999  # ties of two labels may be told either way
    same = shown & (labels == maps.labels[0])
    np.testing.assert_allclose(weight[same], maps.weight[0][same], atol=TOLERANCE)
    np.testing.assert_allclose(found["uv"].transpose(1, 2, 0)[same], maps.uv[0][same], atol=TOLERANCE)
    np.testing.assert_allclose(found["uv_std"][same], maps.std[0][same], atol=TOLERANCE)
    np.testing.assert_allclose(found["probability"].sum(0), 1, atol=TOLERANCE)


def test_regressed_bodies(exported):
    graph = RegressorGraph(load_regressor(exported.folder / "regressor.safetensors"))
    random = torch.Generator().manual_seed(1)
    keypoints = torch.rand(5, 17, 4, generator=random) * torch.tensor([640, 480, 1, 10.0])
    camera = torch.tensor([640, 480, 500, 0.35]) * (1 + 0.1 * torch.rand(5, 4, generator=random))
    with torch.no_grad():
        expected = graph(keypoints, camera)
    for rows in (slice(0, 5), slice(1, 2)):
        found = exported.models.run(
            "regressor", keypoints=keypoints[rows].numpy(), camera=camera[rows].numpy()
        )
        assert tuple(found) == graph.OUTPUTS
        for name, true in zip(graph.OUTPUTS, expected, strict=True):
            true = true[rows].numpy()
            np.testing.assert_allclose(found[name], true, atol=TOLERANCE, rtol=1e-6, err_msg=name)


def test_posed_bodies(exported, body):
    random = torch.Generator().manual_seed(2)
    params = {name: 0.5 * torch.randn(3, size, generator=random) for name, size in PARAM_DIMS.items()}
    for name in POSE_FIELDS:
        params[name][0] = 0.0  # no rotation at all
    params["scale"] += 1
    with torch.no_grad():
        posed = body(BodyParams(**params))
    rows = {name: value.numpy() for name, value in params.items()}
    for name, expected in (("joints", posed.joints), ("vertices", posed.vertices)):
        np.testing.assert_allclose(exported.models.pose(name, rows), expected, atol=TOLERANCE, err_msg=name)
