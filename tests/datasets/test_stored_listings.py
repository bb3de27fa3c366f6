"""The list of a folder's shards: used as long as they are the same, and never believed beyond that."""

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from diffproxy.datasets import shard_listing, stored_listings
from diffproxy.datasets.shards import ShardIndex
from diffproxy.datasets.stored_listings import STORED, read_stored
from diffproxy.utils.errors import InputError
from tests.datasets.test_shards import write


@pytest.fixture
def scanned(monkeypatch):
    """Names of the shards whose headers were read; lists are stored however short they are."""
    names = []

    def scan(path):
        names.append(path.name)
        return shard_listing.scan(path)

    monkeypatch.setattr(stored_listings, "scan", scan)
    monkeypatch.setattr(stored_listings, "WORTH_STORING", 1)
    return names


def age(path: Path, seconds: float) -> None:
    """Make a file so much older than it would be."""
    then = time.time_ns() - int(seconds * 1e9)
    os.utime(path, ns=(then, then))


@pytest.fixture
def folder(tmp_path, scanned):
    """Two shards of one and two samples, written a minute ago, and their list."""
    for name, samples, seed in (("a", 1, 4), ("b", 2, 5)):
        write(tmp_path / f"{name}.tar", samples, seed)
        age(tmp_path / f"{name}.tar", 60)
    ShardIndex(tmp_path)
    assert scanned == ["a.tar", "b.tar"] and (tmp_path / STORED).is_file()
    scanned.clear()
    return tmp_path


def content(where) -> list:
    """All that an index gives."""
    index = ShardIndex(where)
    return [
        (index.key(i), index.meta(i), index.kinds(i), [index.view(i, j).rgb.tolist() for j in range(4)])
        for i in range(len(index))
    ]


def test_the_second_start_reads_no_headers_and_gives_the_same(folder, scanned):
    stored = content(folder)
    assert scanned == [] and content(folder / "*.tar") == stored and scanned == []
    index = ShardIndex(folder)
    assert index.has(2, "v3.mask.png") and not index.has(2, "v4.mask.png") and index.key(-1) == index.key(2)
    with pytest.raises(IndexError):
        index.key(3)
    with pytest.raises(InputError, match="nothing in sample s5-0000001"):
        index._read(2, "nothing")
    (folder / STORED).unlink()
    assert content(folder) == stored and scanned == ["a.tar", "b.tar"]


@pytest.mark.parametrize("size", ["same", "other"])
def test_a_shard_that_was_written_again_is_read_again(folder, scanned, size):
    """Also where it has the size that it had."""
    write(folder / "b.tar", 2 if size == "same" else 3, seed=6)
    if size == "same":
        data = (folder / "b.tar").read_bytes()
        kept = read_stored(folder)["b.tar"].state[0]
        (folder / "b.tar").write_bytes(data[:kept].ljust(kept, b"\0"))
    age(folder / "b.tar", 30)
    assert [k for k, *_ in content(folder)][:3] == ["s4-0000000", "s6-0000000", "s6-0000001"]
    assert scanned == ["b.tar"]
    content(folder)
    assert scanned == ["b.tar"]


def test_new_shards_join_the_list_and_lost_ones_leave_it(folder, scanned):
    write(folder / "c.tar", 1, seed=7)
    age(folder / "c.tar", 9)
    assert len(ShardIndex(folder)) == 4 and scanned == ["c.tar"]
    (folder / "a.tar").unlink()
    write(folder / "d.tar", 1, seed=8)
    age(folder / "d.tar", 9)
    scanned.clear()
    assert len(ShardIndex(folder)) == 4 and scanned == ["d.tar"]
    assert set(read_stored(folder)) == {"b.tar", "c.tar", "d.tar"}


def test_a_shard_of_this_moment_is_not_stored(folder, scanned):
    """It may change once more within the same tick of the file system's clock."""
    write(folder / "c.tar", 1, seed=7)
    for _ in range(2):
        ShardIndex(folder)
    assert scanned == ["c.tar"] * 2 and set(read_stored(folder)) == {"a.tar", "b.tar"}


def test_a_list_of_a_part_keeps_the_others(folder, scanned):
    write(folder / "b.tar", 2, seed=6)
    age(folder / "b.tar", 30)
    ShardIndex(folder / "b*.tar")
    assert set(read_stored(folder)) == {"a.tar", "b.tar"} and scanned == ["b.tar"]


def test_few_files_are_not_worth_a_list(tmp_path):
    write(tmp_path / "a.tar", 1)
    age(tmp_path / "a.tar", 60)
    ShardIndex(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_one_of_many_shards_is_read_without_the_list(folder, scanned):
    with (folder / STORED).open("ab") as file:
        file.truncate((folder / "a.tar").stat().st_size + 1)
    assert len(ShardIndex(folder / "a.tar")) == 1 and scanned == ["a.tar"]


def test_a_folder_that_refuses_the_list_works(folder, scanned, monkeypatch, caplog):
    (folder / STORED).unlink()

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "replace", refuse)
    caplog.set_level(logging.INFO)
    stored = content(folder)
    assert len(stored) == 3 and "read at each start: Permission denied" in caplog.text
    assert sorted(p.name for p in folder.iterdir()) == ["a.tar", "b.tar"]


def test_starts_at_the_same_time(folder, scanned):
    """Each writes the list; it is always a whole one."""
    (folder / STORED).unlink()
    with ThreadPoolExecutor(4) as pool:
        lengths = [*pool.map(lambda _: len(ShardIndex(folder)), range(8))]
    assert lengths == [3] * 8 and set(read_stored(folder)) == {"a.tar", "b.tar"}
    assert not [*folder.glob("*.tmp*")]


def spoil(folder, change) -> None:
    """Write the list with `change(about, counts, files)` in its place."""
    with np.load(folder / STORED) as arrays:
        about, counts, files = json.loads(bytes(arrays["about"])), arrays["counts"], arrays["files"]
    about, counts, files = change(about, counts, files)
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(folder / STORED, about=text, counts=counts, files=files)


def row(number: int, column: int, value: int):
    def change(about, counts, files):
        files[number, column] = value
        return about, counts, files

    return change


def shard(**more):
    def change(about, counts, files):
        about["shards"][1] |= more
        return about, counts, files

    return change


OUTSIDE = {
    "another name": row(3, 0, 999),
    "no name": row(3, 0, -1),
    "before the first header": row(3, 1, 0),
    "behind the end": row(3, 1, 1 << 40),
    "larger than the shard": row(3, 2, 1 << 40),
    "negative": row(3, 2, -5),
    "sum beyond 64 bits": row(3, 2, (1 << 63) - 1),
    "no meta data": lambda a, c, f: (a | {"names": [f"x{n}" for n in a["names"]]}, c, f),
    "counts of others": lambda a, c, f: (a, c[::-1] + 1, f),
    "counts that are negative": lambda a, c, f: (a, c * [-1, 1, 3], f),
    "fewer counts": lambda a, c, f: (a, c[:2], f),
    "fewer files": lambda a, c, f: (a, c, f[:-1]),
    "other columns": lambda a, c, f: (a, c, f[:, :2]),
    "other numbers": lambda a, c, f: (a, c, f.astype(float)),
    "a path": shard(name="../b.tar"),
    "unsorted keys": shard(keys=["s5-0000001", "s5-0000000"]),
    "equal keys": shard(keys=["s5-0000001", "s5-0000001"]),
    "keys of other kinds": shard(keys=[1, None]),
    "a size beyond all": shard(size=10**30),
    "a time of no kind": shard(mtime_ns="now"),
    "another version": lambda a, c, f: (a | {"version": 2}, c, f),
    "no shards": lambda a, c, f: ({"version": 1, "names": []}, c, f),
    "another value": lambda a, c, f: ([1, 2], c, f),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_list_that_points_elsewhere_is_not_used(folder, scanned, name, caplog):
    good = content(folder)
    spoil(folder, OUTSIDE[name])
    assert content(folder) == good and scanned == ["a.tar", "b.tar"] and "is not used" in caplog.text
    scanned.clear()
    assert content(folder) == good and scanned == []  # written again


def test_what_is_no_list_is_not_used(folder, scanned, caplog):
    good = content(folder)
    size = (folder / STORED).stat().st_size
    for data in (b"", b"PK", b"x" * size, (folder / STORED).read_bytes()[:-40]):
        (folder / STORED).write_bytes(data)
        caplog.clear()
        assert content(folder) == good and "is not used" in caplog.text
    large = np.zeros(stored_listings.most_bytes(folder), np.uint8)
    np.savez_compressed(folder / STORED, about=large, counts=large, files=large)
    caplog.clear()
    assert content(folder) == good and "MiB" in caplog.text
    (folder / STORED).unlink()
    (folder / STORED).mkdir()
    assert content(folder) == good
