"""Checkpoints that cannot be written or read: an error in words, and nothing in the way of the next run."""

import pytest
import torch

from diffproxy.utils.checkpoint import load_checkpoint, read_state, save_checkpoint, write_state
from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.safetensors_file import write_safetensors


def write_weights(path, tensors):
    write_safetensors(path, tensors, {"format": "pt"})


@pytest.mark.parametrize("write", [write_state, write_weights])
def test_a_full_disk_leaves_no_part_of_a_file(write, small_disk, tmp_path):
    with small_disk(50_000), pytest.raises(InputError, match="room on the disk"):
        write(tmp_path / "file", {"a": torch.zeros(100_000)})
    assert not list(tmp_path.iterdir())


WORDS = [
    b"hello, this is no checkpoint at all",
    b"junk\n",
    b"\x80\x02.",
    b"\x80\x02}q\x00.",
    b"PK\x03\x04" + bytes(90),
]
"""Each ends in torch's reader with another error."""


def whole(path):
    write_state(path, {"step": 3, "model": {"a": torch.zeros(5000)}})


def test_a_state_is_read_back(tmp_path):
    whole(tmp_path / "s.pt")
    state = read_state(tmp_path / "s.pt", ("step", "model"))
    assert state["step"] == 3 and state["model"]["a"].shape == (5000,)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        *(lambda data, word=word: word for word in WORDS),
        lambda data: data[:200] + bytes(2000) + data[2200:],
        lambda data: bytes(len(data)),
    ],
)
def test_a_damaged_state_is_put_aside(damage, tmp_path):
    path = tmp_path / "s.pt"
    whole(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"a readable checkpoint[\s\S]*s\.broken"):
        read_state(path, ("step", "model"))
    assert [p.name for p in tmp_path.iterdir()] == ["s.broken"]


@pytest.mark.parametrize("content", [torch.zeros(3), {"step": 3}, [1, 2]])
def test_a_state_of_something_else_is_put_aside(content, tmp_path):
    torch.save(content, tmp_path / "s.pt")
    with pytest.raises(InputError, match="a readable checkpoint"):
        read_state(tmp_path / "s.pt", ("step", "model"))


def trained(width, groups=1):
    torch.manual_seed(0)
    network = torch.nn.Linear(width, 2)
    parts = [[network.weight], [network.bias]] if groups == 2 else [list(network.parameters())]
    return network, torch.optim.AdamW([{"params": p} for p in parts]), EMA(network, 0.9)


@pytest.mark.parametrize(("width", "groups"), [(1, 1), (7, 1), (4, 2)])
def test_a_checkpoint_of_another_network_is_refused(width, groups, tmp_path):
    """A width of 1 would be read as all the same numbers."""
    path = save_checkpoint(tmp_path, 5, *trained(4))
    assert load_checkpoint(path, *trained(4)) == 5
    with pytest.raises(InputError, match="trains the same parameters"):
        load_checkpoint(path, *trained(width, groups))
    assert path.exists()
