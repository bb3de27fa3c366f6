"""Which files lie where in a shard, by its tar headers."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from diffproxy.utils.bounded_files import regular_file
from diffproxy.utils.errors import InputError

META = "meta.json"
HEADER = 512  # bytes of tar before each file

State = tuple[int, int]  # size in bytes and time stamp in nanoseconds of a shard


@dataclass(frozen=True)
class ShardListing:
    """The files of one shard.

    Args:
        path: The shard.
        state: What it was when its headers were read.
        keys: Of its samples, sorted.
        names: Number of each name after a key, such as "v0.rgb.jpg".
        first: Where each sample's rows begin in `files`, and at last their number.
        files: Number of the name, offset and size in bytes of each file.
    """

    path: Path
    state: State
    keys: list[str]
    names: dict[str, int]
    first: Int64[np.ndarray, " S1"]
    files: Int64[np.ndarray, "F 3"]

    def place(self, sample: int, name: str) -> tuple[int, int] | None:
        """Offset and size of a sample's file; None where it has none of this name."""
        rows = self.files[self.first[sample] : self.first[sample + 1]]
        found = rows[rows[:, 0] == self.names.get(name, -1)]
        return (int(found[0, 1]), int(found[0, 2])) if len(found) else None


def state_of(path: Path) -> State | None:
    """Size and time stamp; None where there is no such file."""
    try:
        info = path.stat()
    except (OSError, ValueError):  # a zero byte in the name
        return None
    return info.st_size, info.st_mtime_ns


def scan(path: Path) -> ShardListing:
    """Read all headers; InputError for a damaged or truncated shard, and for samples without meta data."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    fix = f"delete {path} and render again: finished shards are kept"
    regular_file(path, "a shard", 1 << 50)
    info, end = path.stat(), 0
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                key, _, name = member.name.partition(".")
                found.setdefault(key, {})[name] = (member.offset_data, member.size)
                end = member.offset_data + member.size
                if not 0 <= member.size <= end <= info.st_size:
                    raise InputError("a complete shard", f"{path.name} ends within {member.name}", fix)
    except (tarfile.TarError, EOFError) as error:
        raise InputError("a readable tar shard", f"{path.name}: {error}", fix) from error
    # tarfile accepts a file truncated between members: check for the two empty blocks at the end. It also takes an
    # empty or damaged header for the end: only the padding of one record may follow, and no data.
    if info.st_size < end + 2 * HEADER:
        raise InputError("a complete shard", f"{path.name} ends early", fix)
    if info.st_size - end > 3 * HEADER + tarfile.RECORDSIZE or _has_data(path, end):
        raise InputError(
            "a complete shard", f"{path.name}, whose files end at byte {end} of {info.st_size}", fix
        )
    keys = sorted(found)
    for key in keys:
        if META not in found[key]:
            raise InputError(f"{META} in every sample", f"sample {key} of {path.name} has none", fix)
    names: dict[str, int] = {}
    rows = [
        (names.setdefault(name, len(names)), *place) for key in keys for name, place in found[key].items()
    ]
    first = np.cumsum([0, *(len(found[key]) for key in keys)], dtype=np.int64)
    files = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return ShardListing(path, (info.st_size, info.st_mtime_ns), keys, names, first, files)


def _has_data(path: Path, begin: int) -> bool:
    """Whether anything but zeros follows."""
    with path.open("rb") as file:
        file.seek(begin)
        return any(file.read())
