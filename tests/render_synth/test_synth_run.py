"""The same bytes for any number of workers, any order and any interruption; nothing unfinished looks finished."""

import gc
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from diffproxy.datasets.shards import ShardIndex
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import is_alive
from render_synth import run as runner
from render_synth.run import render_shard, run
from render_synth.work_plan import check_options, missing_shards, shard_name

ROOT = Path(__file__).parents[2]


def shards(folder):
    return {p.name: p.read_bytes() for p in sorted(Path(folder).glob("*.tar"))}


def touch(folder, *names):
    for name in names:
        (folder / name).write_text("")


def wait_for(what, seconds=300):
    """Until `what()` is true; long, since other work may hold the machine."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_two_workers_write_the_bytes_of_one_process(tiny, rendered, tmp_path):
    """Of the shards that are missing."""
    threads = os.environ.get("OMP_NUM_THREADS")
    for name in ("options-s11.json", finished := min(shards(rendered))):
        shutil.copy(rendered / name, tmp_path)
    views = run(tiny(tmp_path, workers=2))
    assert shards(tmp_path) == shards(rendered) and len(shards(rendered)) == 3
    index, before = ShardIndex(tmp_path), ShardIndex(rendered / finished)
    assert views == sum(len(index.kinds(i)) for i in range(len(index))) - len(before.kinds(0))
    assert os.environ.get("OMP_NUM_THREADS") == threads
    assert run(tiny(tmp_path, workers=2)) == 0  # nothing left to do


def test_killed_at_a_random_moment_and_resumed(tiny, tools, rendered, tmp_path):
    config = tiny(tmp_path)
    keys = ("out", "subjects", "per_shard", "workers")
    words = [f"{k}={v}" for k, v in config.content().items()] + [f"{k}={getattr(config, k)}" for k in keys]
    process = subprocess.Popen(
        [sys.executable, "-m", "render_synth", *words], cwd=ROOT, stderr=subprocess.PIPE
    )
    begun: list[Path] = []  # a file that is there now may be finished in the next moment
    try:
        wait_for(lambda: begun.extend(tmp_path.glob("*.tmp")) or begun or process.poll() is not None)
        worker = int(begun[0].name.split(".")[1])
        delay = random.SystemRandom().uniform(0, 2)
        time.sleep(delay)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait_for(lambda: not is_alive(worker))  # workers do not outlive the run
    finished = shards(tmp_path)
    assert finished.items() <= shards(rendered).items(), f"killed after {delay:.3f} s"
    if finished:
        assert len(ShardIndex(tmp_path)) == len(finished)
    check_options(config)
    for samples in missing_shards(config):  # what `run` does, in a process that has loaded everything already
        render_shard(replace(tools, config=config), samples)
    assert shards(tmp_path) == shards(rendered), f"killed after {delay:.3f} s"
    assert {p.suffix for p in tmp_path.iterdir()} == {".tar", ".json"}


def test_a_sample_does_not_depend_on_those_before_it(tools, rendered, tmp_path):
    last = render_shard(replace(tools, config=replace(tools.config, out=str(tmp_path))), range(1))
    assert last.read_bytes() == (rendered / last.name).read_bytes()


def test_samples_and_seeds_differ(tools, rendered, tmp_path):
    other = replace(tools, config=replace(tools.config, out=str(tmp_path), seed=12, max_bystanders=0))
    render_shard(other, range(1))
    index = ShardIndex(rendered)
    betas = [index.params(0).betas, index.params(1).betas, ShardIndex(tmp_path).params(0).betas]
    assert all(abs(betas[i] - betas[j]).max() > 0.05 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_changed_options_are_refused(tiny, tmp_path):
    check_options(tiny(tmp_path))
    check_options(tiny(tmp_path, subjects=9, start=3, per_shard=2, workers=2))  # not what a sample looks like
    check_options(tiny(tmp_path, seed=12, samples_per_pixel=2))  # another seed is another kind of data
    with pytest.raises(InputError, match=r"samples_per_pixel=2 \(was 1\), size=64 \(was 48\)"):
        check_options(tiny(tmp_path, samples_per_pixel=2, size=64))


def test_other_environments_are_refused(tiny, tmp_path):
    lights = tmp_path / "lights"
    lights.mkdir()
    with pytest.raises(InputError, match=r"none in .*lights"):
        check_options(tiny(tmp_path, env=str(lights)))
    touch(lights, "a.hdr", "b.EXR", "notes.txt")
    check_options(tiny(tmp_path, env=str(lights)))
    assert json.loads((tmp_path / "options-s11.json").read_text())["environments"] == ["a.hdr", "b.EXR"]
    touch(lights, "c.hdr")
    with pytest.raises(InputError, match=r"c\.hdr"):
        check_options(tiny(tmp_path, env=str(lights)))


def test_a_folder_begun_before_an_option_existed_may_be_resumed(tiny, tmp_path):
    check_options(tiny(tmp_path))
    path = tmp_path / "options-s11.json"
    begun = json.loads(path.read_text())
    path.write_text(json.dumps({k: begun[k] for k in begun if k not in ("environments", "pose_bank")}))
    check_options(tiny(tmp_path))
    path.write_text(json.dumps(begun | {"pose_bank": "another"}))
    with pytest.raises(InputError, match=r"pose_bank=\w+ \(was another\)"):
        check_options(tiny(tmp_path))
    path.write_text(json.dumps({k: begun[k] for k in begun if k != "extras"}))
    with pytest.raises(InputError, match=r"extras=depth,normals,visibility \(was \)"):
        check_options(tiny(tmp_path))  # the default was rendered, not what is asked for now
    for content in ("{", "[1]", "3"):
        path.write_text(content)
        with pytest.raises(InputError, match="the options of a run"):
            check_options(tiny(tmp_path))


def test_a_folder_with_other_option_names_is_refused_with_these_names(tiny, tmp_path):
    check_options(tiny(tmp_path))
    path = tmp_path / "options-s11.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"spp": 1, "plain": 0.0}))
    with pytest.raises(InputError, match=r"with plain, spp: options of another version"):
        check_options(tiny(tmp_path))


def test_names_say_what_is_inside(tiny, tmp_path):
    assert shard_name(3, range(20, 40)) == "s3-0000020-0000039.tar"
    assert missing_shards(tiny(tmp_path, subjects=7, per_shard=3, start=5)) == [
        range(5, 8),
        range(8, 11),
        range(11, 12),
    ]


def test_a_longer_run_renders_only_what_is_new(tiny, tmp_path):
    touch(tmp_path, "s11-0000000-0000003.tar", "s11-0000004-0000005.tar")
    assert missing_shards(tiny(tmp_path, subjects=6, per_shard=4)) == []
    assert missing_shards(tiny(tmp_path, subjects=9, per_shard=4)) == [range(6, 8), range(8, 9)]
    assert missing_shards(tiny(tmp_path, subjects=9, per_shard=5)) == [range(6, 9)]
    touch(tmp_path, "s11-0000007-0000007.tar")
    assert missing_shards(tiny(tmp_path, subjects=10, per_shard=20)) == [range(6, 7), range(8, 10)]


def test_a_folder_is_no_finished_shard(tiny, tmp_path):
    (tmp_path / "s11-0000000-0000003.tar").mkdir()
    assert missing_shards(tiny(tmp_path, subjects=4, per_shard=4)) == [range(4)]


def test_only_leftovers_of_this_run_are_removed(tiny, tmp_path):
    dead = 2**22 + 1  # no system has this many processes
    at_work = f"s11-0000006-0000008.{os.getppid()}.tmp"  # of another run in this folder
    others = [f"s12-0000000-0000001.{dead}.tmp", f"s11-0000009-0000011.{dead}.tmp", "notes.tmp", at_work]
    touch(tmp_path, f"s11-0000002-0000005.{dead}.tmp", *others)
    assert missing_shards(tiny(tmp_path, subjects=9, per_shard=9)) == [range(9)]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(others)


def test_bad_input_found_by_a_worker_reaches_the_user(monkeypatch):
    monkeypatch.setitem(runner._state, "error", InputError("a body", "none", "give one"))
    with pytest.raises(InputError, match="give one") as raised:
        runner._work(range(1))
    passed = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 (as between processes)
    assert (passed.expected, passed.found, passed.fix, str(passed)) == (
        "a body",
        "none",
        "give one",
        str(raised.value),
    )


def test_semaphores_outlive_an_interrupted_run(tiny, tmp_path, monkeypatch):
    """A worker that is still importing opens them by name, after the run that was interrupted has returned."""
    given = []

    class Pool:
        def __init__(self, workers, context, start, arguments):
            given.extend(weakref.ref(x) for x in arguments[1:])

        def submit(self, *work):
            raise KeyboardInterrupt

        def shutdown(self, **how):
            pass

    monkeypatch.setattr(runner, "ProcessPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        runner._render_all(tiny(tmp_path), [range(1)], None)
    gc.collect()
    assert len(given) == 2 and all(reference() is not None for reference in given)
