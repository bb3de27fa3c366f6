"""Shared by the generator's tests."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from diffproxy.generator import build_generator, nano_config


class Largest(TorchDispatchMode):
    """Elements of the largest tensor that any operation returns, of any type and of floating point."""

    elements = floats = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for x in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(x, torch.Tensor):
                self.elements = max(self.elements, x.numel())
                self.floats = max(self.floats, x.numel() * x.is_floating_point())
        return out


@pytest.fixture
def largest():
    """A context that notes how large the largest tensor was that any operation returned."""
    return Largest


@pytest.fixture(scope="module")
def thunder_generator():
    """`nano` with MoveNet's published weights and a small untrained UNet."""
    config = nano_config()
    unet = {**config.unet, "block_out_channels": [16, 16, 16], "attention_head_dim": [1, 1, 1]}
    generator = build_generator(config.replace(unet={**unet, "norm_num_groups": 8}))
    generator.encoder.net.load_published()
    return generator.eval()
