"""How every command ends: one readable line and an exit status, also when a signal stops it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from diffproxy.utils.errors import InputError, from_os_error

USAGE_ERROR = 2
RESUMES = "interrupted: finished results are kept, the same command resumes"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
REPEATS = 2.0  # seconds; `timeout` and process managers send a signal to the process and again to its group
RESEND = 0.05  # seconds


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived."""

    def __init__(self, signum: int):
        super().__init__()
        self.signum = signum


def exit_status(task: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """Run a command and turn what stops it into one message on stderr and an exit status.

    Args:
        task: Returns an exit status, None for 0.
        interrupted: What to print when a signal stops it; "": nothing.

    Returns:
        The task's status; 2 for wrong input, and for files and folders that cannot be read or written; 130 after
        SIGINT and 143 after SIGTERM. Everything else (a bug) is raised.
    """
    _usable_streams()
    with signals_as_exceptions():
        try:
            status = task() or 0
            _flush_stdout()
            return status
        except InputError as error:
            return _complain(error)
        except BrokenPipeError:  # the reader of our output has left, such as `head`
            _drop_stdout()
            return 128 + getattr(signal, "SIGPIPE", 13)  # Windows has no such signal
        except OSError as error:
            with suppress(InputError, BrokenPipeError):
                _flush_stdout()
            return _complain(from_os_error(error, "a file or the standard output"))
        except KeyboardInterrupt as error:
            if interrupted:
                sys.stderr.write(f"{interrupted}\n")
            return 128 + (error.signum if isinstance(error, Interrupted) else signal.SIGINT)


def _complain(error: InputError) -> int:
    with suppress(OSError):  # nobody reads it: the status remains
        sys.stderr.write(f"error: {error}\n")
    return USAGE_ERROR


def _usable_streams() -> None:
    """A closed stream takes what is written; characters that the encoding of a stream lacks are escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", errors="backslashreplace"))  # noqa: SIM115 (to the end of the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush_stdout() -> None:
    """Now, while an error can still be told: at the end of the interpreter it would be a traceback."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_stdout()
        raise from_os_error(error, "the standard output") from error


def _drop_stdout() -> None:
    """What is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Inside the block SIGINT and SIGTERM raise `Interrupted` in the main thread, so that clean-up code runs.

    A signal that comes while the first one is handled is ignored; after `REPEATS` seconds it ends the process at
    once. After an interrupted block the handlers stay, so that the interpreter's own clean-up is not cut off.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(SIGNALS[0]) is _handle:
        yield  # in a thread signals cannot be caught; a command inside a command has its handlers already
        return
    before = {s: signal.signal(s, _handle) for s in SIGNALS}
    hook, sys.unraisablehook = sys.unraisablehook, _unraisable
    _first.clear()
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if not _first:
            for signum, handler in before.items():
                signal.signal(signum, handler)
            # The work is done: a signal while the interpreter takes itself apart would only change the status.
            atexit.unregister(_ignore_signals)
            atexit.register(_ignore_signals)


_first: list[float] = []  # when the first signal came


def _handle(signum: int, frame: FrameType | None) -> None:
    if not _first:
        _first.append(time.monotonic())
        atexit.register(_ignore_signals)
        raise Interrupted(signum)
    if time.monotonic() - _first[0] > REPEATS:
        os._exit(128 + signum)


def _ignore_signals() -> None:
    """At the very end: Python resets its handlers then, and a second signal would change the exit status."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _unraisable(what: Any) -> None:
    """Send a signal again whose exception was raised where Python can only drop it, such as in a `__del__`."""
    if isinstance(what.exc_value, Interrupted):
        _first.clear()
        threading.Timer(RESEND, os.kill, (os.getpid(), what.exc_value.signum)).start()
    else:
        sys.__unraisablehook__(what)


def leave_with_parent() -> None:
    """From now on this process ends within about a second of its parent, also if that one was killed.

    For the processes of a launcher such as `torchrun`: without it they would work on beside those of the next start.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
