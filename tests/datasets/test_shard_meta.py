"""meta.json of any content: an error that names the sample, never another exception."""

import io
import json
import tarfile

import pytest

from diffproxy.body.params import PARAM_DIMS
from diffproxy.datasets.shards import ShardIndex
from diffproxy.utils.errors import InputError

GOOD = {"version": 2, "views": [], "params": {name: [0.0] * size for name, size in PARAM_DIMS.items()}}


def write(path, data: bytes) -> ShardIndex:
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("k.meta.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return ShardIndex(path)


@pytest.mark.parametrize(
    "change",
    [{"version": "2"}, {"version": None}, {"params": None}, {"params": {"betas": [0.0]}}, {"views": 5},
     {"params": {**GOOD["params"], "betas": [float("nan")] * 10}}, {"views": [{"kind": "dog", "camera": {}}]}],
)  # fmt: skip
def test_wrong_entries(tmp_path, change):
    with pytest.raises(InputError, match=r"meta\.json of k"):
        write(tmp_path / "s.tar", json.dumps(GOOD | change).encode()).kinds(0)


@pytest.mark.parametrize("data", [b"", b"[1]", b"{x", b"[" * 9999, b"\xff\xfe\xff"])
def test_no_meta(tmp_path, data):
    with pytest.raises(InputError, match=r"meta\.json of k"):
        write(tmp_path / "s.tar", data).kinds(0)


def test_good_meta(tmp_path):
    assert write(tmp_path / "s.tar", json.dumps(GOOD).encode()).kinds(0) == []
