"""Files of tensors: who may read them."""

import os

import pytest
import torch
from safetensors.torch import load_file

from diffproxy.utils.safetensors_file import write_safetensors


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_weights_are_as_readable_as_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        (tmp_path / "text").touch()
        write_safetensors(tmp_path / "w.safetensors", {"a": torch.arange(3.0)}, {"format": "pt"})
    finally:
        os.umask(before)
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "text").stat().st_mode
    assert load_file(tmp_path / "w.safetensors")["a"].tolist() == [0.0, 1.0, 2.0]
    assert len(list(tmp_path.iterdir())) == 2
