"""The run: which shards are missing, worker processes, progress."""

from __future__ import annotations

import json
import multiprocessing as mp
import os
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

from diffproxy.data.shards import ShardWriter
from diffproxy.errors import InputError
from render_synth.config import RenderConfig

_state: dict = {}  # what a worker process loads once; empty in the parent


def shard_name(config: RenderConfig, number: int) -> str:
    """Named by what is inside, so that runs over other ranges of k may share the folder."""
    first = config.start + number * config.per_shard
    last = min(first + config.per_shard, config.start + config.subjects) - 1
    return f"s{config.seed}-{first:07d}-{last:07d}.tar"


def shard_range(config: RenderConfig, number: int) -> range:
    first = number * config.per_shard
    return range(config.start + first, config.start + min(first + config.per_shard, config.subjects))


def missing_shards(config: RenderConfig) -> list[int]:
    """Numbers of the shards still to render; removes what a killed run left behind."""
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    total = -(-config.subjects // config.per_shard)
    names = {shard_name(config, i): i for i in range(total)}
    for left in out.glob("*.tmp"):
        if left.name.split(".")[0] + ".tar" in names:
            left.unlink()
    return [i for name, i in names.items() if not (out / name).exists()]


def check_options(config: RenderConfig) -> None:
    """One folder, one set of options per seed: otherwise a resumed run would mix two kinds of data."""
    path = Path(config.out) / f"options-s{config.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    now = config.content()
    if path.exists():
        before = json.loads(path.read_text())
        changed = sorted(k for k in now if before.get(k) != now[k])
        if changed:
            found = ", ".join(f"{k}={now[k]} (was {before.get(k)})" for k in changed)
            raise InputError(
                f"the options with which {path.parent} was begun", found, "use another out= or another seed="
            )
        return
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(now, indent=1, sort_keys=True))
    temporary.replace(path)


def load_tools(config: RenderConfig):
    """Everything a worker needs, with Mitsuba started."""
    import torch

    from diffproxy.body import load_body
    from render_synth import mitsuba_backend as backend
    from render_synth.anatomy import build_anatomy
    from render_synth.sample import Tools

    torch.set_num_threads(1)
    backend.start(config.variant)
    body = load_body(config.body)
    files = (
        sorted(str(p) for p in Path(config.env).iterdir() if p.suffix in (".hdr", ".exr"))
        if config.env
        else []
    )
    return Tools(config, body, build_anatomy(body), pose_bank(), tuple(files))


def pose_bank():
    """The packaged pose bank, or None where it is not installed."""
    try:
        from diffproxy.data.poses import load_pose_bank
    except ImportError:
        return None
    return load_pose_bank()


def render_shard(tools, number: int, tick=None) -> int:
    """Render one shard; returns the number of views."""
    from render_synth.sample import render_sample

    config, views = tools.config, 0
    with ShardWriter(Path(config.out) / shard_name(config, number)) as writer:
        for k in shard_range(config, number):
            pictures, params, meta = render_sample(tools, k)
            writer.add(f"s{config.seed}-{k:07d}", pictures, params, meta)
            views += len(pictures)
            if tick is not None:
                tick(len(pictures))
    return views


def _start_worker(config: RenderConfig, counter) -> None:
    _state["tools"] = load_tools(config)
    _state["counter"] = counter


def _work(number: int) -> int:
    def tick(views: int) -> None:
        with _state["counter"].get_lock():
            _state["counter"].value += views

    return render_shard(_state["tools"], number, tick)


def run(config: RenderConfig) -> int:
    """Render all missing shards; returns the number of views rendered now. Interrupt and start again at will."""
    from dataclasses import replace

    from tqdm import tqdm

    from render_synth.mitsuba_backend import best_variant

    if config.variant == "auto":
        config = replace(config, variant=best_variant())
    check_options(config)
    todo = missing_shards(config)
    per_subject = config.views + config.full + config.hand_crops
    total = sum(len(shard_range(config, i)) for i in todo) * per_subject
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited by the workers
    context = mp.get_context("spawn")
    counter = context.Value("q", 0)
    with tqdm(total=total, unit="view", desc=f"{config.out} ({config.variant})", smoothing=0.05) as bar:
        if not todo:
            return 0
        pool = ProcessPoolExecutor(min(config.workers, len(todo)), context, _start_worker, (config, counter))
        try:
            waiting = {pool.submit(_work, i) for i in todo}
            while waiting:
                done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                bar.update(counter.value - bar.n)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()
    return counter.value
