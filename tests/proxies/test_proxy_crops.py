"""Boxes around masks and hands."""

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.proxies import ProxyMaps, box_around, hand_boxes
from diffproxy.proxies.crops import hand_label_ids, large_pieces


def blob(shape, *windows):
    mask = np.zeros(shape, dtype=bool)
    for y0, y1, x0, x1 in windows:
        mask[y0:y1, x0:x1] = True
    return mask


def test_the_box_is_square_centred_and_has_its_margin():
    mask = blob((40, 60), (10, 14, 20, 40))  # 20 wide, 4 high, centre (30, 12)
    assert box_around(mask) == (20, 2, 40, 22)
    assert box_around(mask, scale=1.5) == (15, -3, 45, 27)
    assert box_around(blob((40, 60), (0, 1, 0, 1))) == (0, 0, 1, 1)


def test_too_few_pixels_give_no_box():
    mask = blob((40, 60), (10, 14, 20, 40))
    assert box_around(mask, min_pixels=81) is None and box_around(mask, min_pixels=80) is not None
    assert box_around(np.zeros((4, 4), dtype=bool)) is None


def test_the_box_crops_the_camera_so_that_the_mask_fills_it(make_ring):
    (camera,) = make_ring(1, size=64)
    box = box_around(blob((64, 64), (8, 24, 30, 50)))
    crop = camera.crop(box, (100, 100))
    point = camera.unproject(np.array([30.0, 16.0]), 2.0)  # left border, middle row
    np.testing.assert_allclose(crop.project(point), [0, 50], atol=1e-9)


@pytest.fixture
def maps(cube, make_ring):
    """Left hand = label 1, right hand = label 2 on the cube."""
    labels = np.zeros((3, 32, 32), dtype=np.uint8)
    labels[0, 4:10, 6:12] = 1
    labels[0, 30, 30] = 1  # a stray pixel
    labels[1, 8:12, 8:16] = 1
    labels[1, 20:22, 20:22] = 2
    labels[2, 8:12, 8:16] = 7
    kinds = ("body", "body", "left_hand")
    uv = np.zeros((*labels.shape, 2), dtype=np.float32)
    return ProxyMaps(labels, uv, (labels > 0).astype(np.float32), kinds, make_ring(3, size=32))


def test_hands_come_from_labels_of_the_wrist_segments(cube, maps):
    assert hand_label_ids(cube.atlas) == {"left_hand": [1], "right_hand": [2]}
    assert hand_boxes(maps, cube.atlas) == {
        (0, "left_hand"): (6, 4, 12, 10),
        (0, "right_hand"): None,
        (1, "left_hand"): (8, 6, 16, 14),
        (1, "right_hand"): (20, 20, 22, 22),
    }
    maps.labels[1, 21, 20:22] = 0  # two pixels are no hand
    assert hand_boxes(maps, cube.atlas)[1, "right_hand"] is None


def test_pixels_without_weight_do_not_count(cube, maps):
    weight = maps.weight.copy()
    weight[0, :7] = 0
    assert hand_boxes(replace(maps, weight=weight), cube.atlas)[0, "left_hand"] == (6, 5.5, 12, 11.5)
    assert hand_boxes(replace(maps, weight=weight * 0), cube.atlas)[0, "left_hand"] is None


def test_pieces_of_similar_size_stay_together():
    mask = blob((20, 20), (0, 4, 0, 4), (10, 14, 10, 12), (18, 19, 18, 19))
    assert (large_pieces(mask) == blob((20, 20), (0, 4, 0, 4), (10, 14, 10, 12))).all()
    assert not large_pieces(np.zeros((3, 3), dtype=bool)).any()
