"""The files of all shards of a folder: the headers of a hundred thousand subjects lie all over their tar files and take
minutes to read, so the first start stores what it found in the folder.

The stored list of a shard holds as long as the shard has the size and the time stamp that the list states; else its
headers are read again, as in a folder where nothing may be written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from diffproxy.datasets.shard_listing import HEADER, META, ShardListing, scan, state_of
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.bounded_text import parse_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path, to_json
from diffproxy.utils.validation import OpenSchema, validated

log = logging.getLogger(__name__)

STORED = ".shard_index.npz"
VERSION = 1
WORTH_STORING = 50_000  # files whose headers take about a second; fewer are read again
SETTLED_SECONDS = 2.0  # a shard that was changed within these may change again without another time stamp
LARGEST = 1 << 60  # bytes


def list_shards(paths: Sequence[Path]) -> list[ShardListing]:
    """The files of shards of one folder; what had to be read from many headers is stored in the folder, if it may be.

    Raises:
        InputError: A shard that is damaged or cut off.
    """
    folder, states = paths[0].parent, [state_of(path) for path in paths]
    if (state_of(folder / STORED) or (0, 0))[0] > sum(state[0] for state in states if state):
        # A few of many shards: their headers are read sooner than the list.
        return [scan(path) for path in paths]
    known, found, new = read_stored(folder), [], 0
    for path, state in zip(paths, states, strict=True):
        listing = known.get(path.name)
        if listing is None or listing.state != state:
            listing = scan(path)
            new += len(listing.files)
        found.append(listing)
    if new >= WORTH_STORING:
        others = {n: v for n, v in known.items() if v.state == state_of(v.path)}
        store(folder, [*(others | {v.path.name: v for v in found}).values()])
    return found


class _Shard(OpenSchema):
    name: str
    size: int = Field(ge=0, le=LARGEST, strict=True)
    mtime_ns: int = Field(strict=True)
    keys: list[str]


class _Stored(OpenSchema):
    """Beside `counts`, files of each sample, and `files`; both of all shards, one after the other."""

    version: int
    names: list[str]
    shards: list[_Shard]


def most_bytes(folder: Path) -> int:
    """Of a list of the shards in a folder: each file has a header, so it is short against them."""
    return (1 << 20) + sum(state[0] for p in folder.glob("*.tar") if (state := state_of(p))) // 4


def read_stored(folder: Path) -> dict[str, ShardListing]:
    """The stored lists by name of the shard; none without a file, and where it cannot be what `store` wrote."""
    path = folder / STORED
    if state_of(path) is None:
        return {}
    try:
        arrays = read_npz(path, "a list of shards", limit=most_bytes(folder))
        if {k: (v.dtype, v.ndim) for k, v in arrays.items()} != {
            "about": (np.uint8, 1), "counts": (np.int64, 1), "files": (np.int64, 2)
        }:  # fmt: skip
            raise InputError("arrays about, counts and files", ", ".join(arrays), "")
        about = validated(_Stored, parse_json(arrays["about"].tobytes(), "a list"), "a list of shards", "")
        return _listings(folder, about, arrays["counts"], arrays["files"])
    except InputError as error:
        log.warning("%s is not used: expected %s, found %s", path, error.expected, error.found)
        return {}


def _listings(folder: Path, about: _Stored, counts: np.ndarray, files: np.ndarray) -> dict[str, ShardListing]:
    """The parts of a stored list; InputError unless each points to files within a shard of the stated size."""
    names = {name: number for number, name in enumerate(about.names)}
    samples = sum(len(shard.keys) for shard in about.shards)
    right = about.version == VERSION and files.shape[1] == 3 and len(counts) == samples
    right = right and bool((counts > 0).all() and (counts <= len(files)).all() and counts.sum() == len(files))
    right = right and bool((files >= 0).all() and (files[:, 0] < len(about.names)).all())
    found, sample, ends = {}, 0, np.concatenate([[0], np.cumsum(counts)])
    for shard in about.shards if right else ():
        first = ends[sample : sample + len(shard.keys) + 1]
        rows, first = files[first[0] : first[-1]], first - first[0]
        state = (shard.size, shard.mtime_ns)
        found[shard.name] = ShardListing(folder / shard.name, state, shard.keys, names, first, rows)
        right = right and Path(shard.name).name == shard.name and _is_within(found[shard.name])
        sample += len(shard.keys)
    if not right:
        raise InputError(f"version {VERSION}, and files within their shards", "others", "")
    return found


def _is_within(listing: ShardListing) -> bool:
    """Whether the keys are those of a scan, with meta data each, and the files between first header and end."""
    rows = listing.files
    if not len(rows):
        return True
    has_meta = np.add.reduceat(rows[:, 0] == listing.names.get(META, -1), listing.first[:-1])
    within = (rows[:, 1] >= HEADER) & (rows[:, 2] <= listing.state[0] - rows[:, 1])
    rising = all(a < b for a, b in zip(listing.keys, listing.keys[1:], strict=False))
    return bool(has_meta.all() and within.all() and rising)


def store(folder: Path, listings: Sequence[ShardListing]) -> None:
    """Write the lists of shards that are not being changed; without permission the next start reads headers again."""
    now = time.time_ns()
    settled = [v for v in listings if now - v.state[1] > SETTLED_SECONDS * 1e9]
    names: dict[str, int] = {}
    rows = []
    for v in settled:
        number = np.array([names.setdefault(name, len(names)) for name in v.names], dtype=np.int64)
        rows.append(np.concatenate([number[v.files[:, :1]], v.files[:, 1:]], axis=1))
    shards = [
        {"name": v.path.name, "size": v.state[0], "mtime_ns": v.state[1], "keys": v.keys} for v in settled
    ]
    if not settled:
        return
    text = to_json({"version": VERSION, "names": [*names], "shards": shards})
    about, files = np.frombuffer(text, dtype=np.uint8), np.concatenate(rows)
    counts = np.concatenate([np.diff(v.first) for v in settled])
    if about.nbytes + counts.nbytes + files.nbytes > most_bytes(folder):
        return
    try:
        with atomic_path(folder / STORED) as temporary, temporary.open("wb") as file:
            np.savez(file, about=about, counts=counts, files=files)
    except InputError as error:
        log.info("headers of shards are read at each start: %s", error.found)
