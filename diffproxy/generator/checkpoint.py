"""Generators on disk, in the diffusers folder layout, every file under a SHA-256 in `model_index.json`.

    model_index.json   class, version, checksums, references to parts that are not stored here
    config.json        GeneratorConfig
    palette.json       part names and colours the weights were trained with
    scheduler/scheduler_config.json
    unet | adapter | prompts | encoder | codec /model.safetensors

Of a part that is public (listed in `config.sources`) and frozen, only what is trained all the same is stored (of a
UNet: the new branches and the text attention); the rest comes from the referenced repository or a local folder. An
encoder that is frozen and equal to the one in the package is not stored either, but named with its SHA-256; of a
fine-tuned one `encoder/difference.npz` may hold the rounded difference to the packaged one (`weight_difference`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import diffproxy
from diffproxy.generator.config import BACKENDS, GeneratorConfig
from diffproxy.generator.network.network import ProxyGenerator, is_trained_in_unet
from diffproxy.generator.pretrained import public_state, read_safetensors
from diffproxy.generator.state_dicts import load_strictly
from diffproxy.generator.stored_palette import StoredPalette, read_palette, write_palette
from diffproxy.generator.weight_difference import add_difference, rounded_difference
from diffproxy.generator.weight_sources import check_sources, packaged_reference, published_encoder
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256, write_atomic, write_npz
from diffproxy.utils.safetensors_file import write_safetensors
from diffproxy.utils.validation import OpenSchema, validated


class _Index(OpenSchema):
    sha256: dict[str, str]


PARTS = ("unet", "adapter", "prompts", "encoder", "codec")
INDEX, CONFIG, PALETTE, WEIGHTS = "model_index.json", "config.json", "palette.json", "model.safetensors"
DIFFERENCE = "encoder/difference.npz"
REINSTALL = "restore the folder from its source (copy, download or train it again)"


@checked
def save_generator(
    generator: ProxyGenerator,
    palette: Any,
    folder: Path | str,
    half: bool = False,
    difference: bool = False,
) -> Path:
    """Write a generator to a folder; existing files are replaced. The index is written last: a folder without it is an
    unfinished save.

    Args:
        generator: The generator.
        palette: Names and colours of the labels it was trained with.
        folder: Folder to write.
        half: Store float16 instead of float32.
        difference: Store of a fine-tuned encoder the rounded difference to the packaged one.

    Returns:
        The folder.

    Raises:
        InputError: `difference`, and the encoder is none of the package or far from the packaged one; or the generator
            was loaded without its UNet.
    """
    if generator.unet is None:
        raise InputError("a generator with its UNet", "one without", "load it with denoiser=True to save it")
    folder = Path(folder)
    (folder / "scheduler").mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    config = packaged_reference(generator, difference)
    # Whoever loads it may have another machine.
    config.changed({"attention": {"backend": BACKENDS[0]}}).save(folder / CONFIG)
    write_palette(palette, folder / PALETTE)
    _write_json(
        folder / "scheduler" / "scheduler_config.json", {"_class_name": "DDIMScheduler", **config.scheduler}
    )
    files = [CONFIG, PALETTE]
    if difference:
        state = generator.encoder.state_dict()
        (folder / DIFFERENCE).parent.mkdir(exist_ok=True)
        write_npz(folder / DIFFERENCE, rounded_difference(state, published_encoder(config) or {}))
        files.append(DIFFERENCE)
    for part in PARTS:
        if difference and part == "encoder":
            continue
        state = stored_state(part, getattr(generator, part), config)
        if not state:
            continue
        tensors = {k: _store_dtype(v, half) for k, v in state.items()}
        write_safetensors(folder / part / WEIGHTS, tensors, {"format": "pt"})
        files.append(f"{part}/{WEIGHTS}")
    index = {
        "_class_name": "DiffProxyPipeline",
        "_diffproxy_version": diffproxy.__version__,
        "name": config.name,
        "sources": config.sources,
        "sha256": {name: file_sha256(folder / name) for name in files},
    }
    _write_json(folder / INDEX, index)
    return folder


@checked
def load_saved_generator(
    folder: Path | str,
    sources: Mapping[str, Path | str] | None = None,
    allow_download: bool = False,
    denoiser: bool | None = True,
) -> tuple[ProxyGenerator, StoredPalette]:
    """Inverse of `save_generator`.

    Args:
        folder: The folder.
        sources: Local folders of parts that are stored by reference.
        allow_download: Fetch referenced parts that are not in the hub's cache.
        denoiser: Load the UNet too; without it the generator has its dense head only, and cannot be saved. None: if its
            own number of steps needs it.

    Returns:
        The generator (evaluation mode, float32, CPU) and its palette.

    Raises:
        InputError: missing or altered files, files of another network, or sources of parts that are stored.
    """
    folder = Path(folder)
    index = check_folder(folder)
    config = GeneratorConfig.load(folder / CONFIG)
    check_sources(config, sources)
    with torch.device("meta"):  # no random weights that the stored ones replace: of `sd21` they take 6 GB
        generator = ProxyGenerator(config, config.steps > 0 if denoiser is None else denoiser)
    for part in generator.parts(PARTS):
        module = getattr(generator, part)
        state: dict[str, Tensor] = {}
        if config.references(part) or (part == "encoder" and DIFFERENCE in index["sha256"]):
            state.update(public_state(part, module, config, sources, allow_download))
        if f"{part}/{WEIGHTS}" in index["sha256"]:
            state.update(read_safetensors(folder / part / WEIGHTS))
        if part == "encoder" and DIFFERENCE in index["sha256"]:
            arrays = read_npz(folder / DIFFERENCE, "a difference of weights")
            state = add_difference(state, arrays, str(folder / DIFFERENCE))
        load_strictly(module, state, f"{folder}/{part}")
    return generator.eval(), read_palette(folder / PALETTE)


def check_folder(folder: Path) -> dict[str, Any]:
    """The index of `folder`; InputError unless every file is present with its checksum."""
    if not (folder / INDEX).is_file():
        raise InputError(
            f"a generator folder with {INDEX}",
            f"{folder} " + ("(no index: the save did not finish)" if folder.is_dir() else "(no such folder)"),
            "give a folder written by save_generator, or train one with train_generator.py",
        )
    index = read_json(folder / INDEX, "an index of a generator")
    validated(_Index, index, f"{folder / INDEX}", REINSTALL)
    for name, digest in index["sha256"].items():
        if Path(name).is_absolute() or ".." in Path(name).parts:  # may come from anywhere: stay in the folder
            raise InputError(f"files below {folder} in {INDEX}", name, REINSTALL)
        if not (folder / name).is_file():
            raise InputError(f"{name} in {folder}", "no such file", REINSTALL)
        if file_sha256(folder / name) != digest:
            raise InputError(f"{folder / name} with SHA-256 {digest[:12]}…", "a different file", REINSTALL)
    return index


def stored_state(part: str, module: nn.Module, config: GeneratorConfig) -> dict[str, Tensor]:
    """Tensors of a part that are saved: all, or of a referenced part only those that are trained.

    The choice does not depend on which parameters have gradients now: an earlier stage may have trained more.
    """
    state = dict(module.state_dict())
    if not config.references(part):
        return state
    return {k: v for k, v in state.items() if part == "unet" and is_trained_in_unet(k)}


def _store_dtype(tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.to(torch.float16) if half and tensor.is_floating_point() else tensor


def _write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=2) + "\n").encode())


def hub_folder(repo: str, allow_download: bool) -> Path:
    """The local copy of a hub repository, fetched if `allow_download`; InputError if there is none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, local_files_only=not allow_download))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise InputError(
            "a generator folder or a hub repository",
            f"{repo}: no such folder, and not in the local hub cache",
            "check the path, or type generator.download=true (in Python: allow_download=True)",
        ) from error
