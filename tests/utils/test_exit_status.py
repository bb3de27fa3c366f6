"""One line and a known exit status, whatever ends a command."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from diffproxy.utils.errors import InputError, from_os_error
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import remove_leftovers, write_atomic

SLEEPER = """
import sys, time
from pathlib import Path
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import atomic_path
def task():
    with atomic_path(Path(sys.argv[1]) / "a") as path:
        path.write_text("half")
        print("ready", flush=True)
        time.sleep(20)
sys.exit(exit_status(task, "stopped here"))
"""
DROPPED = """
import os, signal, sys, time
from diffproxy.utils.exit_status import exit_status
class Late:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
def task():
    late = Late()
    del late
    time.sleep(20)
sys.exit(exit_status(task, "stopped here"))
"""

FINISHED = """
import atexit, os, signal, sys
from diffproxy.utils.exit_status import exit_status
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
sys.exit(exit_status(lambda: 0))
"""
CHILD = """
import sys, time
from diffproxy.utils.exit_status import leave_with_parent
leave_with_parent()
print("ready", flush=True)
time.sleep(60)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_wrong_input_is_one_message_and_status_2(capsys) -> None:
    def wrong() -> None:
        raise InputError("a rig", "nothing", "write rig=DIR")

    assert exit_status(wrong) == 2
    assert capsys.readouterr().err == "error: expected a rig\n  found nothing\n  fix: write rig=DIR\n"
    assert exit_status(lambda: None) == 0 and exit_status(lambda: 1) == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, "room on the disk"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "permission"),
        (errno.EISDIR, "a file where a file"),
        (errno.EEXIST, "a folder where a folder"),
        (errno.ELOOP, "can be read or written"),
    ],
)
def test_what_the_system_refuses_is_wrong_input(number, expected, capsys) -> None:
    def refused() -> None:
        raise OSError(number, os.strerror(number), "/data/x")

    assert exit_status(refused) == 2
    lines = capsys.readouterr().err.splitlines()
    assert expected in lines[0] and lines[1] == f"  found {os.strerror(number)}: /data/x" and len(lines) == 3
    assert "there" in from_os_error(OSError(number, "x"), "there").found


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: 1 // 0)


def test_interrupts_give_130_and_handlers_come_back(capsys) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    assert exit_status(stopped, "gone") == 130 and capsys.readouterr().err == "gone\n"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_removes_temporary_files_and_says_one_line(tmp_path, signum, status) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signum)
    time.sleep(0.01)
    process.send_signal(signum)  # as `timeout` does
    assert process.communicate(timeout=10)[1] == "stopped here\n"
    assert process.returncode == status and list(tmp_path.iterdir()) == []


def test_a_signal_after_the_work_is_done_changes_nothing() -> None:
    """`atexit` calls the last registered first, so that the signal comes while the interpreter ends."""
    done = subprocess.run([sys.executable, "-c", FINISHED], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_signal_during_a_destructor_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (143, "stopped here\n")


@pytest.mark.parametrize("blocker", ["file", "folder"])
def test_what_is_in_the_way_of_an_output_is_named(tmp_path, blocker) -> None:
    if blocker == "file":
        (tmp_path / "out").write_text("mine")
        target = tmp_path / "out" / "a"
    else:
        target = tmp_path / "a"
        target.mkdir()
        (target / "mine").write_text("x")
    with pytest.raises(InputError, match=f"{tmp_path}"):
        write_atomic(target, b"x")
    assert not list(tmp_path.glob("**/*.tmp"))


def test_leftovers_of_killed_processes_are_removed(tmp_path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {f".a.npz.{dead.pid}.tmp", ".a.npz.1.tmp", "mine.tmp", ".mine.tmp"}
    for name in names:
        (tmp_path / name).write_text("")
    (tmp_path / f".000001.{dead.pid}.tmp").mkdir()
    remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == names - {f".a.npz.{dead.pid}.tmp"}


SPEAKER = """
import sys
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
def task():
    sys.stdout.write("\\u4e2d \\udcff " * 5000)
    if len(sys.argv) > 1:
        raise InputError("\\u4e2d", "x", "y")
sys.exit(exit_status(task))
"""


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("streams", "status", "error"),
    [
        (">/dev/null", 0, ""),
        (">&-", 0, ""),
        (">/dev/full", 2, "error: expected room on the disk for a file or the standard output"),
        ("wrong >/dev/null 2>&-", 2, ""),
        ("wrong >/dev/null 2>/dev/full", 2, ""),
        ("wrong >/dev/null", 2, r"error: expected \u4e2d"),
        ("| head -c 1 >/dev/null", 0, ""),
    ],
)
def test_streams_that_are_closed_full_or_of_another_encoding(streams, status, error) -> None:
    done = subprocess.run(
        f"{sys.executable} -c '{SPEAKER}' {streams}",
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr.partition("\n")[0]) == (status, error)


def test_a_process_leaves_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    assert parent.communicate(timeout=30)[0] == ""  # the child, which has the pipe too, is gone
