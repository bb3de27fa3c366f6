"""A few tiny subjects as a shard, and a tiny generator: they test plumbing, never quality."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.datasets.shards import ShardView, ShardWriter
from diffproxy.generator import AttentionConfig, build_generator, nano_config, save_generator
from diffproxy.proxies import render_proxies


@pytest.fixture(scope="session")
def load_benchmark():
    """The module of a script in `benchmarks/`, which is no package, by its name."""

    def load(name):
        source = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def tiny_shards(body, make_ring, tmp_path_factory):
    """Two subjects, three body views and one hand view each, 48 px, the image being the palette itself."""
    folder = tmp_path_factory.mktemp("shards")
    colors = np.asarray(body.atlas.palette.colors)
    with ShardWriter(folder / "a.tar") as writer:
        for k in range(2):
            params = BodyParams.rest().replace(betas=torch.full((1, 10), float(k)))
            vertices = body(params).vertices[0].double().numpy()
            kinds = ("body", "body", "body", "left_hand")
            maps = render_proxies(body, vertices, make_ring(4, size=48, target=(0, -0.3, 0)), kinds)
            views = [
                ShardView(
                    (colors[maps.labels[v]] * 255).astype(np.uint8), maps.labels[v], maps.uv[v].astype(np.float32),
                    (maps.labels[v] > 0).astype(np.uint8), maps.cameras[v], kinds[v],
                )
                for v in range(4)
            ]  # fmt: skip
            writer.add(f"s{k}", views, params, {})
    return folder


@pytest.fixture(scope="session")
def tiny_generator(body, tmp_path_factory):
    """Random weights: `nano`, shrunk to 32 px."""
    torch.manual_seed(0)
    nano = nano_config()
    config = nano.replace(
        name="tiny", encoder="efficientnet_lite0", image_size=32, proxy_size=16,
        adapter_args={"widths": [8, 16, 16, 16], "context_layers": 1, "draft": True},
        unet={**nano.unet, "in_channels": 12, "sample_size": 8, "block_out_channels": [16, 16, 16],
              "cross_attention_dim": 8, "attention_head_dim": [1, 2, 2], "norm_num_groups": 8},
        attention=AttentionConfig(epipolar_grids=(4, 2), dense_below=1),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("generator")
    return save_generator(build_generator(config), body.atlas.palette, folder)
