"""Crop pixels and crop cameras agree."""

import numpy as np
import pytest
import torch

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import box_iou, expand_to_square, on_pixel_grid, union_box
from diffproxy.geometry.resampling import crop_image
from diffproxy.pipeline.crop_refinement import REACH, box_in_full_image, boxes_by_body, crop_views


def _camera() -> Camera:
    K = np.array([[500.0, 0, 320], [0, 510.0, 240], [0, 0, 1]])
    return Camera("c", 640, 480, K, np.eye(3), np.array([0.0, 0.0, 3.0]))


def _blob(xy: np.ndarray, sigma: float = 4.0) -> np.ndarray:
    """An image whose brightness is a Gaussian centred at `xy` (pixel centres at integer + 0.5)."""
    x, y = np.meshgrid(np.arange(640) + 0.5, np.arange(480) + 0.5)
    value = 255 * np.exp(-((x - xy[0]) ** 2 + (y - xy[1]) ** 2) / (2 * sigma**2))
    return np.repeat(np.round(value).astype(np.uint8)[..., None], 3, axis=2)


def _centroid(image: np.ndarray) -> np.ndarray:
    value = image[..., 0].astype(float)
    rows, cols = np.indices(value.shape) + 0.5
    return np.array([(cols * value).sum(), (rows * value).sum()]) / value.sum()


@pytest.mark.parametrize("size", [64, 100, 256])
@pytest.mark.parametrize(
    "box", [(100.0, 60.0, 420.0, 380.0), (203.3, 111.7, 359.1, 267.5), (-50.0, -90.0, 590.0, 550.0)]
)
def test_crop_pixels_follow_the_crop_camera(size: int, box: tuple) -> None:
    camera, point = _camera(), np.array([-0.21, -0.13, 0.1])
    image = _blob(camera.project(point))
    crops = crop_views([image], [camera], [box], size)
    pixels = (crops.images[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    assert np.abs(_centroid(pixels) - crops.cameras[0].project(point)).max() < 0.1


def test_identity_crop_is_exact() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    assert np.array_equal(crop_image(image, (0.0, 0.0, 40.0, 40.0), 40), image)


def test_whole_factor_is_the_block_mean() -> None:
    image = np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    mean = image.reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(crop_image(image, (0.0, 0.0, 40.0, 40.0), 20) - mean).max() <= 1


def test_outside_of_the_image_is_black() -> None:
    image = np.full((20, 20, 3), 200, dtype=np.uint8)
    crop = crop_image(image, (-20.0, 0.0, 20.0, 40.0), 40)
    assert crop[:, :19].max() == 0 and crop[:18, 22:].min() == 200 and crop[22:].max() == 0


def test_a_box_far_larger_than_the_image_costs_no_more_than_the_image() -> None:
    image = np.full((40, 40, 3), 200, dtype=np.uint8)
    crop = crop_image(image, (-1240.0, -600.0, 1320.0, 1960.0), 64)  # a pixel of the crop is the image
    assert crop[15, 31].min() == 200 and np.delete(crop.reshape(-1, 3), 15 * 64 + 31, axis=0).max() == 0
    assert crop_image(image, (-1e9, -1e9, 1e9, 1e9), 64).max() == 0  # its grid would fill the memory


def test_a_limb_beside_the_camera_does_not_blow_up_the_crop(body, params_of) -> None:
    with torch.no_grad():
        vertices = body(params_of()).vertices[0].double().numpy()
    K = np.array([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]])
    # the nearest point of the body is a millimetre away
    t = np.array([0.0, 0.0, 1e-3 - vertices[:, 2].min()])
    (box,), _ = boxes_by_body(body, params_of(), [Camera("c", 320, 240, K, np.eye(3), t)])
    assert box is not None
    assert min(box[0] / 320, box[1] / 240) == -REACH or max(box[2] / 320, box[3] / 240) == 1 + REACH
    assert box[0] >= -REACH * 320 and box[2] <= (1 + REACH) * 320
    assert box[1] >= -REACH * 240 and box[3] <= (1 + REACH) * 240


def test_crops_forget_the_last_digits_of_a_box() -> None:
    box = (10.03, -20.55, 90.91, 60.33)
    assert on_pixel_grid(box) == (10.0, -20.5, 90.875, 60.375)
    assert on_pixel_grid(tuple(v + 1e-6 for v in box)) == on_pixel_grid(box)
    assert on_pixel_grid((5.0, 5.0, 5.001, 5.001)) == (5.0, 5.0, 5.125, 5.125)


def test_boxes() -> None:
    assert expand_to_square((10, 20, 30, 80), 1.5) == pytest.approx((-25, 5, 65, 95))
    assert box_in_full_image((64, 0, 128, 64), (100, 200, 356, 456), 128) == pytest.approx(
        (228, 200, 356, 328)
    )
    assert box_iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert box_iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert union_box((0, 0, 2, 2), (1, -1, 3, 1)) == (0, -1, 3, 2)
    assert union_box(None, (1, 2, 3, 4)) == (1.0, 2.0, 3.0, 4.0) and union_box(None, None) is None
