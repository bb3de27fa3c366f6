"""Seconds and memory until the shards of a hundred thousand subjects are indexed. Prints JSON.

    python benchmarks/shard_index.py [subjects=100000] [views=8] [hands=16] [per_shard=20] [starts=2] [out=DIR]

Shards have the files of the recipe in docs/reproduction.md, of one byte each, and are hard links to one file, so that
they need no room; their headers are the same, and the same many. Every start is a process of its own, the first of
which reads all headers and stores what it found: "index_seconds" and "index_cpu_seconds" are those of `ShardIndex`,
"cpu_seconds" and "peak_gb" (1e9 bytes) those of the process with its imports. Headers come from the file system's
cache: a cold disk is slower at the first start.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sd21_full_size import measured

from diffproxy.datasets.shard_writer import add_file, new_shard
from diffproxy.datasets.stored_listings import STORED
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import at_least, option
from diffproxy.utils.subcommand import Subcommand

START = """
import json, sys, time
from diffproxy.datasets.shards import ShardIndex
began, used = time.perf_counter(), time.process_time()
index = ShardIndex(sys.argv[1])
seconds = {"index_seconds": time.perf_counter() - began, "index_cpu_seconds": time.process_time() - used}
print(json.dumps({"subjects": len(index), **seconds}))
"""
MTIME_NS = 1_600_000_000 * 10**9  # long ago: a shard of this moment would not be stored


@dataclass
class IndexOptions:
    subjects: int = option(100_000, "number of subjects", section="Input")
    views: int = option(8, "body views of a subject", section="Input")
    hands: int = option(16, "hand crops of a subject", section="Input")
    per_shard: int = option(20, "subjects in a shard", section="Input")
    starts: int = option(2, "how often the shards are indexed", section="Input")
    out: str = option("", "empty folder for the shards; else one that is removed", "DIR", "Output")

    def __post_init__(self) -> None:
        for name in ("subjects", "views", "per_shard", "starts"):
            at_least(name, getattr(self, name), 1)
        at_least("hands", self.hands, 0)


def write_files(tar: tarfile.TarFile, options: IndexOptions) -> None:
    """The files of the subjects of one shard, as `ShardWriter` names them."""
    for subject in range(options.per_shard):
        for view in range(options.views + options.hands):
            for ending in ("rgb.jpg", "proxy.png", "mask.png"):
                add_file(tar, f"s0-{subject:07d}.v{view}.{ending}", b"x")
        add_file(tar, f"s0-{subject:07d}.meta.json", b"x")


def write_shards(folder: Path, options: IndexOptions) -> int:
    """Shards of equal content; returns how many."""
    first = folder / "s0-0000000.tar"
    with new_shard(first) as tar:
        write_files(tar, options)
    os.utime(first, ns=(MTIME_NS, MTIME_NS))
    count = -(-options.subjects // options.per_shard)
    for number in range(1, count):
        os.link(first, folder / f"s0-{number:07d}.tar")
    return count


def run(options: IndexOptions) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.out or temporary)
        shards = write_shards(folder, options)
        starts = [measured(["-c", START, str(folder)]) for _ in range(options.starts)]
        stored = folder / STORED
        size = stored.stat().st_size / 1e6 if stored.exists() else None
    found: dict[str, Any] = {"options": vars(options), "shards": shards, "stored_mb": size, "starts": starts}
    print(json.dumps(found, indent=1))
    return 0


def main(words: list[str]) -> int:
    return exit_status(lambda: Subcommand(IndexOptions, __doc__ or "", run).run(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
