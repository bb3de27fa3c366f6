import cv2
import numpy as np
import pytest

from diffproxy.proxies.flip import flip_camera
from diffproxy.training.warp import Similarity, warp_camera, warp_image, warp_nearest


@pytest.fixture
def warp():
    return Similarity.of_square(np.array([60.0, 70.0]), 107.0, 96, angle=0.2, offset=np.array([0.05, -0.03]))


def test_the_camera_follows_the_pixels(make_ring, warp):
    camera = make_ring(1, size=128)[0]
    points = np.random.default_rng(0).normal(0, 0.5, (50, 3))
    before = camera.project(points)
    after = warp_camera(camera, warp, 96).project(points)
    np.testing.assert_allclose(after, before @ warp.matrix[:, :2].T + warp.matrix[:, 2], atol=1e-9)


def test_image_and_labels_land_on_the_same_pixels(warp):
    image = np.zeros((128, 128, 3), np.uint8)
    cv2.circle(image, (70, 52), 20, (255, 255, 255), -1)
    labels = (image[..., 0] > 127).astype(np.uint8)
    (moved,) = warp_nearest((labels,), warp, 96)
    assert (moved != (warp_image(image, warp, 96)[..., 0] > 127)).mean() < 0.01
    assert moved.sum() > 500


def test_identity_warp_changes_nothing():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    identity = Similarity.of_square(np.full(2, 32.0), 64.0, 64, 0.0, np.zeros(2))
    np.testing.assert_array_equal(warp_image(image, identity, 64), image)
    np.testing.assert_array_equal(warp_nearest((image,), identity, 64)[0], image)


def test_outside_the_source_there_is_background():
    labels = np.ones((32, 32), np.uint8)
    moved = warp_nearest((labels,), Similarity.of_square(np.full(2, 16.0), 64.0, 32, 0.0, np.zeros(2)), 32)[0]
    assert moved.sum() == 16 * 16


def test_mirrored_camera_sees_the_mirrored_world(make_ring):
    camera = make_ring(1, size=128)[0]
    points = np.random.default_rng(1).normal(0, 0.5, (50, 3))
    pixels = camera.project(points)
    mirrored = flip_camera(camera).project(points * [-1, 1, 1])
    np.testing.assert_allclose(mirrored, np.stack([128 - pixels[:, 0], pixels[:, 1]], -1), atol=1e-9)
    assert np.linalg.det(flip_camera(camera).R_cam_world) == pytest.approx(1)
