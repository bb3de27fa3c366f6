"""Load public weights into a generator: the tensors of each public part, renamed as in this package.

Only safetensors are read. InputError names the file, configuration or tensor that does not fit.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffproxy.generator.config import GeneratorConfig
from diffproxy.generator.network.encoders import EfficientNetEncoder, MoveNetEncoder
from diffproxy.generator.network.network import ProxyGenerator
from diffproxy.generator.state_dicts import check_fit, load_strictly
from diffproxy.generator.weight_sources import (
    PINNED,
    REINSTALL,
    Locations,
    check_sources,
    packaged_file,
    source_file,
    source_folder,
)
from diffproxy.utils import bounded_arrays
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra
from diffproxy.utils.io import file_sha256

log = logging.getLogger(__name__)

TOKENIZER_FILES = ("vocab.json", "merges.txt")
# Names of AutoencoderKL's attention before diffusers 0.15; Stable Diffusion's public file still has them.
OLD_VAE_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def public_state(
    part: str,
    module: nn.Module,
    config: GeneratorConfig,
    sources: Locations | None = None,
    allow_download: bool = False,
    accept_copies: bool = False,
) -> dict[str, Tensor]:
    """Tensors of a referenced part under the keys of `module`: all that the public network has, no branches.

    Args:
        part: A key of `config.sources`.
        module: The part, whose keys and shapes are wanted.
        config: Architecture, with the places and checksums of its public parts.
        sources: Local folders or files of parts.
        allow_download: Fetch a file that is in no cache.
        accept_copies: As in `source_file`.

    Raises:
        InputError: the file is missing, is another one, or does not fit.
    """
    if "packaged" in config.sources[part]:
        path = packaged_file(config, sources)
        state = {f"net.{k}": v.float() for k, v in read_safetensors(path).items()}
        check_fit(module.state_dict(), state, f"{path} that fit the {config.name} {part}", REINSTALL)
        return state
    path = source_file(part, config, sources, allow_download, accept_copies)
    if part == "encoder":
        state = {f"model.{k}": v for k, v in dino_state(type(module.model), path).items()}
    elif part == "codec":
        state = {f"vae.{vae_key(k)}": v for k, v in read_safetensors(path).items()}
    else:
        state = {wrapped_unet_key(k): v for k, v in unet_state(module, path).items()}
    wanted = {k: v for k, v in module.state_dict().items() if not (part == "unet" and is_branch(k))}
    check_fit(wanted, state, f"{path} that fit the {config.name} {part}", PINNED)
    return state


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; InputError for a damaged one."""
    return bounded_arrays.read_safetensors(path, "a whole safetensors file")


LDM_UNET = "model.diffusion_model."
"""Prefix of the UNet in single files of the original Stable Diffusion code."""


def unet_state(unet: nn.Module, path: Path) -> dict[str, Tensor]:
    """The tensors of a UNet file as diffusers names them; files of the original code are converted by diffusers."""
    state = read_safetensors(path)
    if any(key.startswith("input_blocks.") for key in state):
        state = {f"{LDM_UNET}{key}": value for key, value in state.items()}
    if any(key.startswith(LDM_UNET) for key in state):
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

        state = dict(convert_ldm_unet_checkpoint(state, unet.config))
        log.warning("%s does not tell whether its network predicts the noise, as it has to", path)
    return state


def dino_state(kind: Any, path: Path) -> dict[str, Tensor]:
    """DINOv2's tensors as the installed transformers names them: version 5 renamed what the public file holds."""
    return dict(from_transformers(kind, path).state_dict())


def from_transformers(kind: Any, path: Path) -> Any:
    """`kind.from_pretrained` of a weight file's folder in evaluation mode, float32; InputError unless all tensors are
    there."""
    from safetensors import SafetensorError

    folder, variant = path.parent, "fp16" if ".fp16." in path.name else None
    try:
        model, report = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, variant=variant
        )
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{kind.__name__} weights in {folder}", str(error), PINNED) from error
    if missing := sorted(report["missing_keys"]):
        found = f"{len(missing)} tensors missing, e.g. {missing[0]}"
        raise InputError(f"all weights of {kind.__name__} in {folder}", found, PINNED)
    return model.float().eval()


def vae_key(key: str) -> str:
    """Today's name of a tensor of AutoencoderKL."""
    parts = key.split(".")
    return ".".join(OLD_VAE_ATTENTION.get(p, p) for p in parts) if "attentions" in parts else key


def wrapped_unet_key(key: str) -> str:
    """diffusers' key of a UNet tensor under the wrapped transformer blocks."""
    return re.sub(r"(transformer_blocks\.\d+\.)", r"\1block.", key)


def is_branch(key: str) -> bool:
    """A UNet key of this package's own branches, absent from the public network."""
    return "transformer_blocks" in key and ".block." not in key


@torch.no_grad()
def encode_prompts(
    config: GeneratorConfig, sources: Locations | None = None, allow_download: bool = False
) -> Tensor:
    """The prompt table (prompt, token, channel) from the CLIP text encoder; stored with the weights.

    The prompts never change, so neither training nor inference needs the text encoder afterwards.
    """
    require_extra("transformers", "sd")
    from transformers import CLIPTextModel, CLIPTokenizer

    folder = source_folder("tokenizer", config, sources, allow_download)
    for name in TOKENIZER_FILES:  # transformers makes an empty vocabulary of a folder without
        if not (folder / name).is_file():
            raise InputError(f"{name} in the tokenizer folder", f"{folder} (no such file)", PINNED)
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    weights = source_file("text_encoder", config, sources, allow_download, accept_copies=True)
    text = from_transformers(CLIPTextModel, weights)
    ids = tokenizer(
        list(config.prompt_texts),
        padding="max_length",
        max_length=config.prompt_tokens,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    if ids.max() >= text.config.vocab_size:
        raise InputError(
            f"a tokenizer of at most {text.config.vocab_size} words, like the text encoder's",
            f"token {int(ids.max())} from {folder}",
            PINNED,
        )
    return text(ids).last_hidden_state


@checked
def initial_generator(
    config: GeneratorConfig, sources: Locations | None = None, allow_download: bool = False
) -> ProxyGenerator:
    """The generator training starts from: public weights in the referenced parts, everything else fresh.

    `sources` gives local folders by the names in `config.sources`. The checksums of the files that were read become
    part of the generator's configuration: what is trained on top of them never meets other ones unnoticed.
    """
    check_sources(config, sources)
    generator = ProxyGenerator(config)
    pinned = dict(config.sources)
    for part in ("unet", "codec", "encoder"):
        if part in config.sources:
            module = getattr(generator, part)
            public = public_state(part, module, config, sources, allow_download, accept_copies=True)
            module.load_state_dict({**module.state_dict(), **public})
            path = source_file(part, config, sources, allow_download, accept_copies=True)
            pinned[part] = {**config.sources[part], "sha256": file_sha256(path)}
    generator.config = config.replace(sources=pinned)
    if "text_encoder" in config.sources:
        load_strictly(
            generator.prompts, {"table": encode_prompts(config, sources, allow_download)}, "prompts"
        )
    elif isinstance(generator.encoder, EfficientNetEncoder):
        generator.encoder.net.load_imagenet()
    elif isinstance(generator.encoder, MoveNetEncoder):
        generator.encoder.net.load_published()
    return generator
