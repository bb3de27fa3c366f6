"""Set-up of a training run: model, parameters, optimiser, weight average and data."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, GradientAccumulationPlugin
from torch.utils.data import DataLoader

from diffproxy.body import BodyModel, load_body
from diffproxy.datasets.shards import shard_paths
from diffproxy.generator import ProxyGenerator
from diffproxy.training.config import TrainConfig
from diffproxy.training.dataset import ProxySamples, SampleConfig
from diffproxy.training.parameters import select_parameters
from diffproxy.training.sanity_check import sanity_check
from diffproxy.training.start_generator import saved_folder, start_generator
from diffproxy.training.step import TrainingObjective
from diffproxy.training.step_sampler import StepSampler
from diffproxy.utils.begun_options import go_on_with, keep_finished
from diffproxy.utils.checkpoint import latest_checkpoint, load_checkpoint
from diffproxy.utils.digests import fingerprint, path_digest
from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import make_folder
from diffproxy.utils.worker_signals import worker_signals

log = logging.getLogger(__name__)

FREE = (
    "out", "steps", "epochs", "val_shards", "download", "workers", "log_every", "val_every", "save_every",
    "val_samples", "val_fit", "tensorboard", "time_limit_min", "gradient_checkpointing",
)  # fmt: skip
"""Options that may differ between a run and its continuation."""


@dataclass
class Run:
    """A training before step `start` + 1. `objective` is wrapped for devices, `bare` is the same unwrapped."""

    config: TrainConfig
    accelerator: Accelerator
    body: BodyModel
    objective: Any
    bare: TrainingObjective
    optimizer: Any
    ema: EMA
    start: int
    sampler: StepSampler
    loader: DataLoader
    val: ProxySamples | None

    @property
    def out(self) -> Path:
        return Path(self.config.out)

    @property
    def is_main(self) -> bool:
        return self.accelerator.is_main_process


def fixed_options(config: TrainConfig) -> dict[str, Any]:
    """What has to be the same in a run and its continuation: options, and the files that they name, as plain JSON."""
    options = {k: v for k, v in asdict(config).items() if k not in FREE}
    files = {p.name: p.stat().st_size for p in shard_paths(config.shards)}
    named = {"generator": str(saved_folder(config.generator)), "body": config.body}
    digests = {f"files of {name}": path_digest(path) for name, path in named.items()}
    return json.loads(json.dumps({**options, **digests, "files of shards": fingerprint(files)}))


def set_up(config: TrainConfig) -> Run:
    """Build everything and continue from the newest checkpoint in `config.out`, if there is one.

    InputError for wrong inputs, such as held-out subjects that are also trained on.
    """
    out = make_folder(Path(config.out))
    accelerator = _accelerator(config)
    checkpoint = latest_checkpoint(out)
    keep_finished([out / "model"], checkpoint is not None)
    if accelerator.is_main_process:
        go_on_with(out / "options.json", fixed_options(config), checkpoint is not None)
    torch.manual_seed(config.seed)
    body = load_body(config.body)
    objective, groups = _objective(config, body)
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    wrapped, optimizer = accelerator.prepare(objective, optimizer)
    bare: TrainingObjective = accelerator.unwrap_model(wrapped)
    ema = EMA(bare.generator, config.ema)
    start = 0
    if checkpoint is not None:
        start = load_checkpoint(checkpoint, bare.generator, optimizer, ema)
        log.info("resumed at step %d from %s", start, checkpoint)
    data, val = _samples(config, body, bare.generator)
    if accelerator.is_main_process:
        sanity_check(data, val, body)
    share, world = config.batch * config.accumulate, accelerator.num_processes
    if config.epochs:
        config = replace(config, steps=math.ceil(config.epochs * len(data.index) / (share * world)))
    _check_steps(config, start)
    sampler = StepSampler(start, config.steps, share, accelerator.process_index, world)
    loader = _loader(config, data, sampler)
    return Run(config, accelerator, body, wrapped, bare, optimizer, ema, start, sampler, loader, val)


def _accelerator(config: TrainConfig) -> Accelerator:
    return Accelerator(
        mixed_precision=config.precision,
        cpu=not torch.cuda.is_available(),
        # A stage trains some parameters only, and the batch may determine which of them get gradients.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        # A plugin, since the environment would override the plain argument.
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=config.accumulate),
    )


def _objective(config: TrainConfig, body: BodyModel) -> tuple[TrainingObjective, list[dict[str, Any]]]:
    """The generator with its losses, and its trained parameters in groups for the optimiser."""
    generator = start_generator(config)
    generator.adapter.set_palette(body.atlas.palette)
    objective = TrainingObjective(generator, body.atlas, config)
    groups = select_parameters(generator, config)
    if config.gradient_checkpointing:
        generator.unet.enable_gradient_checkpointing()
    if config.channels_last:
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    return objective, groups


def _samples(
    config: TrainConfig, body: BodyModel, generator: ProxyGenerator
) -> tuple[ProxySamples, ProxySamples | None]:
    """Training samples, and held-out ones, which are not augmented."""
    samples = SampleConfig(
        generator.config.image_size,
        generator.config.proxy_size,
        views=config.views,
        hands=config.hands,
        hand_cameras=config.hand_cameras,
        seed=config.seed,
    )
    data = ProxySamples(config.shards, body, samples, config.augment)
    val = ProxySamples(config.val_shards, body, samples, None) if config.val_shards else None
    return data, val


def _check_steps(config: TrainConfig, start: int) -> None:
    """InputError where more steps are trained than asked for; a warning where the warm-up never ends."""
    if start > config.steps:
        found = f"steps={config.steps}, with {start} that are trained already in {config.out}"
        raise InputError(
            "steps beyond those of the run", found, f"write steps={start} or more, or another out=DIR"
        )
    if start < config.steps <= config.warmup_steps:
        said = "warmup_steps=%d: the learning rate stays below lr=%g in all %d steps"
        log.warning(said, config.warmup_steps, config.lr, config.steps)


def _loader(config: TrainConfig, data: ProxySamples, sampler: StepSampler) -> DataLoader:
    return DataLoader(
        data,
        config.batch,
        sampler=sampler,
        num_workers=config.workers,
        drop_last=True,
        prefetch_factor=6 if config.workers else None,
        multiprocessing_context="fork" if config.workers else None,
        worker_init_fn=worker_signals,
    )
