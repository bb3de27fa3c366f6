"""A frozen encoder that is the packaged one is named in a saved generator, not stored again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from diffproxy.encoders.movenet import THUNDER
from diffproxy.generator import (
    DiffProxyPipeline,
    build_generator,
    load_saved_generator,
    save_generator,
)
from diffproxy.generator.checkpoint import CONFIG, INDEX
from diffproxy.generator.stored_palette import StoredPalette
from diffproxy.generator.weight_sources import PACKAGED
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256

PALETTE = StoredPalette(
    {i: f"part{i}" for i in range(43)},
    np.random.default_rng(0).uniform(size=(43, 3)).round(6),
    tuple(range(1, 31)),
    tuple(range(31, 43)),
)


def test_the_packaged_encoder_is_referenced_and_comes_back(thunder_generator, tmp_path):
    folder = save_generator(thunder_generator, PALETTE, tmp_path / "g", half=True)
    assert not (folder / "encoder").exists()
    source = json.loads((folder / INDEX).read_text())["sources"]["encoder"]
    assert source == {"packaged": "movenet_thunder", "sha256": file_sha256(THUNDER.packaged)}
    again, _ = load_saved_generator(folder)
    for key, value in thunder_generator.encoder.state_dict().items():
        assert torch.equal(again.encoder.state_dict()[key], value)
    once_more = save_generator(again, PALETTE, tmp_path / "h")
    assert not (once_more / "encoder").exists()


@pytest.mark.parametrize("how", ["trained", "thawed"])
def test_another_encoder_is_stored_whole(thunder_generator, tmp_path, how):
    other = build_generator(thunder_generator.config.replace(frozen=() if how == "thawed" else ("encoder",)))
    other.load_state_dict(thunder_generator.state_dict())
    if how == "trained":
        with torch.no_grad():
            other.encoder.net.stem.bias += 1.0
    folder = save_generator(other, PALETTE, tmp_path / "g")
    assert (folder / "encoder" / "model.safetensors").is_file()
    again, _ = load_saved_generator(folder)
    assert torch.equal(again.encoder.net.stem.bias, other.encoder.net.stem.bias)
    assert again.config.sources == {}


def test_an_older_folder_with_a_stored_encoder_still_loads(thunder_generator, tmp_path, monkeypatch):
    monkeypatch.setattr("diffproxy.generator.checkpoint.packaged_reference", lambda g, difference: g.config)
    folder = save_generator(thunder_generator, PALETTE, tmp_path / "g")
    assert (folder / "encoder" / "model.safetensors").is_file()
    assert DiffProxyPipeline.from_pretrained(folder).network.config.sources == {}


def test_another_packaged_file_is_refused(thunder_generator, tmp_path, monkeypatch):
    folder = save_generator(thunder_generator, PALETTE, tmp_path / "g")
    with pytest.raises(InputError, match="leave the encoder out of sources"):
        load_saved_generator(folder, {"encoder": tmp_path})
    other = tmp_path / "other.safetensors"
    monkeypatch.setitem(PACKAGED, "movenet_thunder", other)
    with pytest.raises(InputError, match="no such file"):
        load_saved_generator(folder)
    other.write_bytes(b"something else")
    with pytest.raises(InputError, match="a different file"):
        load_saved_generator(folder)
    config = json.loads((folder / CONFIG).read_text())
    assert config["sources"]["encoder"]["packaged"] == "movenet_thunder"


def test_within_encoding_once_an_image_is_encoded_once(thunder_generator):
    encoder, calls = thunder_generator.encoder.eval(), []
    encoder.net.register_forward_hook(lambda *_: calls.append(1))
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = encoder(images)
        with encoder.encoding_once():
            first, again = encoder(images[:2]), encoder(images.flip(0))
            assert len(calls) == 3 + 3  # once each outside, once each inside
            for _ in range(2):
                encoder(images.flip(2)[:1], keep=[False])
            assert len(calls) == 3 + 3 + 2  # not to be kept
        encoder(images)
        assert len(calls) == 3 + 3 + 2 + 3  # forgotten at the end
    for a, b, c in zip(plain.pyramid, first.pyramid, again.pyramid, strict=True):
        assert torch.equal(a[:2], b) and torch.equal(a.flip(0), c)
    assert torch.equal(plain.joint_maps["heatmap"].flip(0), again.joint_maps["heatmap"])
