"""The subjects of an evaluation that is not finished: a file beside its report, which the same command goes on from."""

from __future__ import annotations

import glob
import json
import logging
from pathlib import Path
from typing import Any

from diffproxy.utils.errors import from_os_error
from diffproxy.utils.io import write_atomic
from diffproxy.utils.one_writer import OneWriter

log = logging.getLogger(__name__)


class PartialRows:
    """`NAME.partial.N.jsonl` beside the report: a line with the run's fingerprint, then a line for each subject.

    Every process N writes a file of its own and reads those of all, also of an earlier run with more processes.
    InputError where another run writes it at the same time.

    Args:
        out: File of the report.
        stamp: Fingerprint of options and inputs; the rows of another one are dropped.
        rank: Number of this process.
    """

    def __init__(self, out: Path, stamp: str, rank: int = 0):
        self.out, self.stamp = out, stamp
        self.path = out.with_suffix(f".partial.{rank}.jsonl")
        first = OneWriter(self.path) if self.path.exists() else None
        kept = [{"run": stamp}, *self._read(self.path).values()]
        write_atomic(self.path, "".join(json.dumps(row) + "\n" for row in kept).encode())
        self._writer = OneWriter(self.path)
        if first is not None:
            first.release()
        self.rows = self.all()
        if self.rows and not rank:
            log.info("%d subjects were finished before", len(self.rows))

    def all(self) -> dict[str, dict[str, Any]]:
        """The finished subjects of all processes, by key."""
        return {key: row for path in self._paths() for key, row in self._read(path).items()}

    def _paths(self) -> list[Path]:
        return sorted(self.out.parent.glob(f"{glob.escape(self.out.stem)}.partial.*.jsonl"))

    def _read(self, path: Path) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        if lines[:1] == [json.dumps({"run": self.stamp})]:
            for line in lines[1:]:
                try:
                    row = json.loads(line)
                    rows[row["key"]] = row
                except (ValueError, KeyError, TypeError):
                    break  # the line that was being written
        return rows

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
        for path in self._paths():
            path.unlink(missing_ok=True)
        self._writer.release()
