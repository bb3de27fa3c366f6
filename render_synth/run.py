"""Run: worker processes that render the missing shards, and progress."""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.utils.errors import InputError
from diffproxy.utils.worker_signals import finishing, signals_wait, worker_signals
from render_synth.config import RenderConfig
from render_synth.work_plan import check_options, environment_files, missing_shards, shard_name

_state: dict[str, Any] = {}  # what a worker process loads once; empty in the parent


def load_tools(config: RenderConfig):
    """Start Mitsuba and load everything that `render_sample` needs.

    Args:
        config: The options; `config.variant` must not be "auto" (see `mitsuba_variant.best_variant`).

    Returns:
        `subject.Tools`: body, dressers, wardrobe, pose source, environment lights and versions.

    Raises:
        InputError: A body, asset, motion or environment cannot be read.
    """
    import torch

    from diffproxy.body import load_body
    from render_synth.humans.dress import build_dresser
    from render_synth.humans.makehuman.wardrobe import read_wardrobe
    from render_synth.humans.poses.pose_source import load_pose_source
    from render_synth.rendering.mitsuba_variant import start
    from render_synth.subject import Tools

    torch.set_num_threads(1)
    start(config.variant)
    body = load_body(config.body)
    dresser = build_dresser(body, cloth=config.cloth)
    wardrobe = read_wardrobe(config.assets, dresser.anatomy) if config.assets else None
    return Tools(
        config,
        body,
        dresser,
        build_dresser(body, 0.03),
        wardrobe,
        load_pose_source(config.motion, config.action_pose_fraction, config.random_orientation_fraction),
        environment_files(config),
        versions(),
    )


def versions() -> dict[str, str]:
    """Versions that, with the options, determine the bytes of a sample."""
    from importlib.metadata import version

    from diffproxy import __version__

    return {"diffproxy": __version__} | {name: version(name) for name in ("mitsuba", "numpy", "torch")}


def render_shard(tools, samples: range, tick: Callable[[int], None] | None = None) -> Path:
    """Render one shard, calling `tick` with the number of views after each sample; returns the finished file."""
    from render_synth.sample import render_sample

    config = tools.config
    with ShardWriter(Path(config.out) / shard_name(config.seed, samples)) as writer:
        for k in samples:
            images, params, meta = render_sample(tools, k)
            writer.add(f"s{config.seed}-{k:07d}", images, params, meta)
            if tick is not None:
                tick(len(images))
    return writer.path


class Stopped(Exception):
    """The run ends before this worker's shard is done."""


def _start_worker(config: RenderConfig, counter, stop) -> None:
    worker_signals()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _state.update(counter=counter, stop=stop)
    try:
        _state["tools"] = load_tools(config)
    except InputError as error:
        _state["error"] = error


def _leave_with_parent() -> None:
    """End this process when its parent is killed: workers of a pool would wait forever."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(samples: range) -> None:
    """Render one shard; raises the error of this worker's start, if there was one."""

    def tick(views: int) -> None:
        with _state["counter"].get_lock():
            _state["counter"].value += views
        if _state["stop"].is_set():
            raise Stopped

    if "error" in _state:
        raise _state["error"]
    if not _state["stop"].is_set():
        with finishing():
            render_shard(_state["tools"], samples, tick)


@contextmanager
def one_thread_each():
    """Workers started inside inherit OMP_NUM_THREADS=1."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def run(config: RenderConfig) -> int:
    """Render all shards of a run that are still missing.

    Args:
        config: The options; `config.out` is made if needed. A killed run resumes with the same options.

    Returns:
        The number of views rendered now.

    Raises:
        InputError: The folder was begun with other options, a file of the user cannot be read, or a worker died.
    """
    from tqdm import tqdm

    from render_synth.rendering.mitsuba_variant import best_variant

    if config.variant == "auto":
        config = replace(config, variant=best_variant())
    check_options(config)
    todo = missing_shards(config)
    each = config.views * config.body_crops + config.full_frames + config.hand_crops
    total = sum(len(samples) for samples in todo) * each
    with tqdm(total=total, unit="view", desc=f"{config.out} ({config.variant})", smoothing=0.05) as bar:
        return _render_all(config, todo, bar) if todo else 0


_opened_by_name: list[Any] = []
"""Semaphores of runs of this process. A worker that is still starting opens them by name; they must not be freed when
an interrupted run returns before that."""


def _render_all(config: RenderConfig, todo: list[range], bar) -> int:
    context = mp.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    _opened_by_name.extend((counter, stop))
    pool = ProcessPoolExecutor(
        min(config.workers, len(todo)), context, _start_worker, (config, counter, stop)
    )
    try:
        with one_thread_each(), signals_wait():
            waiting = {pool.submit(_work, samples) for samples in todo}
        while waiting:
            done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            bar.update(counter.value - bar.n)
    except (BrokenProcessPool, SystemExit) as error:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        fix = "run the same command again, with fewer workers if memory ran out (each takes about 1 GB)"
        raise InputError("workers that live to the end of the run", "one that was killed", fix) from error
    except BaseException:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return counter.value
