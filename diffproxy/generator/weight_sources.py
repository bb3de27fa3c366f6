"""Where the public parts of `sd21` lie (UNet, VAE, DINOv2, CLIP text): a local folder, the hub cache, or the hub.

Nothing is downloaded unless asked, and a file is used only if its checksum and the config.json beside it fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffproxy.generator.checkpoint import file_sha256
from diffproxy.generator.config import GeneratorConfig
from diffproxy.utils.errors import InputError

Locations = Mapping[str, Path | str]  # part of `config.sources` -> local folder

WEIGHT_FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "codec": "diffusion_pytorch_model.safetensors",
    "encoder": "model.safetensors",
    "text_encoder": "model.safetensors",
}
PINNED = "use the pinned repository and revision, or its files in a local folder"


def source_folder(
    part: str, config: GeneratorConfig, sources: Locations | None = None, allow_download: bool = False
) -> Path:
    """The folder of a referenced part: as `sources` says, else in the hub cache, else (if allowed) downloaded.

    A local folder may be the part's own or the one that holds it (`unet`, `vae`, ... of a Stable Diffusion folder).
    """
    if unknown := sorted(set(sources or {}) - set(config.sources)):
        raise InputError(
            f"sources of {sorted(config.sources)}", str(unknown), "name the parts as config.json does"
        )
    source = config.sources[part]
    subfolder = source["subfolder"]
    where = f"the {part} of {source['repo']} at revision {source['revision']}"
    if sources and part in sources:
        given = Path(sources[part])
        folder = given / subfolder if (given / subfolder).is_dir() else given
        if not folder.is_dir():
            raise InputError(f"a folder with {where}", f"{given} (no such folder)", "check the path")
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    names = ("*",) if part == "tokenizer" else ("config.json", WEIGHT_FILES[part])
    scheduler = ["scheduler/scheduler_config.json"] if part == "unet" else []
    try:
        root = snapshot_download(
            source["repo"],
            revision=source["revision"],
            allow_patterns=[f"{subfolder}/{n}".lstrip("/") for n in names] + scheduler,
            local_files_only=not allow_download,
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        fix = f'pass sources={{"{part}": "/path/to/folder"}}, or '
        if isinstance(error, GatedRepoError):
            fix += "accept its terms on the hub and log in: hf auth login"
        else:
            fix += "name another copy in config.sources" if allow_download else "allow the download"
        found = f"not downloadable ({error})" if allow_download else "not in the local hub cache"
        raise InputError(where, found, fix) from error
    return Path(root) / subfolder


def source_file(
    part: str, config: GeneratorConfig, sources: Locations | None = None, allow_download: bool = False
) -> Path:
    """The weight file of a referenced part, after its checksum (if pinned) and its config.json were checked."""
    folder = source_folder(part, config, sources, allow_download)
    path = folder / WEIGHT_FILES[part]
    for file in (path, folder / "config.json"):
        if not file.is_file():
            held = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else "not there"
            raise InputError(
                f"{file.name} in the {part} folder (safetensors only; .bin pickles are not read)",
                f"{folder} holds {held}",
                "complete the download, or convert the weights to safetensors",
            )
    expected = config.sources[part].get("sha256")
    if expected and file_sha256(path) != expected:
        raise InputError(f"{path} with SHA-256 {expected[:12]}…", "a different or damaged file", PINNED)
    check_config(part, config, folder)
    return path


def check_config(part: str, config: GeneratorConfig, folder: Path) -> None:
    """InputError if the public part was built or trained differently where tensor shapes would not show it."""
    wanted: dict[str, Any] = {
        "unet": {k: v for k, v in config.unet.items() if k != "sample_size"},
        "codec": {k: v for k, v in config.codec_args.items() if k != "sample_size"},
        "encoder": {k: v for k, v in config.encoder_args.items() if k != "resize"},
        "text_encoder": {"hidden_size": config.unet["cross_attention_dim"]},
    }[part]
    compare_json(folder / "config.json", wanted)
    scheduler = folder.parent / "scheduler" / "scheduler_config.json"
    if part == "unet" and scheduler.is_file():
        # Shapes of SD 2.1 and 2.1-base agree, yet one predicts v and the other the noise.
        compare_json(scheduler, {"prediction_type": config.scheduler["prediction_type"]})


def compare_json(path: Path, wanted: dict[str, Any]) -> None:
    """InputError if the object in the file at `path` gives one of the keys of `wanted` another value."""
    try:
        found = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"JSON in {path}", str(error), PINNED) from error
    for key, value in wanted.items():
        if key in found and found[key] != (list(value) if isinstance(value, tuple) else value):
            raise InputError(f"{key}={value} in {path}", f"{key}={found[key]}", PINNED)
