"""Reports of `evaluate.py` that are made once, and again when options, weights, body or data are others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.digests import path_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import to_json, write_atomic


def kept_report(words: Sequence[str], out: Path, make: Callable[[list[str]], None]) -> dict[str, Any]:
    """The report of `evaluate.py` with these words: `out`, if it was made with them from the same files.

    Args:
        words: Options of `evaluate.py` without `out`.
        out: File of the report. `NAME.words.json` beside it says what it was made with.
        make: Called with all words where the report is not there, is not what was written, or was made from something
            else.
    """
    full = [f"out={out}", *words]
    made = {"words": full, "inputs": inputs_of(full)}
    beside = out.with_suffix(".words.json")
    if _read(beside) != made | {"report": path_digest(out)}:
        make(full)
        write_atomic(beside, to_json(made | {"report": path_digest(out)}))
    return read_json(out, "a report of evaluate.py")


def inputs_of(words: Sequence[str]) -> str:
    """Fingerprint of what an evaluation with these words reads."""
    from diffproxy.commands import evaluate_command
    from diffproxy.evaluation.evaluate import evaluation_stamp

    return evaluation_stamp(evaluate_command().compose(words))


def _read(path: Path) -> Any:
    """The content of a file; None where it is missing or damaged."""
    try:
        return read_json(path)
    except InputError:
        return None
