"""Where parts that are not stored with a generator lie: of `sd21` (UNet, VAE, DINOv2, CLIP text) a local folder, the
hub cache or the hub; of `nano` an encoder in this package.

Nothing is downloaded unless asked, and a file is used only if its checksum and the config.json beside it fit. Where a
training starts, a half-precision copy or a single file of the UNet may take the place of the pinned file.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from diffproxy.encoders.movenet import THUNDER
from diffproxy.generator.config import GeneratorConfig
from diffproxy.generator.network.network import ProxyGenerator
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256

log = logging.getLogger(__name__)

Locations = Mapping[
    str, Path | str
]  # part of `config.sources` -> local folder; of the UNet also a single file

WEIGHT_FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "codec": "diffusion_pytorch_model.safetensors",
    "encoder": "model.safetensors",
    "text_encoder": "model.safetensors",
}
#: Encoders whose published weights are in this package.
PACKAGED = {THUNDER.name: THUNDER.packaged}
REINSTALL = (
    "install the version of this package that saved it, or save the generator again with its encoder thawed"
)
PINNED = "use the pinned repository and revision, or its files in a local folder"


def source_folder(
    part: str, config: GeneratorConfig, sources: Locations | None = None, allow_download: bool = False
) -> Path:
    """The folder of a referenced part: as `sources` says, else in the hub cache, else (if allowed) downloaded.

    A local folder may be the part's own or the one that holds it (`unet`, `vae`, ... of a Stable Diffusion folder).
    """
    check_sources(config, sources)
    source = config.sources[part]
    subfolder = source["subfolder"]
    where = f"the {part} of {source['repo']} at revision {source['revision']}"
    if sources and part in sources:
        given = Path(sources[part])
        if given.is_file():
            fix = f"give the folder with {WEIGHT_FILES.get(part, 'its files')} and config.json"
            raise InputError(f"a folder with {where} (a single file only of the unet)", str(given), fix)
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


def check_sources(config: GeneratorConfig, sources: Locations | None) -> None:
    """InputError where `sources` gives a part that the generator does not refer to."""
    if unknown := sorted(set(sources or {}) - set(config.sources)):
        parts = ", ".join(sorted(p for p, s in config.sources.items() if "packaged" not in s))
        expected = f"sources only of parts that generator {config.name} refers to ({parts or 'none'})"
        fix = f"name one of {parts}" if parts else "leave out generator.sources (sources= in Python)"
        raise InputError(expected, ", ".join(unknown), fix)


def published_encoder(config: GeneratorConfig) -> dict[str, Tensor] | None:
    """The packaged weights of the encoder under the names of the encoder module; None where the package has none."""
    path = PACKAGED.get(config.encoder)
    if path is None or not path.is_file():
        return None
    return {f"net.{name}": tensor for name, tensor in load_file(path).items()}


def packaged_reference(generator: ProxyGenerator, difference: bool = False) -> GeneratorConfig:
    """The configuration to save: a frozen encoder that equals the packaged one is referenced, no other is.

    A generator keeps the reference that it was loaded with only as long as its encoder is still the packaged one.

    Args:
        generator: The generator.
        difference: Reference any encoder that the package has, since only the difference to it is stored.

    Raises:
        InputError: `difference`, and the package has no such encoder.
    """
    config = generator.config
    if config.encoder not in PACKAGED and not difference:
        return config
    kept = {part: source for part, source in config.sources.items() if part != "encoder"}
    published = published_encoder(config) if difference or "encoder" in config.frozen else None
    if difference and published is None:
        fix = "save the generator without difference=True"
        raise InputError(f"an encoder of the package: {', '.join(PACKAGED)}", config.encoder, fix)
    if published is not None and (difference or _equal(generator.encoder.state_dict(), published)):
        kept["encoder"] = {"packaged": config.encoder, "sha256": file_sha256(PACKAGED[config.encoder])}
    return config.replace(sources=kept)


def _equal(own: Mapping[str, Tensor], published: Mapping[str, Tensor]) -> bool:
    return own.keys() == published.keys() and all(
        torch.equal(own[k].cpu().float(), v.float()) for k, v in published.items()
    )


def packaged_file(config: GeneratorConfig, sources: Locations | None = None) -> Path:
    """The packaged weight file of the encoder, after its checksum was checked."""
    source = config.sources["encoder"]
    name, path = source["packaged"], PACKAGED.get(source["packaged"])
    if sources and "encoder" in sources:
        fix = "leave the encoder out of sources"
        raise InputError(f"the encoder {name} of the package", f"a folder: {sources['encoder']}", fix)
    if path is None or name != config.encoder:
        raise InputError(f"an encoder of the package: {', '.join(PACKAGED)}", name, REINSTALL)
    if not path.is_file():
        raise InputError(f"the encoder {name} of the package", f"{path}: no such file", REINSTALL)
    if file_sha256(path) != source["sha256"]:
        expected = f"the encoder {name} of the package with SHA-256 {source['sha256'][:12]}…"
        raise InputError(expected, f"{path}, a different file", REINSTALL)
    return path


def single_file(part: str, sources: Locations | None) -> Path | None:
    """The single file that `sources` gives for the UNet, in place of a folder."""
    given = Path(sources[part]) if sources and part == "unet" and part in sources else None
    return given if given is not None and given.is_file() else None


def source_file(
    part: str,
    config: GeneratorConfig,
    sources: Locations | None = None,
    allow_download: bool = False,
    accept_copies: bool = False,
) -> Path:
    """The weight file of a referenced part, after its checksum (if pinned) and its config.json were checked.

    With `accept_copies` a half-precision copy (`*.fp16.safetensors`) or a single file may have another checksum.
    """
    path = single_file(part, sources)
    copy = path is not None
    if path is None:
        folder = source_folder(part, config, sources, allow_download)
        path = folder / WEIGHT_FILES[part]
        half = path.with_suffix(f".fp16{path.suffix}")
        copy = half.is_file() and not path.is_file()
        path = half if copy else path
        for file in (path, folder / "config.json"):
            if not file.is_file():
                held = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else "not there"
                raise InputError(
                    f"{file.name} in the {part} folder (safetensors only; .bin pickles are not read)",
                    f"{folder} holds {held}",
                    "complete the download, or convert the weights to safetensors",
                )
        check_config(part, config, folder)
    expected = config.sources[part].get("sha256")
    if expected and file_sha256(path) != expected:
        if not (copy and accept_copies):
            raise InputError(f"{path} with SHA-256 {expected[:12]}…", "a different or damaged file", PINNED)
        log.warning("%s is not the pinned file of the %s: nobody has compared the two", path, part)
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
    found = read_json(path, "a configuration")
    if not isinstance(found, dict):
        raise InputError(f"an object in {path}", type(found).__name__, PINNED)
    for key, value in wanted.items():
        if key in found and found[key] != (list(value) if isinstance(value, tuple) else value):
            raise InputError(f"{key}={value} in {path}", f"{key}={found[key]}", PINNED)
