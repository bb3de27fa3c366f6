"""Tiny renders, made once: three samples, each in a shard of its own, rendered in this process."""

import pytest

from render_synth.config import RenderConfig

TINY = {
    "subjects": 3, "per_shard": 1, "views": 2, "full_frames": 1, "hand_crops": 1, "size": 48, "samples_per_pixel": 1,
    "max_depth": 2, "max_bystanders": 1, "workers": 1, "seed": 11, "variant": "scalar_rgb",
    "extras": "depth,normals,visibility",
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny():
    """Factory: a small configuration with an output folder; `scalar_rgb`, so that no LLVM is needed."""

    def make(out, **changes) -> RenderConfig:
        return RenderConfig(out=str(out), **TINY | changes)

    return make


@pytest.fixture(scope="session")
def tools(tiny, tmp_path_factory):
    """What a worker process loads."""
    import torch

    from render_synth.run import load_tools

    threads = torch.get_num_threads()
    yield load_tools(tiny(tmp_path_factory.mktemp("shards")))
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def rendered(tools):
    """The folder of the rendered shards; do not write there."""
    from pathlib import Path

    from render_synth.run import render_shard
    from render_synth.work_plan import check_options, missing_shards

    check_options(tools.config)
    for samples in missing_shards(tools.config):
        render_shard(tools, samples)
    return Path(tools.config.out)


@pytest.fixture(scope="session")
def groups(tools):
    """Tools of a run of groups of up to four, whole frames only."""
    from dataclasses import replace

    changes = {
        "group_fraction": 1.0,
        "max_bystanders": 3,
        "body_crops": False,
        "hand_crops": 0,
        "full_frames": 2,
    }
    return replace(tools, config=replace(tools.config, **changes))


@pytest.fixture(scope="session")
def group_shard(groups, tmp_path_factory):
    """A group of three others, rendered and written; do not change it."""
    from diffproxy.datasets.shard_writer import ShardWriter
    from render_synth.sample import render_sample

    path = tmp_path_factory.mktemp("group") / "a.tar"
    with ShardWriter(path) as writer:
        writer.add("s0", *render_sample(groups, 31))  # both cameras see everybody
    return path
