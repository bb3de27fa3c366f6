"""Frozen public parts of `sd21` (UNet, VAE, DINOv2, CLIP text): from a local folder, the hub cache, or the hub."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from diffproxy.errors import InputError
from diffproxy.generator.config import GeneratorConfig

SOURCE_WEIGHTS = {
    "unet": "diffusion_pytorch_model.safetensors",
    "codec": "diffusion_pytorch_model.safetensors",
    "encoder": "model.safetensors",
    "text_encoder": "model.safetensors",
}


def source_folder(
    part: str, config: GeneratorConfig, local: Path | str | None = None, allow_download: bool = False
) -> Path:
    """The folder that holds a referenced part: `local` if given, else the hub cache, else (if allowed) a download."""
    source = config.sources[part]
    where = f"{source['repo']} at revision {source['revision']}"
    if local is not None:
        folder = Path(local)
        folder = folder / source["subfolder"] if (folder / source["subfolder"]).is_dir() else folder
        if not folder.is_dir():
            raise InputError(
                f"a folder with the {part} of {where}", f"{local} (no such folder)", "check the path"
            )
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    pattern = f"{source['subfolder']}/*" if source["subfolder"] else "*"
    try:
        root = snapshot_download(
            source["repo"],
            revision=source["revision"],
            allow_patterns=[pattern],
            local_files_only=not allow_download,
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise InputError(
            f"the {part} of {where}",
            f"not in the local hub cache ({type(error).__name__})"
            if not allow_download
            else f"not downloadable ({error})",
            f"pass generator.sources.{part}=/path/to/folder, or generator.allow_download=true",
        ) from error
    return Path(root) / source["subfolder"]


def frozen_state(
    part: str, config: GeneratorConfig, local: Path | str | None = None, allow_download: bool = False
) -> dict[str, Tensor]:
    """Tensors of a referenced part under this package's keys."""
    from safetensors.torch import load_file

    folder = source_folder(part, config, local, allow_download)
    path = folder / SOURCE_WEIGHTS[part]
    if not path.is_file():
        raise InputError(
            f"{SOURCE_WEIGHTS[part]} (safetensors; pickled .bin files are not read)",
            f"{folder} holds {sorted(p.name for p in folder.iterdir())}",
            "convert the weights to safetensors",
        )
    expected = config.sources[part].get("sha256")
    if expected:
        from diffproxy.generator.store import file_sha256

        if file_sha256(path) != expected:
            raise InputError(
                f"{path} with SHA-256 {expected[:12]}…", "a different file", "use the pinned revision"
            )
    state = load_file(path)
    if part == "unet":
        return {wrapped_unet_key(k): v for k, v in state.items()}
    prefix = {"codec": "vae.", "encoder": "model."}.get(part, "")
    return {prefix + k: v for k, v in state.items() if k != "embeddings.position_ids"}


def wrapped_unet_key(key: str) -> str:
    """diffusers' key of a UNet tensor under the wrapped transformer blocks."""
    return re.sub(r"(transformer_blocks\.\d+\.)", r"\1block.", key)


@torch.no_grad()
def encode_prompts(
    config: GeneratorConfig, sources: dict[str, Path | str] | None = None, allow_download: bool = False
) -> Tensor:
    """The prompt table (prompt, token, channel) from the CLIP text encoder; stored with the weights.

    The prompts never change, so neither training nor inference needs the text encoder afterwards.
    """
    from transformers import CLIPTextModel, CLIPTokenizer

    local = sources or {}
    tokenizer = CLIPTokenizer.from_pretrained(
        source_folder("tokenizer", config, local.get("tokenizer"), allow_download)
    )
    text = CLIPTextModel.from_pretrained(
        source_folder("text_encoder", config, local.get("text_encoder"), allow_download)
    ).eval()
    tokens = tokenizer(
        list(config.prompt_texts),
        padding="max_length",
        max_length=config.prompt_tokens,
        truncation=True,
        return_tensors="pt",
    )
    return text(tokens.input_ids).last_hidden_state.float()


def initial_generator(
    config: GeneratorConfig, sources: dict[str, Path | str] | None = None, allow_download: bool = False
):
    """The generator training starts from: public weights in the frozen parts, everything else fresh."""
    from diffproxy.generator.network import ProxyGenerator
    from diffproxy.generator.store import load_strictly

    generator = ProxyGenerator(config)
    for part in ("unet", "codec", "encoder"):
        if part in config.sources:
            module = getattr(generator, part)
            public = frozen_state(part, config, (sources or {}).get(part), allow_download)
            # Fresh branches keep their initial values; everything the public network has must be in its file.
            fresh = {k: v for k, v in module.state_dict().items() if part == "unet" and is_branch(k)}
            load_strictly(module, {**fresh, **public}, f"{config.sources[part]['repo']} ({part})")
    if "text_encoder" in config.sources:
        table = encode_prompts(config, sources, allow_download)
        load_strictly(generator.prompts, {"table": table}, "prompts")
    elif config.encoder == "efficientnet_lite0":
        generator.encoder.net.load_imagenet()
    return generator


def is_branch(key: str) -> bool:
    """A UNet key of this package's own branches, absent from the public network."""
    return "transformer_blocks" in key and ".block." not in key
