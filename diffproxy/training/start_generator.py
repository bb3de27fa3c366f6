"""The generator that a training starts from."""

from __future__ import annotations

import logging
from pathlib import Path

from diffproxy.generator import ProxyGenerator, initial_generator, load_saved_generator, preset
from diffproxy.generator.pipeline import generator_folder
from diffproxy.generator.presets import PRESETS
from diffproxy.training.config import TrainConfig
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

IN_PACKAGE = "packaged"


def saved_folder(name: str) -> Path:
    """The folder of a saved generator; `packaged`: that of the weights in the package."""
    return generator_folder("nano") if name == IN_PACKAGE else Path(name)


def refuse_untrained_head(config: TrainConfig) -> None:
    """InputError for options that keep a trained head, with a preset: it starts from random weights."""
    for name in ("freeze_conditioning", "fresh_unet"):
        if getattr(config, name):
            raise InputError(
                f"a saved generator with {name}=true, which keeps its trained head",
                f"generator={config.generator}, which starts untrained",
                f"write generator=DIR, or generator={IN_PACKAGE} for the weights in the package",
            )


def start_generator(config: TrainConfig) -> ProxyGenerator:
    """The generator to train, with the changes of `config.network`.

    A preset name gives an untrained generator with its frozen public parts loaded; a path, or `packaged`, a saved one.
    Parts that the saved one lacks are initialised at random, with `fresh_unet` also the UNet. Raises InputError if
    public weights are missing (docs/generator.md describes how to get them).
    """
    if config.generator in PRESETS:
        refuse_untrained_head(config)
        log.info("%s starts untrained; generator=%s goes on from the package's", config.generator, IN_PACKAGE)
        return initial_generator(
            preset(config.generator).changed(config.network), config.sources, config.download
        )
    folder = saved_folder(config.generator)
    saved = load_saved_generator(folder, config.sources, config.download)[0]
    log.info("starts from the weights in %s", folder)
    if not config.network and not config.fresh_unet:
        return saved
    generator = ProxyGenerator(saved.config.changed(config.network))
    own, state = generator.state_dict(), saved.state_dict()
    if config.fresh_unet:
        state = {k: v for k, v in state.items() if not k.startswith("unet.")}
    kept = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    log.info("%d of %d tensors come from %s", len(kept), len(own), folder)
    generator.load_state_dict(kept, strict=False)
    return generator
