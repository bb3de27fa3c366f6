"""The subjects of an evaluation that is not finished: a file beside its report, which the same command goes on from."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from diffproxy.utils.errors import from_os_error
from diffproxy.utils.io import write_atomic

log = logging.getLogger(__name__)


class PartialRows:
    """`NAME.partial.jsonl` beside the report: a line with the run's fingerprint, then a line for each subject.

    Args:
        out: File of the report.
        stamp: Fingerprint of options and inputs; the rows of another one are dropped.
    """

    def __init__(self, out: Path, stamp: str):
        self.path = out.with_suffix(".partial.jsonl")
        self.rows: dict[str, dict[str, Any]] = {}
        lines = self.path.read_text(errors="replace").splitlines() if self.path.is_file() else []
        if lines[:1] == [json.dumps({"run": stamp})]:
            for line in lines[1:]:
                try:
                    row = json.loads(line)
                    self.rows[row["key"]] = row
                except (ValueError, KeyError, TypeError):
                    break  # the line that was being written
        kept = [{"run": stamp}, *self.rows.values()]
        write_atomic(self.path, "".join(json.dumps(row) + "\n" for row in kept).encode())
        if self.rows:
            log.info("%d subjects were finished before", len(self.rows))

    def add(self, row: dict[str, Any]) -> None:
        """Keep one more subject. InputError where that cannot be written."""
        self.rows[row["key"]] = row
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise from_os_error(error, self.path) from error

    def remove(self) -> None:
        """When the report is written."""
        self.path.unlink(missing_ok=True)
