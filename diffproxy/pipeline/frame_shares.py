"""The frames of a take divided among processes: contiguous parts, cut only where tracking starts anew."""

from __future__ import annotations

import logging
import multiprocessing
import re
import time
from collections.abc import Callable, Collection, Sequence
from itertools import groupby, pairwise
from typing import Any

from tqdm import tqdm

from diffproxy.utils.errors import InputError
from diffproxy.utils.worker_signals import signals_wait

log = logging.getLogger(__name__)

POLL = 1.0  # seconds


def segments(ids: Sequence[int], segment: int) -> list[list[int]]:
    """Frames that depend on one another: those between two multiples of `segment`; each for itself where it is 0."""
    return [list(group) for _, group in groupby(ids, key=lambda i: i // segment if segment else i)]


def frame_shares(
    ids: Sequence[int], count: int, segment: int, finished: Collection[int] = ()
) -> list[list[int]]:
    """Frames of each of `count` processes, as equal as whole segments allow; empty shares are left out.

    Args:
        ids: Frames in rising order.
        count: Number of processes.
        segment: See `segments`.
        finished: Frames that an earlier run has computed. Segments of nothing else are left out.
    """
    open_ones = [s for s in segments(ids, segment) if not set(s) <= set(finished)]
    bounds = [round(k * len(open_ones) / count) for k in range(count + 1)]
    parts = [[i for part in open_ones[a:b] for i in part] for a, b in pairwise(bounds)]
    return [part for part in parts if part]


def share_of(text: str) -> tuple[int, int]:
    """(K, N) of share=K/N; InputError for anything else."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    k, n = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= k <= n:
        raise InputError("share as K/N with K from 1 to N", f"share={text}", "write share=1/4 to share=4/4")
    return k, n


def run_processes(
    work: Callable[..., None], shares: Sequence[Sequence[int]], done: Callable[[int], bool], *arguments: Any
) -> None:
    """Run `work(share, *arguments)` in one process for each share, and show how many frames are done.

    Returns when all processes have ended, whatever became of them; ends them when it is interrupted itself.
    """
    context = multiprocessing.get_context("spawn")  # a forked process cannot use torch's threads or a GPU
    processes = [context.Process(target=work, args=(list(share), *arguments)) for share in shares]
    waiting = {i for share in shares for i in share if not done(i)}
    try:
        with signals_wait():
            for process in processes:
                process.start()
        with tqdm(total=len(waiting), desc=f"frames in {len(processes)} processes", unit="frame") as bar:
            while any(p.is_alive() for p in processes):
                time.sleep(POLL)
                arrived = {i for i in waiting if done(i)}
                waiting -= arrived
                if arrived:
                    bar.update(len(arrived))
            bar.update(sum(done(i) for i in waiting))
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
        for process in processes:
            if process.pid is not None:
                process.join()
    if early := sum(process.exitcode != 0 for process in processes):
        log.warning("%d of %d processes ended early; this one goes on", early, len(processes))
