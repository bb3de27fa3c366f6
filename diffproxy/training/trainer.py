"""The training loop: seeded data and noise, EMA, checkpoints; a resumed run repeats the uninterrupted one."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from diffproxy.generator import save_generator
from diffproxy.training.config import TrainConfig
from diffproxy.training.parameters import learning_rate_factor
from diffproxy.training.report import Reporter
from diffproxy.training.setup import Run, set_up
from diffproxy.utils.checkpoint import require_finite_weights, save_checkpoint
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import make_folder, write_atomic
from diffproxy.utils.one_writer import OneWriter
from diffproxy.utils.processes import Processes
from diffproxy.utils.worker_signals import signals_wait

log = logging.getLogger(__name__)


def noise_seed(seed: int, sample: int) -> int:
    """Seed of the noise of one sample, by its number in the run: no matter which process trains on it, and when."""
    return int(np.random.SeedSequence([seed, sample]).generate_state(1, np.uint64)[0] >> 1)


def train(config: TrainConfig) -> Path:
    """Run (or resume) a training; returns the folder of the exported generator. InputError where another process trains
    in the same folder."""
    if not Processes.current().is_main:
        return _train(config)
    writer = OneWriter(make_folder(Path(config.out)))
    try:
        return _train(config)
    finally:
        writer.release()


def _train(config: TrainConfig) -> Path:
    run = set_up(config)
    config = run.config
    report = (
        Reporter(run.out, run.start, config.steps, config.log_every, config.tensorboard)
        if run.is_main
        else None
    )
    due = run.start > 0 and (run.start % config.val_every == 0 or run.start == config.steps)
    if report is not None and run.val is not None and due and run.start not in report.validated:
        report.scores(run.start, *held_out_scores(run, run.start))  # killed between checkpoint and validation
    began = time.monotonic()
    try:
        with signals_wait():
            batches = iter(run.loader)
        for step in range(run.start + 1, config.steps + 1):
            losses, norm = train_step(run, step, list(islice(batches, config.accumulate)))
            timed_out = bool(config.time_limit_min) and _any_process(
                run, time.monotonic() - began > 60 * config.time_limit_min
            )
            last = step == config.steps or timed_out
            if report is not None:
                report.losses(step, losses, norm)
                validate = run.val is not None and (step % config.val_every == 0 or last)
                if step % config.save_every == 0 or validate or last:
                    save_checkpoint(run.out, step, run.bare.generator, run.optimizer, run.ema)
                if validate:  # after the checkpoint, so that nothing it meets costs the training
                    report.scores(step, *held_out_scores(run, step))
            if last:
                break
    finally:
        if report is not None:
            report.close()
    exported = run.out / "model"
    if report is not None:
        with run.ema.applied(run.bare.generator):
            require_finite_weights(run.bare.generator, "averaged weights")
            save_generator(run.bare.generator, run.body.atlas.palette, exported, half=True)
        write_atomic(run.out / "train_config.json", json.dumps(asdict(config), indent=1).encode())
        log.info("exported to %s; use it with: python fit.py generator=%s", exported, exported)
    run.accelerator.wait_for_everyone()  # nobody returns before the export is there
    return exported


def train_step(
    run: Run, step: int, batches: Sequence[dict[str, torch.Tensor]]
) -> tuple[dict[str, torch.Tensor], float]:
    """One update of weights and average by the mean gradient of `batches` on all processes.

    Args:
        run: The run; its weights, optimiser and average change.
        step: Number of the step, from 1.
        batches: This process's `config.accumulate` batches of the step.

    Returns:
        The losses, means over this process's batches, and the norm of the gradient before clipping.
    """
    config, accelerator = run.config, run.accelerator
    for group in run.optimizer.param_groups:
        group["lr"] = group["base_lr"] * learning_rate_factor(step - 1, config)
    sums: dict[str, torch.Tensor] = {}
    norm = torch.zeros(())
    first = run.sampler.first(step)
    for m, batch in enumerate(batches):
        numbers = range(first + m * config.batch, first + (m + 1) * config.batch)
        rngs = [torch.Generator().manual_seed(noise_seed(config.seed, i)) for i in numbers]
        with accelerator.accumulate(run.objective):  # gradients are averaged, and shared with the last batch
            with accelerator.autocast():
                losses = run.objective({k: v.to(accelerator.device) for k, v in batch.items()}, rngs)
            if not torch.isfinite(losses["total"]):
                raise InputError(
                    "a finite loss",
                    f"{losses['total'].item()} at step {step}",
                    "lower lr, or check the shards with `python -m render_synth inspect`",
                )
            accelerator.backward(losses["total"])
            if accelerator.sync_gradients:
                norm = accelerator.clip_grad_norm_(run.objective.parameters(), config.clip_norm)
            run.optimizer.step()
            run.optimizer.zero_grad(set_to_none=True)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0) + value.detach() / len(batches)
    run.ema.update(run.bare.generator)
    return sums, float(norm)


def _any_process(run: Run, here: bool) -> bool:
    """Whether it holds on any process; the same answer everywhere, since all leave the loop together or hang."""
    flag = torch.tensor(float(here), device=run.accelerator.device)
    return bool(run.accelerator.reduce(flag, "sum") > 0)


def held_out_scores(run: Run, step: int) -> tuple[dict[str, float], np.ndarray]:
    """Scores of the averaged weights on held-out subjects, and the image that is written to `out/samples`."""
    from diffproxy.training.validate import validate

    if run.val is None:
        raise ValueError("no held-out shards")
    with run.ema.applied(run.bare.generator):
        scores, image = validate(run.bare, run.val, run.body, run.config)
    path = run.out / "samples" / f"{step:07d}.png"
    write_atomic(path, cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    return scores, image
