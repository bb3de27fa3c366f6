"""What C libraries write to stderr: libjpeg and FFmpeg report damage there, and nowhere else."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

DAMAGE = re.compile(
    "error|corrupt|invalid|conceal|missing|overread|unable|damaged", re.IGNORECASE
)  # of FFmpeg's messages
ADDRESS = re.compile(r" @ 0x[0-9a-f]+")  # of a decoder in memory: another in each run
_one_at_a_time = threading.RLock()


@contextmanager
def native_messages() -> Iterator[list[str]]:
    """Lines that C code writes to stderr inside the block; the list is filled when the block ends."""
    lines: list[str] = []
    with _one_at_a_time, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            lines += [
                ADDRESS.sub("", line.strip())
                for line in file.read().decode(errors="replace").splitlines()
                if line.strip()
            ]
