"""Files of one network each: what they hold, and which are refused."""

import pytest
import torch
from torch import nn

from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256
from diffproxy.utils.network_file import NetworkFile

KIND = NetworkFile("test network", "test", "a-format", "make one")


def build(text) -> nn.Module:
    return nn.Linear(text["width"], 2)


@pytest.fixture
def path(tmp_path):
    KIND.write(tmp_path / "a.safetensors", nn.Linear(3, 2).state_dict(), {"width": 3})
    return tmp_path / "a.safetensors"


def test_the_network_comes_back_frozen_and_the_same_values_give_the_same_bytes(path):
    network = KIND.read(path, build)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    before = path.read_bytes()
    KIND.write(path, network.state_dict(), {"width": 3})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change", [{"weight": torch.zeros(2, 4)}, {"other": torch.zeros(1)}, {"bias": None}, {"bias": [1e9, 0.0]}]
)
def test_other_tensors_are_refused(path, change):
    tensors = nn.Linear(3, 2).state_dict() | {
        k: v if v is None else torch.as_tensor(v) for k, v in change.items()
    }
    KIND.write(path, {k: v for k, v in tensors.items() if v is not None}, {"width": 3})
    with pytest.raises(InputError, match=r"test network|finite"):  # 1e9 is infinite in half precision
        KIND.read(path, build)


def test_files_of_another_kind_are_refused(path):
    other = NetworkFile("test network", "test", "another-format", "make one")
    with pytest.raises(InputError, match="of version 1"):
        other.read(path, build)
    with pytest.raises(InputError, match="as safetensors"):
        KIND.read(path, lambda text: build({}))


def test_the_packaged_file_is_the_right_one(path, tmp_path):
    assert KIND.read_packaged(path, file_sha256(path), build).in_features == 3
    for wrong, found in ((path, "another file"), (tmp_path / "none", "no such file")):
        with pytest.raises(InputError, match=found):
            KIND.read_packaged(wrong, "0" * 64, build)
