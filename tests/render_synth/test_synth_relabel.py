"""Old charts become the present ones without rendering; whole or not at all, the same for any number of workers."""

import json
import os
import signal
import tarfile
import time
from dataclasses import replace

import numpy as np
import pytest

from diffproxy.datasets.shard_writer import ShardWriter, add_file
from diffproxy.datasets.shards import ShardIndex
from diffproxy.utils.errors import InputError
from render_synth.relabel import relabel


def rewritten(source, folder, labels=lambda x: x):
    """The shards as if charts of other UV had made them."""
    index = ShardIndex(source)
    for i in range(len(index)):
        views = [index.view(i, j) for j in range(len(index.kinds(i)))]
        views = [replace(v, labels=labels(v.labels), uv=v.uv[..., ::-1] * np.float32(0.8)) for v in views]
        meta = {k: v for k, v in index.meta(i).items() if k not in ("views", "params", "version")}
        with ShardWriter(folder / f"{index.key(i)}-only.tar") as writer:
            writer.add(index.key(i), views, index.params(i), meta | {"topology": "old"})


@pytest.fixture(scope="module")
def old(rendered, tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    rewritten(rendered, folder)
    return folder


@pytest.fixture(scope="module")
def new(old, tmp_path_factory):
    """Relabelled by one process; and how long that took."""
    folder, begun = tmp_path_factory.mktemp("new"), time.monotonic()
    assert relabel(old, folder, "anny", 1) > 0
    return folder, time.monotonic() - begun


def shards(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.tar"))}


def test_old_charts_become_the_present_ones(rendered, old, new):
    was, now, before = ShardIndex(rendered), ShardIndex(new[0]), ShardIndex(old)
    for i in range(len(was)):
        meta = now.meta(i)
        assert meta["topology"] == was.meta(i)["topology"]
        assert meta["relabelled"] == [
            {"from": "old", "to": meta["topology"], "what": "labels and uv of *.proxy.png"}
        ]
        for j in range(len(was.kinds(i))):
            a, b, c = (index.view(i, j) for index in (was, now, before))
            np.testing.assert_array_equal(a.labels, b.labels)
            on = a.labels > 0
            np.testing.assert_allclose(a.uv[on], b.uv[on], atol=1e-3)
            assert not on.any() or np.abs(c.uv - b.uv)[on].max() > 0.05
            np.testing.assert_array_equal(c.rgb, b.rgb)


def test_two_workers_write_the_bytes_of_one(old, new, tmp_path):
    assert relabel(old, tmp_path, "anny", 2) > 0
    assert shards(tmp_path) == shards(new[0]) and len(shards(tmp_path)) == 3


def test_a_second_run_does_nothing(old, new):
    times = {p: p.stat().st_mtime_ns for p in new[0].iterdir()}
    assert relabel(old, new[0], "anny", 1) == 0
    assert times == {p: p.stat().st_mtime_ns for p in new[0].iterdir()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_and_resumed(old, new, tmp_path):
    folder, seconds = new
    broken = 0
    for at in np.linspace(0.1, 0.9, 7):
        out = tmp_path / f"{at:.2f}"
        pid = os.fork()
        if not pid:
            relabel(old, out, "anny", 1)
            os._exit(0)
        time.sleep(at * seconds)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        broken += any(out.glob("*.tmp"))
        assert shards(out).items() <= shards(folder).items()
        relabel(old, out, "anny", 1)
        assert shards(out) == shards(folder) and {p.suffix for p in out.iterdir()} == {".tar"}
    assert broken > 0  # some died in the middle of a shard


def test_another_body_is_refused(rendered, tmp_path):
    rewritten(rendered, tmp_path / "old", lambda x: np.where(x > 0, x % 24 + 1, 0).astype(np.uint8))
    with pytest.raises(InputError, match=r"have another label[\s\S]*body=PATH"):
        relabel(tmp_path / "old", tmp_path / "new", "anny", 1)
    assert not shards(tmp_path / "new")


def test_what_cannot_be_whole_is_refused(old, tmp_path):
    with pytest.raises(InputError, match="folder of its own"):
        relabel(old, old, "anny", 1)
    path = tmp_path / "s0.tar"
    data = next(iter(shards(old).values()))
    meta = data.index(b".meta.json")
    path.write_bytes(data[: meta - meta % 512])  # between two files: tarfile takes it for complete
    with pytest.raises(InputError, match=r"ends early|meta\.json"):
        relabel(path, tmp_path / "new", "anny", 1)
    assert not list((tmp_path / "new").iterdir())


def test_shards_of_others_in_the_folder_are_refused(old, new, tmp_path):
    with pytest.raises(InputError, match="a folder of its own"):
        (tmp_path / "s9-0000000-0000001.tar").write_bytes(next(iter(shards(old).values())))
        relabel(old, tmp_path, "anny", 1)
    folder = tmp_path / "same_name"
    folder.mkdir()
    name, data = next(iter(shards(old).items()))  # not relabelled
    (folder / name).write_bytes(data)
    with pytest.raises(InputError, match="another shard"):
        relabel(old, folder, "anny", 1)
    assert relabel(old, new[0], "anny", 1) == 0  # finished ones are kept


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda meta: meta.pop("views"), "views"),
        (lambda meta: meta["params"].update(betas="x"), "betas"),
        (lambda meta: meta.update(relabelled=3), "relabelled"),
        (lambda meta: meta.update(version=99), "version"),
        (lambda meta: meta.update(bystanders="two"), "bystanders"),
        (lambda meta: meta["views"][0].update(crop="x"), "crop"),
        (lambda meta: meta["views"][0].update(source=["a", "b"]), "source"),
        (lambda meta: meta["views"].append(meta["views"][0]), "proxy.png"),
    ],
)
def test_shards_of_any_content_are_refused(old, tmp_path, change, expected):
    path = next(iter(sorted(old.glob("*.tar"))))
    with tarfile.open(path) as source, tarfile.open(tmp_path / path.name, "w") as target:
        for member in source:
            data = source.extractfile(member).read()
            if member.name.endswith("meta.json"):
                meta = json.loads(data)
                change(meta)
                data = json.dumps(meta).encode()
            add_file(target, member.name, data)
    with pytest.raises(InputError, match=expected):
        relabel(tmp_path, tmp_path / "out", "anny", 1)
