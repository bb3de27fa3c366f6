import numpy as np
import pytest
import torch

from diffproxy.detector.model import (
    INPUT_SIZE,
    Locator,
    LocatorMaps,
    decode_boxes,
    letterbox,
    load_locator,
    save_locator,
)
from diffproxy.geometry.boxes import box_iou
from diffproxy.utils.errors import InputError


def test_letterbox_keeps_aspect_and_corner():
    image = np.full((480, 270, 3), 200, np.uint8)
    out, scale = letterbox(image)
    assert scale == pytest.approx(INPUT_SIZE / 480)
    assert out.shape == (INPUT_SIZE, INPUT_SIZE, 3)
    assert (out[:, :144] == 200).all() and (out[:, 145:] == 0).all()


def test_a_peak_becomes_a_box_in_original_pixels():
    grid = INPUT_SIZE // 8
    maps = LocatorMaps(
        torch.full((1, grid, grid), -9.0),
        torch.zeros(1, grid, grid),
        torch.full((1, 2, grid, grid), 0.25),
        torch.zeros(1, 2, grid, grid),
    )
    maps.heat[0, 10, 6] = 3.0
    (candidate,) = decode_boxes(maps, 0, scale=0.5, top=5, min_score=0.1)
    center = np.array([6.5 * 8, 10.5 * 8]) / 0.5
    np.testing.assert_allclose(candidate.box, [*(center - 64), *(center + 64)])
    assert candidate.score == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-5)


def test_box_iou():
    assert box_iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert box_iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0


def test_weights_round_trip_and_tampering(tmp_path):
    torch.manual_seed(0)
    model = Locator(width=8).eval()
    save_locator(model, tmp_path)
    image = np.random.default_rng(0).integers(0, 255, (60, 40, 3)).astype(np.uint8)
    a, b = model.maps([image]).mask, load_locator(tmp_path).maps([image]).mask
    torch.testing.assert_close(a, b, atol=2e-2, rtol=0)  # half precision on disk
    data = bytearray((tmp_path / "locator.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "locator.safetensors").write_bytes(data)
    with pytest.raises(InputError, match="SHA-256"):
        load_locator(tmp_path)
    with pytest.raises(InputError, match="locator folder"):
        load_locator(tmp_path / "nowhere")
