"""The loop of a training run: averaged weights, curves, checkpoints, exact resume."""

from __future__ import annotations

import json
import logging
import math
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from diffproxy.utils.begun_options import go_on_with, keep_finished
from diffproxy.utils.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from diffproxy.utils.ema import EMA
from diffproxy.utils.io import make_folder
from diffproxy.utils.one_writer import OneWriter

log = logging.getLogger(__name__)
FREE = ("out", "time_limit_min", "save_every")
"""Options that may differ between a run and its continuation."""


@runtime_checkable
class RunOptions(Protocol):
    """Options that every run has."""

    @property
    def out(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def ema(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def save_every(self) -> int: ...
    @property
    def time_limit_min(self) -> float: ...


class TrainingRun(ABC):
    """A network with its optimiser and averaged weights.

    Args:
        network: Its parameters that have gradients are trained.
        options: Of the run.
    """

    def __init__(self, network: nn.Module, options: RunOptions):
        self.network, self.run_options, self.step = network, options, 0
        trained = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=options.lr, weight_decay=0.01)
        self.ema = EMA(network, options.ema)

    @abstractmethod
    def losses(self, step: int) -> dict[str, Tensor]:
        """The terms of a step with their sum, `total`; all random numbers follow from the seed and `step`."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Errors of the averaged weights on data that is not trained on."""

    def update(self, step: int) -> dict[str, float]:
        """One step; a resumed run repeats it."""
        o = self.run_options
        share = min(1.0, (step + 1) / max(o.warmup_steps, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = o.lr * share * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / o.steps)))
        losses = self.losses(step)
        self.optimizer.zero_grad()
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update(self.network)
        self.step = step + 1
        return {k: float(v.detach()) for k, v in losses.items()}


def run_training(run: TrainingRun) -> Path:
    """Train, or resume from the last checkpoint of the folder; returns that folder.

    Raises:
        InputError: a checkpoint of other options, or another process that trains in this folder.
    """
    options = run.run_options
    out = make_folder(Path(options.out).expanduser())
    writer = OneWriter(out)
    checkpoint = latest_checkpoint(out)
    keep_finished(sorted(out.glob("*.safetensors")), checkpoint is not None)
    fixed = {k: v for k, v in vars(options).items() if k not in FREE}
    go_on_with(out / "options.json", fixed, checkpoint is not None)
    if checkpoint is not None:
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
    writer.release()
    return out


def step_seed(seed: int, step: int) -> int:
    """Of the random numbers of one step."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)
