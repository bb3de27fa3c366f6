"""The page on synthetic data says what the code does."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np

from diffproxy.datasets.extras import EXTRAS
from diffproxy.datasets.shards import ShardIndex
from render_synth.config import RenderConfig

PAGE = (Path(__file__).parents[2] / "docs" / "render_synth.md").read_text()


def test_the_table_of_options_is_complete_and_right():
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)` )?\|", PAGE, re.MULTILINE)
    shown = dict(rows[: len(fields(RenderConfig))])
    assert shown == {f.name: str(f.default).replace("True", "true") for f in fields(RenderConfig)}


def test_the_example_reads_a_shard_without_this_project(rendered):
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    assert "diffproxy" not in code
    shard = sorted(rendered.glob("*.tar"))[0]
    got: dict = {"shard": shard}
    exec(code, got)
    index = ShardIndex(shard)
    last = index.view(0, len(index.kinds(0)) - 1, extras=EXTRAS)
    np.testing.assert_array_equal(got["rgb"], last.rgb)
    np.testing.assert_array_equal(got["labels"], last.labels)
    np.testing.assert_array_equal(got["mask"], last.mask)
    np.testing.assert_allclose(got["uv"], last.uv, atol=1e-6)
    np.testing.assert_allclose(got["metres"], last.extras["depth"], rtol=1e-6)
    on = last.extras["visibility"] > 0
    np.testing.assert_allclose(got["normals"][on], last.extras["normals"][on], atol=1e-6)
    np.testing.assert_array_equal(got["visibility"], last.extras["visibility"])
    np.testing.assert_array_equal(got["K"], last.camera.K)


def test_the_page_names_all_parameters_and_keys_of_the_meta_data(rendered):
    meta = ShardIndex(rendered).meta(0)
    for key in [*meta, *meta["params"], *meta["views"][0], *meta["views"][0]["camera"]]:
        assert f"`{key}`" in PAGE, key
