"""A few tiny subjects as a shard, and a tiny generator: they test plumbing, never quality."""

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardView
from diffproxy.generator import AttentionConfig, build_generator, nano_config, save_generator
from diffproxy.proxies import render_proxies


@pytest.fixture(autouse=True)
def accelerate_as_in_a_process_of_its_own():
    """Accelerate keeps the precision of the first training of a process, which may be another test's."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def shards_of(body, make_ring, tmp_path_factory):
    """Factory: subjects of these betas, three body views and one hand view each, 48 px, images being the palette."""

    def make(*betas):
        folder = tmp_path_factory.mktemp("shards")
        colors = np.asarray(body.atlas.palette.colors)
        with ShardWriter(folder / "a.tar") as writer:
            for k, beta in enumerate(betas):
                params = BodyParams.rest().replace(betas=torch.full((1, 10), beta))
                vertices = body(params).vertices[0].double().numpy()
                kinds = ("body", "body", "body", "left_hand")
                maps = render_proxies(body, vertices, make_ring(4, size=48, target=(0, -0.3, 0)), kinds)
                views = [
                    ShardView(
                        (colors[maps.labels[v]] * 255).astype(np.uint8), maps.labels[v],
                        maps.uv[v].astype(np.float32), (maps.labels[v] > 0).astype(np.uint8), maps.cameras[v], kinds[v],
                    )
                    for v in range(4)
                ]  # fmt: skip
                writer.add(f"s{k}", views, params, {})
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_shards(shards_of):
    """Two subjects."""
    return shards_of(0.0, 1.0)


@pytest.fixture(scope="session")
def held_out_shards(shards_of):
    """Two others under the same keys."""
    return shards_of(0.01, 1.01)


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
