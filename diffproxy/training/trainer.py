"""The training loop: accelerate for devices and precision, stateless data order, EMA, exact resume."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, Sampler
from tqdm import tqdm

from diffproxy.body import load_body
from diffproxy.errors import InputError
from diffproxy.generator import (
    ProxyGenerator,
    initial_generator,
    load_saved_generator,
    preset,
    save_generator,
)
from diffproxy.generator.presets import PRESETS
from diffproxy.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from diffproxy.training.config import TrainConfig
from diffproxy.training.dataset import ProxySamples, SampleConfig
from diffproxy.training.ema import EMA
from diffproxy.training.parameters import learning_rate_factor, select_parameters
from diffproxy.training.step import TrainingObjective

log = logging.getLogger(__name__)


class StepSampler(Sampler[int]):
    """Sample numbers of steps `start ... steps`: this process' share of each global batch, no shuffling state."""

    def __init__(self, start: int, steps: int, batch: int, rank: int, world: int):
        self.start, self.steps, self.batch, self.rank, self.world = start, steps, batch, rank, world

    def __iter__(self) -> Iterator[int]:
        for step in range(self.start, self.steps):
            first = (step * self.world + self.rank) * self.batch
            yield from range(first, first + self.batch)

    def __len__(self) -> int:
        return (self.steps - self.start) * self.batch


def noise_seed(seed: int, step: int, rank: int) -> int:
    """Seed of one step's noise: resuming at a step draws what the uninterrupted run drew."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1)


def start_generator(source: str) -> ProxyGenerator:
    """A fresh generator by preset name, its frozen public parts loaded, or a saved one by path.

    Raises InputError where public weights are missing (docs/generator.md says how to get them).
    """
    return initial_generator(preset(source)) if source in PRESETS else load_saved_generator(Path(source))[0]


def train(config: TrainConfig) -> Path:
    """Run (or resume) a training; returns the folder of the exported generator."""
    out = Path(config.out)
    accelerator = Accelerator(mixed_precision=config.precision, cpu=not torch.cuda.is_available())
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    generator = start_generator(config.generator)
    objective = TrainingObjective(generator, body.atlas.palette, config)
    groups = select_parameters(generator, config)
    if config.channels_last:
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    objective, optimizer = accelerator.prepare(objective, optimizer)
    bare: TrainingObjective = accelerator.unwrap_model(objective)
    ema = EMA(bare.generator, config.ema)
    start = 0
    if (checkpoint := latest_checkpoint(out)) is not None:
        start = load_checkpoint(checkpoint, bare.generator, optimizer, ema)
        log.info("resumed at step %d from %s", start, checkpoint)

    size = bare.generator.config.image_size, bare.generator.config.proxy_size
    samples = SampleConfig(*size, views=config.views, hands=config.hands, seed=config.seed)
    data = ProxySamples(config.shards, body, samples, config.augment)
    sampler = StepSampler(
        start, config.steps, config.batch, accelerator.process_index, accelerator.num_processes
    )
    loader = DataLoader(
        data,
        config.batch,
        sampler=sampler,
        num_workers=config.workers,
        drop_last=True,
        prefetch_factor=6 if config.workers else None,
        multiprocessing_context="fork" if config.workers else None,
    )
    if config.val_shards:
        from diffproxy.training.validate import validate
    val = ProxySamples(config.val_shards, body, samples, None) if config.val_shards else None

    out.mkdir(parents=True, exist_ok=True)
    curves = out / "curves.jsonl"
    began, mark = time.monotonic(), time.monotonic()
    running: dict[str, float] = {}
    bar = tqdm(
        total=config.steps, initial=start, desc="train", unit="step", disable=not accelerator.is_main_process
    )
    step = start
    for step, batch in enumerate(loader, start=start + 1):
        batch = {k: v.to(accelerator.device) for k, v in batch.items()}
        rng = torch.Generator().manual_seed(noise_seed(config.seed, step, accelerator.process_index))
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * learning_rate_factor(step - 1, config)
        with accelerator.autocast():
            losses = objective(batch, rng)
        if not torch.isfinite(losses["total"]):
            raise InputError(
                "a finite loss",
                f"{losses['total'].item()} at step {step}",
                "lower lr, or check the shards with `python -m render_synth inspect`",
            )
        accelerator.backward(losses["total"])
        norm = accelerator.clip_grad_norm_(objective.parameters(), config.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(bare.generator)
        for k, v in losses.items():
            running[k] = running.get(k, 0.0) + v.item()
        bar.update()
        if step % config.log_every == 0 and accelerator.is_main_process:
            seconds = (time.monotonic() - mark) / config.log_every
            row = {k: round(v / config.log_every, 5) for k, v in running.items()}
            row |= {"step": step, "s_per_step": round(seconds, 4), "grad_norm": round(float(norm), 3)}
            with curves.open("a") as f:
                f.write(json.dumps(row) + "\n")
            bar.set_postfix({k: row[k] for k in running})
            mark, running = time.monotonic(), {}
        timed_out = bool(config.time_limit_min) and time.monotonic() - began > 60 * config.time_limit_min
        last = step == config.steps or timed_out
        if accelerator.is_main_process:
            if val is not None and (step % config.val_every == 0 or last):
                with ema.applied(bare.generator), accelerator.autocast():
                    scores = validate(
                        bare, val, body, config.val_samples, out / "samples" / f"{step:07d}.png"
                    )
                with curves.open("a") as f:
                    f.write(json.dumps({"step": step, "val": scores}) + "\n")
                log.info("step %d: %s", step, scores)
                mark = time.monotonic()
            if step % config.save_every == 0 or last:
                save_checkpoint(out, step, bare.generator, optimizer, ema)
        if last:
            break
    bar.close()
    exported = out / "model"
    if accelerator.is_main_process:
        with ema.applied(bare.generator):
            save_generator(bare.generator, body.atlas.palette, exported, half=True)
        (out / "train_config.json").write_text(json.dumps(asdict(config), indent=1))
    return exported
