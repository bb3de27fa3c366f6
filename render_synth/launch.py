"""Split a run into jobs on Slurm or this machine (submitit), or on a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, one_of, option, parse_options, refuse_unread
from render_synth.config import RenderConfig

LAUNCHERS = ("slurm", "ray", "local")
MEMORY_GB = 2  # per worker: what it takes at most, rounded up


@dataclass(frozen=True)
class LaunchOptions:
    """How to start the jobs; given together with the options of the run."""

    launch: str = option(
        "", "split the run into jobs on Slurm, a Ray cluster or this machine", "slurm|ray|local", "Jobs"
    )
    jobs: int = option(2, "number of jobs", section="Jobs")
    partition: str = option("", "Slurm partition (empty: the default one)", "NAME", "Jobs")
    minutes: int = option(24 * 60, "Slurm's time limit of one job, minutes", section="Jobs")

    def __post_init__(self) -> None:
        one_of("launch", self.launch, LAUNCHERS)
        at_least("jobs", self.jobs, 1)
        at_least("minutes", self.minutes, 1)
        if self.launch != "slurm":
            refuse_unread(self, ("partition",), "launch=slurm")
        if self.launch == "ray":
            refuse_unread(self, ("minutes",), "launch=slurm")

    @staticmethod
    def take(words: list[str]) -> tuple[LaunchOptions | None, list[str]]:
        """Split a command line into launch options (None if there are none) and all other words."""
        names = {f.name for f in fields(LaunchOptions)}
        mine = [word for word in words if "=" in word and word.partition("=")[0] in names]
        options = parse_options(LaunchOptions, mine) if mine else None
        return options, [word for word in words if word not in mine]


def split(config: RenderConfig, jobs: int) -> list[RenderConfig]:
    """At most `jobs` runs over ranges of their own, whole shards each, that together are `config`'s."""
    shards = -(-config.subjects // config.per_shard)
    jobs = min(jobs, shards)
    edges = [
        config.start + min(shards * i // jobs * config.per_shard, config.subjects) for i in range(jobs + 1)
    ]
    return [replace(config, start=a, subjects=b - a) for a, b in pairwise(edges)]


def job(config: RenderConfig) -> int:
    """Entry point of a job: render a part, return the number of views."""
    from render_synth.run import run

    return run(config)


def launch(config: RenderConfig, how: LaunchOptions) -> int:
    """Start all jobs of a run and wait for them; call again to resume.

    Args:
        config: The options of the whole run.
        how: Launcher, number of jobs, and Slurm's partition and time limit.

    Returns:
        The number of views rendered now by all jobs.

    Raises:
        InputError: The launcher's package is missing, or a job's options are wrong.
    """
    parts = split(config, how.jobs)
    return sum((_with_ray if how.launch == "ray" else _with_submitit)(parts, config, how))


def _with_submitit(parts: list[RenderConfig], config: RenderConfig, how: LaunchOptions) -> list[int]:
    submitit = _needed("submitit", "slurm")
    cluster = "slurm" if how.launch == "slurm" else "local"
    executor = submitit.AutoExecutor(folder=f"{config.out}/jobs", cluster=cluster)
    executor.update_parameters(
        name="render_synth",
        timeout_min=how.minutes,
        cpus_per_task=config.workers,
        mem_gb=MEMORY_GB * config.workers,
    )
    if how.partition and cluster == "slurm":
        executor.update_parameters(slurm_partition=how.partition)
    with executor.batch():
        started = [executor.submit(job, part) for part in parts]
    return [one.result() for one in started]


def _with_ray(parts: list[RenderConfig], config: RenderConfig, how: LaunchOptions) -> list[int]:
    ray = _needed("ray", "ray")
    if not ray.is_initialized():
        ray.init(log_to_driver=False)  # RAY_ADDRESS names a cluster; without it, this machine
    memory = MEMORY_GB * config.workers * 2**30
    remote = ray.remote(num_cpus=config.workers, memory=memory)(job)
    return ray.get([remote.remote(part) for part in parts])


def _needed(package: str, extra: str) -> Any:
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError as error:
        raise InputError(f"the package {package}", "none", f'pip install "diffproxy[{extra}]"') from error
