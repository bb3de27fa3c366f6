"""Jobs share a run: ranges of their own, the same bytes."""

import os
from pathlib import Path

import pytest

from diffproxy.utils.errors import InputError
from render_synth import launch as launcher
from render_synth.cli import main
from render_synth.config import RenderConfig
from render_synth.launch import LaunchOptions, launch, split


@pytest.mark.parametrize(
    ("subjects", "per_shard", "jobs"), [(100, 20, 3), (7, 3, 2), (5, 10, 4), (40, 1, 40), (9, 2, 5)]
)
def test_jobs_cover_the_run_by_whole_shards(subjects, per_shard, jobs):
    parts = split(RenderConfig(start=3, subjects=subjects, per_shard=per_shard), jobs)
    assert len(parts) == min(jobs, -(-subjects // per_shard))
    assert [k for p in parts for k in range(p.start, p.start + p.subjects)] == list(range(3, 3 + subjects))
    assert all((p.start - 3) % per_shard == 0 for p in parts)


def test_words_about_launching_are_taken_out():
    how, rest = LaunchOptions.take(["subjects=4", "launch=slurm", "jobs=3", "partition=gpu", "out=a"])
    assert how == LaunchOptions("slurm", 3, "gpu") and rest == ["subjects=4", "out=a"]
    assert LaunchOptions.take(["subjects=4"]) == (None, ["subjects=4"])


@pytest.mark.parametrize(
    "words", [["launch=pbs"], ["jobs=3"], ["launch=ray", "jobs=0"], ["launch=ray", "jobs=x"]]
)
def test_bad_words_are_refused(words):
    with pytest.raises(InputError, match=r"write (launch|jobs)="):
        LaunchOptions.take(words)


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_a_missing_launcher_says_how_to_get_it(name, package, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    assert main([f"launch={name}", "subjects=1"]) == 2
    assert f"diffproxy[{name}]" in capsys.readouterr().err


def test_local_jobs_write_the_shards_of_one_run(tiny, rendered, tmp_path):
    pytest.importorskip("submitit")
    views = launch(tiny(tmp_path), LaunchOptions("local", 2))
    wanted = {p.name: p.read_bytes() for p in Path(rendered).glob("*.tar")}
    assert {p.name: p.read_bytes() for p in tmp_path.glob("*.tar")} == wanted and views > 0


@pytest.mark.skipif("DIFFPROXY_TEST_RAY" not in os.environ, reason="takes minutes where cores are scarce")
def test_ray_runs_every_job(tiny, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(launcher, "job", len_of)
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False, object_store_memory=100 * 2**20)
    try:
        assert launch(tiny(tmp_path), LaunchOptions("ray", 2)) == 3
    finally:
        ray.shutdown()


def len_of(config) -> int:
    return config.subjects
