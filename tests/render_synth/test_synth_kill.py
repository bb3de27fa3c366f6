"""Killed twenty times at random moments, resumed each time: the shards are those of an uninterrupted run."""

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from diffproxy.datasets.shards import ShardIndex
from render_synth.run import render_shard
from render_synth.work_plan import missing_shards

KILLS = 20


def shards(folder):
    return {p.name: p.read_bytes() for p in sorted(Path(folder).glob("*.tar"))}


def start(tools):
    """A process of its own that does what a worker does, with everything loaded already; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for samples in missing_shards(tools.config):
            render_shard(tools, samples)
    except BaseException:
        os._exit(1)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_twenty_times_and_resumed(tools, rendered, tmp_path):
    whole, rng = shards(rendered), random.SystemRandom()
    begun = time.monotonic()
    kills = rounds = broken = 0
    while kills < KILLS:
        rounds += 1
        out = tmp_path / str(rounds)
        mine = replace(tools, config=replace(tools.config, out=str(out)))
        while shards(out) != whole:
            pid = start(mine)
            time.sleep(rng.uniform(0, 1.5))
            if kills < KILLS and os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, signal.SIGKILL)
                kills += 1
            elif kills < KILLS:  # it was done already
                break
            else:
                assert os.waitpid(pid, 0)[1] == 0
                break
            os.waitpid(pid, 0)
            broken += any(out.glob("*.tmp"))
            got = shards(out)
            assert got.items() <= whole.items(), "a shard that differs has the name of a complete one"
            assert not got or len(ShardIndex(out)) == len(got)
        assert shards(out) == whole
        assert {p.suffix for p in out.iterdir()} <= {".tar"}
        assert time.monotonic() - begun < 600
    assert broken > 0  # some were killed in the middle of a shard
