"""Keypoints of MoveNet's head maps, decoded as the published graph decodes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffproxy.encoders.movenet_keypoints import (
    CONFIDENCE_BINS,
    DEVIATION_256,
    FLIP_ORDER,
    combine_keypoints,
    decode_keypoints,
    deviation,
    flip_keypoints,
)
from diffproxy.keypoints.layouts import COCO17

P = 16


@pytest.fixture
def heads():
    """One person centred at cell (8, 8); joint j at row 2, column j is expected there, and is."""
    center, heatmap = torch.full((1, 1, P, P), -6.0), torch.full((1, 17, P, P), -6.0)
    regression, offset = torch.zeros(1, 34, P, P), torch.zeros(1, 34, P, P)
    center[0, 0, 8, 8] = 4.0
    for j in range(17):
        heatmap[0, j, 2, j % P] = 2.0
        regression[0, 2 * j : 2 * j + 2, 8, 8] = torch.tensor([2.0 - 8, j % P - 8.0])
        offset[0, 2 * j : 2 * j + 2, 2, j % P] = torch.tensor([0.25, 0.5 + 0.01 * j])
    return {"center": center, "heatmap": heatmap, "regression": regression, "offset": offset}


def test_a_keypoint_is_its_strongest_cell_plus_the_offset_there(heads):
    found = decode_keypoints(heads)[0].numpy()
    columns = np.arange(17) % P + 0.5 + 0.01 * np.arange(17)
    np.testing.assert_allclose(found[:, 0], columns / P, atol=1e-6)
    np.testing.assert_allclose(found[:, 1], 2.25 / P, atol=1e-6)
    np.testing.assert_allclose(found[:, 2], torch.tensor(2.0).sigmoid(), atol=1e-6)


def test_another_person_s_joint_is_ignored_unless_it_is_much_stronger(heads):
    heads["heatmap"][0, 3, 14, 12] = 4.0  # 15 cells from where joint 3 is expected
    assert decode_keypoints(heads)[0, 3, 1] < 0.2
    heads["center"][0, 0, 15, 15] = 4.2  # stronger than the centre in the middle, but farther out
    assert decode_keypoints(heads)[0, 3, 1] < 0.2
    heads["regression"][0, 6:8, 8, 8] = torch.tensor([14.0 - 8, 12.0 - 8])
    assert decode_keypoints(heads)[0, 3, 1] > 0.8


def test_flipping_exchanges_sides():
    assert [COCO17[k].replace("left", "right") for k in FLIP_ORDER if "left" in COCO17[k]] == [
        n for n in COCO17 if "right" in n
    ]
    points = torch.rand(2, 17, 3)
    flipped = flip_keypoints(points)
    torch.testing.assert_close(flip_keypoints(flipped), points)
    torch.testing.assert_close(flipped[:, 2, 0], 1 - points[:, 1, 0])


def test_deviation_falls_with_confidence_and_grows_with_disagreement():
    values = deviation(torch.tensor(CONFIDENCE_BINS))
    np.testing.assert_allclose(values, np.array(DEVIATION_256) / 256, rtol=1e-6)
    assert (values.diff() < 0).all()
    one = torch.full((1, 17, 3), 0.5)
    other = one.clone()
    other[..., 0] += 0.2
    both = combine_keypoints(one, other)
    torch.testing.assert_close(both[..., 0], torch.full((1, 17), 0.6))
    expected = torch.hypot(deviation(torch.tensor(0.5)), torch.tensor(0.1))
    torch.testing.assert_close(both[..., 3], expected.expand(1, 17))
    torch.testing.assert_close(combine_keypoints(one)[..., 3], deviation(one[..., 2]))
