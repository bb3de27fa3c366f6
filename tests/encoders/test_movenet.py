"""MoveNet Thunder in torch against TensorFlow.js running the published graph.

`movenet_golden.npz`: raw head maps of @tensorflow/tfjs 4 (CPU backend) for the images below, every eighth cell, and the
graph's decoded keypoints of the person.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffproxy.encoders.movenet import HEADS, PYRAMID_CHANNELS, PYRAMID_STRIDES, MoveNet
from diffproxy.encoders.movenet_keypoints import decode_keypoints
from diffproxy.generator.network.encoders import MoveNetEncoder

GOLDEN = Path(__file__).parent / "movenet_golden.npz"


def picture(name):
    """Waves, noise, and a crop of the shipped rig that shows a person. RGB in [0, 255]."""
    if name == "person":
        file = Path(__file__).parents[2] / "examples/synthetic_rig/images/cam2/000000.jpg"
        return np.ascontiguousarray(cv2.imread(str(file))[152:408, 408:664, ::-1])
    if name == "noise":
        return np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    y, x = np.mgrid[0:256, 0:256]
    waves = [np.sin(x / (17.0 + 3 * k) + y / (29.0 - 4 * k) + k) for k in range(3)]
    return (127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)


@pytest.fixture(scope="module")
def encoder():
    encoder = MoveNetEncoder().eval().requires_grad_(False)
    encoder.net.load_published()
    return encoder


@pytest.mark.parametrize("name", ["wave", "noise", "person"])
def test_head_maps_are_those_of_the_published_graph(encoder, name):
    image = torch.from_numpy(picture(name)).permute(2, 0, 1)[None].float() / 255
    heads = encoder(image).joint_maps
    with np.load(GOLDEN) as golden:
        for head in HEADS:
            expected = golden[f"{name}_{head}"]
            found = heads[head][0, :, 1::8, 3::8].numpy()
            # The published scale of pixels is the half-precision number nearest to 2 / 255: 1e-4 off.
            np.testing.assert_allclose(found, expected, atol=2e-3 * max(1.0, np.abs(expected).max()))


def test_keypoints_of_a_person_are_those_of_the_published_graph(encoder):
    image = torch.from_numpy(picture("person")).permute(2, 0, 1)[None].float() / 255
    found = decode_keypoints(encoder(image).joint_maps)[0].numpy()
    with np.load(GOLDEN) as golden:
        y, x, confidence = golden["person_keypoints"].T
    np.testing.assert_allclose(256 * found[:, :2], 256 * np.stack([x, y], 1), atol=0.1)  # pixels
    np.testing.assert_allclose(found[:, 2], confidence, atol=2e-3)


def test_one_image_at_a_time_or_all_together_is_the_same(encoder):
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        single = encoder(images)
    with torch.enable_grad():
        together = encoder(images)
    for a, b in zip(single.pyramid, together.pyramid, strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=1e-3)  # sixty layers of float32
    assert single.tokens.shape == (3, 4, encoder.token_dim)


def test_pyramid_shapes():
    pyramid = MoveNet().eval()(torch.zeros(1, 3, 64, 64)).pyramid
    expected = [(c, 64 // s, 64 // s) for c, s in zip(PYRAMID_CHANNELS, PYRAMID_STRIDES, strict=True)]
    assert [tuple(p.shape[1:]) for p in pyramid] == expected
