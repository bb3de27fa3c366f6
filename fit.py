"""Photos or videos of a calibrated rig in, SMPL-X bodies out. `python fit.py --help` lists every option."""

import sys
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from diffproxy.cli import check, friendly_overrides, run_readably, show_messages
from diffproxy.pipeline.config import FitOptions

ROOT = Path(__file__).resolve().parent
PATHS = {"rig": "folder.path", "body": "file.path", "generator": "weights.weights"}
ConfigStore.instance().store(name="fit_schema", node=FitOptions)


@hydra.main(config_path=str(ROOT / "conf"), config_name="fit", version_base="1.3")
def fit(config: DictConfig) -> None:
    from diffproxy.pipeline.fit_rig import run_fit

    show_messages()
    run_readably(lambda: run_fit(OmegaConf.to_object(config), ROOT))


def main() -> None:
    conf = ROOT / "conf"
    words = friendly_overrides(sys.argv[1:], FitOptions, conf, PATHS)
    check(words, "fit", conf)
    sys.argv[1:] = words
    fit()


if __name__ == "__main__":
    run_readably(main)
