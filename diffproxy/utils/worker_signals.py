"""Signals in worker processes: Ctrl-C is left to the parent, and a worker that is ended leaves no unfinished file."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from diffproxy.utils.exit_status import SIGNALS

_unfinished: list[bool] = []  # one entry while this process writes files


@contextmanager
def signals_wait() -> Iterator[None]:
    """Signals that arrive inside the block take effect after it; processes started inside begin with them blocked.

    So a Ctrl-C, which goes to all processes of a terminal, meets no worker that is not ready for it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def worker_signals(worker: int = 0) -> None:
    """First call of a worker: SIGINT is left to the parent, SIGTERM ends this process.

    It ends with status 0, since a batch system sends SIGTERM to all processes of a job, and torch's `DataLoader` takes
    any other end of a worker for a crash of the parent's.

    Args:
        worker: Its number, which `DataLoader` passes.
    """
    sys.excepthook = _unless_the_parent_left
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def finishing() -> Iterator[None]:
    """Inside the block SIGTERM raises SystemExit, so that clean-up code removes unfinished files."""
    _unfinished.append(True)
    try:
        yield
    finally:
        _unfinished.pop()


def _leave(signum: int, frame: object) -> None:
    if _unfinished:
        raise SystemExit(128 + signum)
    os._exit(0)


def _unless_the_parent_left(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """`sys.excepthook` of a worker: that an interrupted parent no longer takes a shared tensor is no news."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
