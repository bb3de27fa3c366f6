"""Hydra entry of `train_generator.py`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from diffproxy.errors import InputError
from diffproxy.training.config import TrainConfig

log = logging.getLogger(__name__)
ConfigStore.instance().store(name="train_schema", node=TrainConfig)


@hydra.main(
    version_base="1.3", config_path=str(Path(__file__).parents[2] / "conf" / "training"), config_name="train"
)
def main(cfg: Any) -> None:
    """Check the configuration against `TrainConfig`, then train."""
    from diffproxy.training.trainer import train

    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    try:
        exported = train(cast(TrainConfig, OmegaConf.to_object(cfg)))
    except InputError as error:
        log.error("error: %s", error)
        sys.exit(2)
    log.info("exported to %s; use it with: python fit.py generator=%s", exported, exported)
