"""Training of the body regressor: people drawn afresh in every step, averaged weights, exact resume."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from diffproxy.body import load_body
from diffproxy.single_view.regressor import BodyRegressor, RegressorConfig
from diffproxy.single_view.regressor_weights import PACKAGED, save_regressor
from diffproxy.single_view.training.data import PeopleSampler
from diffproxy.single_view.training.detections import detect
from diffproxy.single_view.training.losses import GOOD, LossWeights, errors, regression_losses
from diffproxy.single_view.training.options import RegressorTrainOptions
from diffproxy.utils.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import make_folder, to_json, write_atomic

log = logging.getLogger(__name__)
VALIDATED = 2048
"""People of the validation, drawn with a seed of their own; always the same ones."""
VALIDATION_SEED = 2**31 - 1
FREE = ("out", "time_limit_min", "save_every")
"""Options that may differ between a run and its continuation."""


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
    out = make_folder(Path(options.out).expanduser())
    _check_options(out, options)
    run = Training(options, config)
    if (checkpoint := latest_checkpoint(out)) is not None:
        run.step = load_checkpoint(checkpoint, run.network, run.optimizer, run.ema)
        log.info("going on after step %d", run.step)
    began, losses = time.monotonic(), []
    for step in tqdm(range(run.step, options.steps), initial=run.step, total=options.steps, desc="train"):
        losses.append(run.update(step))
        late = options.time_limit_min and time.monotonic() - began > 60 * options.time_limit_min
        if run.step % options.save_every == 0 or run.step == options.steps or late:
            save_checkpoint(out, run.step, run.network, run.optimizer, run.ema)
            means = {k: round(float(np.mean([row[k] for row in losses])), 5) for k in losses[0]}
            with (out / "curves.jsonl").open("a") as file:
                file.write(json.dumps({"step": run.step, **means, "held_out": run.validate()}) + "\n")
            losses = []
        if late:
            break
    path = out / PACKAGED.name
    with run.ema.applied(run.network):
        save_regressor(run.network, path, {"steps": run.step, "training": {**asdict(options), "out": ""}})
    return path


class Training:
    """A network with its optimiser, averaged weights and people."""

    def __init__(self, options: RegressorTrainOptions, config: RegressorConfig | None = None):
        self.options, self.step = options, 0
        torch.manual_seed(options.seed)
        self.network = BodyRegressor(config)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=options.lr, weight_decay=0.01)
        self.ema, self.weights = EMA(self.network, options.ema), LossWeights()
        self.people = PeopleSampler(load_body(options.body))

    def update(self, step: int) -> dict[str, float]:
        """One step; all random numbers follow from the seed and `step`, so a resumed run repeats it."""
        o = self.options
        random = torch.Generator().manual_seed(_seed(o.seed, step))
        people = self.people.draw(o.batch, random)
        keypoints, is_person = detect(people, random)
        share = min(1.0, (step + 1) / max(o.warmup_steps, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = o.lr * share * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / o.steps)))
        body = self.network(keypoints, people.camera)
        losses = regression_losses(body, people, is_person, self.people.skeleton, self.weights)
        self.optimizer.zero_grad()
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update(self.network)
        self.step = step + 1
        return {k: float(v.detach()) for k, v in losses.items()}

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


def _seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)


def _check_options(out: Path, options: RegressorTrainOptions) -> None:
    """InputError where a run with other options was begun in this folder; else they are written there."""
    fixed: dict[str, Any] = {k: v for k, v in asdict(options).items() if k not in FREE}
    file = out / "options.json"
    if file.exists() and json.loads(file.read_text()) != fixed:
        raise InputError("the options of the run begun here", str(file), "choose another out=DIR")
    write_atomic(file, to_json(fixed))
