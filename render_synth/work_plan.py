"""The shards a run still has to render, and the check that a folder was begun with the same options."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from diffproxy.motion.pose_bank.sampler import BANK_FILE
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import is_alive, make_folder, remove_leftovers, write_atomic
from render_synth.config import RenderConfig

NAME = re.compile(r"s(\d+)-(\d+)-(\d+)\.(?:tar|(\d+)\.tmp)")


def shard_name(seed: int, samples: range) -> str:
    """File name with seed and sample numbers, so that runs over other ranges of k may share the folder."""
    return f"s{seed}-{samples.start:07d}-{samples.stop - 1:07d}.tar"


def missing_shards(config: RenderConfig) -> list[range]:
    """The samples still to render, as one range per shard; removes what a killed run left of them.

    Samples that any finished shard of this seed holds are not rendered again, whatever `per_shard` was then.
    """
    out = make_folder(Path(config.out))
    remove_leftovers(out)
    stop = config.start + config.subjects
    todo = set(range(config.start, stop))
    for path in sorted(out.iterdir()):
        name = NAME.fullmatch(path.name)
        if not name or int(name[1]) != config.seed:
            continue
        held = range(max(int(name[2]), config.start), min(int(name[3]) + 1, stop))
        if held and name[4]:
            if not is_alive(int(name[4])):  # else another run is at work on it
                path.unlink()
        elif held and path.is_file():
            todo.difference_update(held)
    shards = []
    for first in range(config.start, stop, config.per_shard):
        shards += runs([k for k in range(first, min(first + config.per_shard, stop)) if k in todo])
    return shards


def runs(numbers: list[int]) -> list[range]:
    """Rising numbers as ranges without holes."""
    out: list[range] = []
    for k in numbers:
        if out and out[-1].stop == k:
            out[-1] = range(out[-1].start, k + 1)
        else:
            out.append(range(k, k + 1))
    return out


def environment_files(config: RenderConfig) -> tuple[str, ...]:
    """The environment lights to draw from, sorted; none without the option `env`."""
    if not config.env:
        return ()
    files = tuple(sorted(str(p) for p in Path(config.env).iterdir() if p.suffix.lower() in (".hdr", ".exr")))
    if not files:
        fix = "put equirectangular environments there, or leave env out for procedural light"
        raise InputError(".hdr or .exr files in env", f"none in {config.env}", fix)
    return files


def check_options(config: RenderConfig) -> None:
    """One folder, one set of options per seed: otherwise a resumed run would mix two kinds of data."""
    from render_synth.humans.poses.pose_source import motion_files

    path = Path(config.out) / f"options-s{config.seed}.json"
    now: dict[str, Any] = config.content() | {
        "environments": [Path(p).name for p in environment_files(config)],
        "motion_files": [Path(p).name for p in motion_files(config.motion)],
        "pose_bank": hashlib.sha256(BANK_FILE.read_bytes()).hexdigest()[:16],
    }
    if not path.exists():
        write_atomic(path, json.dumps(now, indent=1, sort_keys=True).encode())
        return
    before = read_json(path, "the options of a run")
    if not isinstance(before, dict):
        raise InputError(f"the options of a run in {path}", "another file", "use another out=")
    if unknown := sorted(set(before) - set(now)):
        found = f"{path} with {', '.join(unknown)}: options of another version, under other names"
        raise InputError(
            f"options among {', '.join(now)}", found, "finish that run with its version, or use another out="
        )
    # An option that did not exist when the folder was begun had the effect of its present default.
    before = RenderConfig().content() | before
    changed = sorted(k for k in now if before.get(k, now[k]) != now[k])
    if changed:
        found = ", ".join(f"{k}={now[k]} (was {before[k]})" for k in changed)
        raise InputError(
            f"the options with which {path.parent} was begun", found, "use another out= or another seed="
        )
