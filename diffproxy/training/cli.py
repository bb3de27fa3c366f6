"""Hydra entry of `train_generator.py`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from diffproxy.cli import USAGE_ERROR, check, friendly_overrides
from diffproxy.training.augment import AugmentConfig
from diffproxy.training.config import TrainConfig
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)
CONF = Path(__file__).parents[2] / "conf" / "training"
ConfigStore.instance().store(name="train_schema", node=TrainConfig)


def read_config(words: list[str]) -> TrainConfig:
    """The training run that these command-line words describe. InputError for a word that the schema rejects."""
    from diffproxy.generator.config import with_tuples  # brings the networks along: not for --help

    overrides = friendly_overrides(words, TrainConfig, CONF, {})
    check(overrides, "train", CONF)
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        values = cast(dict[str, Any], OmegaConf.to_container(hydra.compose("train", overrides)))
    return TrainConfig(**{**values, "augment": AugmentConfig(**with_tuples(values["augment"]))})


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def run(cfg: Any) -> None:
    """Check the configuration against `TrainConfig`, then train."""
    from diffproxy.training.trainer import train

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    try:
        exported = train(cast(TrainConfig, OmegaConf.to_object(cfg)))
    except InputError as error:
        log.error("error: %s", error)
        sys.exit(USAGE_ERROR)
    log.info("exported to %s; use it with: python fit.py generator=%s", exported, exported)


def main() -> None:
    try:
        sys.argv[1:] = friendly_overrides(sys.argv[1:], TrainConfig, CONF, {})
    except InputError as error:
        logging.basicConfig(format="%(message)s")
        log.error("error: %s", error)
        sys.exit(USAGE_ERROR)
    run()
