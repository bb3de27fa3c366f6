"""Errors of the whole pipeline on subjects whose body is known. `python evaluate.py --help` lists every option."""

import sys
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from diffproxy.cli import check, friendly_overrides, run_readably, show_messages
from diffproxy.evaluation.config import EvaluateOptions

ROOT = Path(__file__).resolve().parent
PATHS = {"body": "file.path", "generator": "weights.weights"}
ConfigStore.instance().store(name="evaluate_schema", node=EvaluateOptions)


@hydra.main(config_path=str(ROOT / "conf"), config_name="evaluate", version_base="1.3")
def evaluate(config: DictConfig) -> None:
    from diffproxy.evaluation.evaluate import run_evaluation

    show_messages()
    run_readably(lambda: run_evaluation(OmegaConf.to_object(config)))


def main() -> None:
    conf = ROOT / "conf"
    words = friendly_overrides(sys.argv[1:], EvaluateOptions, conf, PATHS)
    check(words, "evaluate", conf)
    sys.argv[1:] = words
    evaluate()


if __name__ == "__main__":
    run_readably(main)
