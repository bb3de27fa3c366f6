"""What the hub may refuse, and DINOv2 in its other forms."""

from types import SimpleNamespace

import pytest
import torch

from diffproxy.generator import sd21_config
from diffproxy.generator.checkpoint import load_saved_generator
from diffproxy.generator.network.encoders import build_encoder
from diffproxy.generator.pipeline import PACKAGED
from diffproxy.generator.presets import SD21
from diffproxy.generator.pretrained import public_state
from diffproxy.generator.weight_sources import check_sources, source_folder
from diffproxy.utils.errors import InputError


@pytest.mark.parametrize(
    ("kind", "fix"),
    [("GatedRepoError", "hf auth login"), ("RepositoryNotFoundError", "another copy"),
     ("RevisionNotFoundError", "another copy")],
)  # fmt: skip
def test_gated_withdrawn_and_rewritten_repositories_are_explained(kind, fix, monkeypatch):
    import huggingface_hub

    def refuse(repo, revision, **_):
        assert (repo, revision) == (SD21["repo"], SD21["revision"])
        response = SimpleNamespace(headers={}, request=None)
        raise getattr(huggingface_hub.errors, kind)(f"no way to {repo}", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(InputError) as caught:
        source_folder("unet", sd21_config(), allow_download=True)
    assert f"unet of {SD21['repo']} at revision {SD21['revision']}" in str(caught.value)
    assert "no way to" in str(caught.value) and fix in str(caught.value)


def test_sources_of_parts_that_are_not_referred_to_are_refused():
    with pytest.raises(InputError, match=r"nano refers to \(none\)\n  found unet\n  fix: leave out"):
        load_saved_generator(PACKAGED / "nano", {"unet": "x"})
    with pytest.raises(InputError, match=r"\(codec, encoder, text_encoder, tokenizer, unet\)\n  found prior"):
        check_sources(sd21_config(), {"prior": "x", "unet": "y"})


def test_dino_of_another_size_and_with_registers(tmp_path):
    from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

    small = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 42,
        "resize": 28,
    }
    config = sd21_config().changed({"encoder_args": small | {"num_register_tokens": 4}})
    args = {k: v for k, v in config.encoder_args.items() if k != "resize"}
    source = config.sources["encoder"] | {"sha256": ""}
    config = config.changed({"sources": {"encoder": source}})
    torch.manual_seed(0)
    Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**args)).save_pretrained(tmp_path)
    encoder = build_encoder(config).eval()
    public = public_state("encoder", encoder, config, {"encoder": tmp_path})
    encoder.load_state_dict(encoder.state_dict() | public)
    theirs, image = Dinov2WithRegistersModel.from_pretrained(tmp_path).eval(), torch.rand(1, 3, 28, 28)
    with torch.no_grad():
        found = encoder(image).tokens
        expected = theirs((image - encoder.mean) / encoder.std).last_hidden_state
    assert encoder.token_dim == 16 and found.shape == (1, 1 + 4 + 4, 16)  # class, registers, 2 x 2 patches
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    fewer = config.changed({"encoder_args": {"num_register_tokens": 2}})
    with pytest.raises(InputError, match="num_register_tokens=4"):
        public_state("encoder", build_encoder(fewer), fewer, {"encoder": tmp_path})
