"""One process at a time writes results to a folder or file: a second one is refused, not mixed in."""

from __future__ import annotations

import os
import time
import weakref
from pathlib import Path

from diffproxy.utils.errors import InputError, from_os_error

PATIENCE = 10.0  # seconds; so long the workers of a killed process may outlive it
POLL = 0.1  # seconds


class OneWriter:
    """A lock on an existing folder or file, held until `release`, or until nobody refers to it, or the process ends.

    It leaves no file, and goes with a process that is killed. On file systems without locks it does nothing.

    Args:
        path: The folder or file.
        shared: Others that also say so may hold it too, such as the parts of one run.

    Raises:
        InputError: another process holds it, after a wait of `PATIENCE` seconds.
    """

    def __init__(self, path: Path, shared: bool = False):
        try:
            import fcntl
        except ImportError:  # Windows
            return
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        until = time.monotonic() + PATIENCE
        while True:
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except OSError as error:
                raise from_os_error(error, path) from error
            self._finalizer = weakref.finalize(self, _unlock, descriptor)
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                if _is_at(descriptor, path):
                    return
            except BlockingIOError:
                if time.monotonic() > until:
                    self.release()
                    raise _held(path) from None
            except OSError:  # no locks here
                return
            self.release()
            time.sleep(POLL)

    def release(self) -> None:
        """Let others write there; again without effect."""
        if hasattr(self, "_finalizer"):
            self._finalizer()


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether `path` is still what was opened: its holder may have replaced it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _unlock(descriptor: int) -> None:
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for the copies that forked processes have
    os.close(descriptor)


def _held(path: Path) -> InputError:
    return InputError(
        f"no other process that writes to {path}",
        "one that is at work",
        "wait for its end, or choose another out=",
    )
