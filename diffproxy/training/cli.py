"""Hydra entry of `train_generator.py`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from diffproxy.errors import InputError
from diffproxy.training.config import TrainConfig

ConfigStore.instance().store(name="train_schema", node=TrainConfig)


@hydra.main(version_base="1.3", config_path=str(Path(__file__).parents[2] / "conf"), config_name="train")
def main(cfg: Any) -> None:
    """Check the configuration against `TrainConfig`, then train."""
    from diffproxy.training.trainer import train

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        exported = train(OmegaConf.to_object(cfg))
    except InputError as error:
        logging.getLogger(__name__).error("%s", error)
        sys.exit(2)
    logging.getLogger(__name__).info("exported to %s: python fit.py generator=%s", exported, exported)
