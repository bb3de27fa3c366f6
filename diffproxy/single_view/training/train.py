"""Training of the body regressor on people drawn afresh in every step."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from diffproxy.body import load_body
from diffproxy.single_view.regressor import BodyRegressor, RegressorConfig
from diffproxy.single_view.regressor_weights import PACKAGED, save_regressor
from diffproxy.single_view.training.data import PeopleSampler
from diffproxy.single_view.training.detections import detect
from diffproxy.single_view.training.losses import GOOD, LossWeights, errors, regression_losses
from diffproxy.single_view.training.options import RegressorTrainOptions
from diffproxy.single_view.training.run import TrainingRun, run_training, step_seed

VALIDATED = 2048
"""People of the validation, drawn with a seed of their own; always the same ones."""
VALIDATION_SEED = 2**31 - 1


def train(options: RegressorTrainOptions, config: RegressorConfig | None = None) -> Path:
    """Train, or resume from the last checkpoint in `options.out`.

    Args:
        options: The options.
        config: Sizes of the network.

    Returns:
        The file of the finished network.

    Raises:
        InputError: a checkpoint of other options.
    """
    run = Training(options, config)
    path = run_training(run) / PACKAGED.name
    with run.ema.applied(run.network):
        save_regressor(run.network, path, {"steps": run.step, "training": {**asdict(options), "out": ""}})
    return path


class Training(TrainingRun):
    """A network with its optimiser, averaged weights and people."""

    network: BodyRegressor

    def __init__(self, options: RegressorTrainOptions, config: RegressorConfig | None = None):
        torch.manual_seed(options.seed)
        super().__init__(BodyRegressor(config), options)
        self.options, self.weights = options, LossWeights()
        self.people = PeopleSampler(load_body(options.body))

    def losses(self, step: int) -> dict[str, Tensor]:
        random = torch.Generator().manual_seed(step_seed(self.options.seed, step))
        people = self.people.draw(self.options.batch, random)
        keypoints, is_person = detect(people, random)
        body = self.network(keypoints, people.camera)
        return regression_losses(body, people, is_person, self.people.skeleton, self.weights)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Errors of the averaged weights on people of another seed: millimetres and per cent, known and unknown focal
        length apart."""
        random = torch.Generator().manual_seed(VALIDATION_SEED)
        people = self.people.draw(VALIDATED, random)
        keypoints, is_person = detect(people, random)
        with self.ema.applied(self.network):
            body = self.network(keypoints, people.camera)
        found = errors(body, people, self.people.skeleton)
        real, known = is_person > 0, people.camera[:, 3] == 0
        out: dict[str, float] = {"mpjpe_mm": 1000 * float(found["mpjpe"][real].mean())}
        for name, rows in (("known", real & known), ("unknown", real & ~known)):
            out[f"depth_{name}_percent"] = 100 * float(found["log_depth"][rows].abs().mean())
            out[f"depth_{name}_sigmas"] = float(found["depth_sigmas"][rows].square().mean().sqrt())
        out["focal_percent"] = 100 * float(found["log_focal"][real & ~known].abs().mean())
        right = (found["mpjpe"] < GOOD).float() * is_person
        out["confidence_brier"] = float((body.confidence - right).square().mean())
        return {k: round(v, 3) for k, v in out.items()}
