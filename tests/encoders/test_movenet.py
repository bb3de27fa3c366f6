"""MoveNet in torch against TensorFlow.js running the published graphs.

`movenet_golden.npz` (Thunder) and `movenet_multipose_golden.npz`: raw head maps of @tensorflow/tfjs 4 (CPU backend) for
the images below, every eighth cell, and the graph's decoded keypoints or people.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffproxy.encoders.movenet import MULTIPOSE, PYRAMID_STRIDES, THUNDER, MoveNet
from diffproxy.encoders.movenet_keypoints import decode_keypoints
from diffproxy.generator.network.encoders import MoveNetEncoder
from diffproxy.utils.errors import InputError

GOLDEN = Path(__file__).parent / "movenet_golden.npz"
MULTIPOSE_GOLDEN = Path(__file__).parent / "movenet_multipose_golden.npz"
RIG = Path(__file__).parents[2] / "examples/synthetic_rig/images"


def picture(name):
    """Waves, noise, and crops of the shipped rig that show a person, and two. RGB in [0, 255]."""
    if name == "person":
        return np.ascontiguousarray(cv2.imread(str(RIG / "cam2/000000.jpg"))[152:408, 408:664, ::-1])
    if name == "two":
        left, right = (cv2.imread(str(RIG / camera / "000000.jpg"))[152:408] for camera in ("cam2", "cam0"))
        return np.ascontiguousarray(np.hstack([left[:, 468:596], right[:, 490:618]])[..., ::-1])
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


@pytest.fixture(scope="module")
def multipose():
    return MoveNet(MULTIPOSE).load_published().eval()


@pytest.mark.parametrize("name", ["wave", "noise", "person"])
def test_head_maps_are_those_of_the_published_graph(encoder, name):
    image = torch.from_numpy(picture(name)).permute(2, 0, 1)[None].float() / 255
    heads = encoder(image).joint_maps
    with np.load(GOLDEN) as golden:
        for head in THUNDER.heads:
            expected = golden[f"{name}_{head}"]
            found = heads[head][0, :, 1::8, 3::8].numpy()
            # The published scale of pixels is the half-precision number nearest to 2 / 255: 1e-4 off.
            np.testing.assert_allclose(found, expected, atol=2e-3 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", ["wave", "noise", "two"])
def test_head_maps_of_multipose_are_those_of_the_published_graph(multipose, name):
    pixels = torch.from_numpy(picture(name)).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        heads = multipose(pixels / 127.5 - 1).heads
    with np.load(MULTIPOSE_GOLDEN) as golden:
        for head in MULTIPOSE.heads:
            expected = golden[f"{name}_{head}"]
            found = heads[head][0, :, 1::8, 3::8].numpy()
            np.testing.assert_allclose(found, expected, atol=5e-4 * max(1.0, np.abs(expected).max()))


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


@pytest.mark.parametrize("config", [THUNDER, MULTIPOSE])
def test_pyramid_shapes(config):
    pyramid = MoveNet(config).eval()(torch.zeros(1, 3, 64, 96)).pyramid
    expected = [(c, 64 // s, 96 // s) for c, s in zip(config.pyramid_channels, PYRAMID_STRIDES, strict=True)]
    assert [tuple(p.shape[1:]) for p in pyramid] == expected


def test_a_missing_or_other_weight_file_is_refused():
    with pytest.raises(InputError, match="no such file"):
        MoveNet(replace(MULTIPOSE, name="nowhere")).load_published()
    with pytest.raises(InputError, match="a different file"):
        MoveNet(replace(MULTIPOSE, sha256="0" * 64)).load_published()
