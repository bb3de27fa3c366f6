"""The generator where no camera was given: which cameras it gets, and whose cameras come back."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffproxy.generator import DiffProxyOutput
from diffproxy.generator.test_time_rotation import rotate_camera
from diffproxy.pipeline.camera_free_generator import CameraFreeGenerator, camera_free, with_other_camera
from diffproxy.pipeline.config import FitOptions
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

SIZE = 8


class Recorder:
    """Maps whose labels are the mean of each image, and the cameras of every call."""

    network = SimpleNamespace(config=None)

    def __init__(self):
        self.calls = []

    def encoding_once(self):
        return nullcontext()

    def __call__(self, images, cameras, kinds, *more):
        self.calls.append(list(cameras))
        shape = (len(cameras), SIZE, SIZE)
        labels = np.broadcast_to(images.mean((1, 2, 3)).numpy().astype(np.uint8)[:, None, None], shape).copy()
        maps = ProxyMaps(
            labels, np.zeros((*shape, 2), np.float32), np.ones(shape, np.float32), tuple(kinds),
            tuple(c.resize(SIZE, SIZE) for c in cameras),
        )  # fmt: skip
        points = np.tile(labels[:, 0, 0].astype(float)[:, None, None], (1, 17, 4))
        return DiffProxyOutput(maps, points, tuple(int(k) for k in labels[:, 0, 0]))


@pytest.fixture
def views(make_ring):
    """Two bodies and a hand of the first camera, as crops."""
    ring = make_ring(2, size=64)
    crops = [*ring, ring[0].crop((4.0, 8.0, 20.0, 24.0), (64, 64))]
    images = torch.arange(1.0, 4.0)[:, None, None, None].expand(3, 3, 16, 16)
    return ring, images, crops, ["body", "body", "left_hand"]


def check_output(output, crops):
    assert output.proxies.labels[:, 0, 0].tolist() == [1, 2, 3] and output.quarter_turns == (1, 2, 3)
    assert output.keypoints[:, 0, 0].tolist() == [1, 2, 3]
    assert output.proxies.kind == ("body", "body", "left_hand")
    for camera, crop in zip(output.proxies.cameras, crops, strict=True):
        np.testing.assert_allclose(camera.K, crop.resize(SIZE, SIZE).K, atol=1e-12)
        assert np.array_equal(camera.R_cam_world, crop.R_cam_world)


def test_without_cameras_each_camera_is_alone_with_its_hands(views):
    ring, images, crops, kinds = views
    pipe = Recorder()
    output = CameraFreeGenerator(pipe, {c.name: c for c in ring})(images, crops, kinds, 0, 1)
    assert [[c.name for c in call] for call in pipe.calls] == [["cam0", "cam0"], ["cam1"]]
    check_output(output, crops)


def test_with_predicted_cameras_these_are_what_the_generator_gets(views, make_ring):
    ring, images, crops, kinds = views
    other = make_ring(2, size=64, radius=5.0)
    other = [replace(c, K=np.diag([1.2, 1.2, 1.0]) @ c.K) for c in other]
    pipe = Recorder()
    generator = CameraFreeGenerator(pipe, {c.name: c for c in ring}, {c.name: c for c in other})
    output = generator(images, crops, kinds, 0, 1)
    (seen,) = pipe.calls
    expected = [*other, other[0].crop((4.0, 8.0, 20.0, 24.0), (64, 64))]
    for camera, true in zip(seen, expected, strict=True):
        np.testing.assert_allclose(camera.K, true.K, atol=1e-9)
        np.testing.assert_allclose(camera.center_world, true.center_world, atol=1e-12)
    check_output(output, crops)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_rotated_crop_is_a_rotated_crop_of_the_other_camera(make_ring, turns):
    old, new = make_ring(1, size=64)[0], make_ring(2, size=64, radius=6.0)[1]
    new = replace(new, K=np.array([[90.0, 0, 30.0], [0, 90.0, 37.0], [0, 0, 1]]))
    box = (4.0, 8.0, 36.0, 40.0)
    found = with_other_camera(rotate_camera(old.crop(box, (64, 64)), turns), old, new)
    true = rotate_camera(new.crop(box, (64, 64)), turns)
    np.testing.assert_allclose(found.K, true.K, atol=1e-9)
    np.testing.assert_allclose(found.R_cam_world, true.R_cam_world, atol=1e-12)
    np.testing.assert_allclose(found.t_cam_world, true.t_cam_world, atol=1e-12)


def test_given_cameras_leave_the_generator_as_it_is(views):
    pipe = Recorder()
    assert camera_free(pipe, FitOptions(), views[0]) is pipe
    assert isinstance(camera_free(pipe, FitOptions(cameras="none"), views[0]), CameraFreeGenerator)


@pytest.mark.parametrize(
    "more",
    [
        {"cameras": "predicted"},
        {"predictions": "p.npz"},
        {"cameras": "none", "people": "all"},
        {"cameras": "some"},
        {"cameras": "none", "person_height": 18.0},
        {"cameras": "none", "camera_frames": 0},
    ],
)
def test_options_that_do_not_fit_are_explained(more):
    with pytest.raises(InputError):
        FitOptions(**more)
