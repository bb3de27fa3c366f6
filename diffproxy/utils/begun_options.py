"""Options of a run that was begun in a folder: whoever goes on with it has the same ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import to_json, write_atomic

log = logging.getLogger(__name__)
SHOWN = 5  # differences in a message


def go_on_with(file: Path, options: dict[str, Any], begun: bool) -> None:
    """Keep `options` (plain JSON) in `file`; of a run that has `begun`, has results, InputError where the file holds
    other ones, with what differs."""
    if begun and file.exists():
        before = read_json(file, "options of a run")
        if not isinstance(before, dict):
            raise InputError(f"options of a run in {file}", "another file", "choose another out=DIR")
        require_same(before, options, f"the options with which the run in {file.parent} was begun")
    elif begun:
        log.warning("no %s: whether the run there was begun with these options is not known", file)
    write_atomic(file, to_json(options))


def keep_finished(results: Iterable[Path], begun: bool) -> None:
    """InputError where a training would start anew and replace these results: its checkpoint has been removed."""
    if there := [str(path) for path in results if not begun and path.exists()]:
        fix = f"put the checkpoint back, choose another out=DIR, or remove {there[0]}"
        raise InputError("the checkpoint of the training", f"none beside {', '.join(there[:3])}", fix)


def require_same(
    before: dict[str, Any], now: dict[str, Any], what: str, fix: str = "choose another out=DIR"
) -> None:
    """InputError that names what differs between two sets of options; `what` they should be."""
    if found := differences(before, now):
        raise InputError(what, "; ".join(found[:SHOWN]), fix)


def differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Readable `key: before -> now` for everything that differs."""
    out: list[str] = []
    for key in sorted({*before, *now}):
        x, y = before.get(key), now.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            out += differences(x, y, f"{prefix}{key}.")
        elif x != y:
            out.append(f"{prefix}{key}: {x} before, {y} now")
    return out
