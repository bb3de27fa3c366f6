"""The stored head fits a fresh `nano`, and is what the restored folder holds."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from diffproxy.generator import load_saved_generator
from tools.restore_head import restore

HEAD = Path(__file__).parents[2] / "checkpoints" / "nano_movenet_head.safetensors"


def test_the_restored_generator_holds_the_stored_head(tmp_path):
    folder = restore(HEAD, tmp_path / "start")
    generator, _ = load_saved_generator(folder)
    stored = load_file(HEAD)
    own = generator.adapter.state_dict()
    assert stored.keys() == own.keys()
    assert all(torch.equal(own[k], v.float()) for k, v in stored.items())
