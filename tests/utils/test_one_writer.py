"""A lock on a folder or file that no file shows and no killed process keeps."""

import subprocess
import sys

import pytest

from diffproxy.utils import one_writer
from diffproxy.utils.errors import InputError
from diffproxy.utils.one_writer import OneWriter

pytest.importorskip("fcntl")
HOLDER = """
import sys, time
from pathlib import Path
from diffproxy.utils.one_writer import OneWriter
lock = OneWriter(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(one_writer, "PATIENCE", 0.0)


@pytest.mark.parametrize(("first", "second", "fits"), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_only_those_who_share_hold_it_together(first, second, fits, tmp_path):
    lock = OneWriter(tmp_path, shared=bool(first))
    if fits:
        OneWriter(tmp_path, shared=bool(second)).release()
    else:
        with pytest.raises(InputError, match=r"no other process that writes to[\s\S]*another out="):
            OneWriter(tmp_path, shared=bool(second))
    lock.release()
    lock.release()
    OneWriter(tmp_path)
    OneWriter(tmp_path)  # nobody refers to the one before
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_replaced_can_be_held_again(tmp_path):
    path, new = tmp_path / "rows", tmp_path / "new"
    path.touch()
    new.touch()
    old = OneWriter(path)
    new.replace(path)
    current = OneWriter(path)
    old.release()
    with pytest.raises(InputError, match="no other process"):
        OneWriter(path)
    current.release()


def test_a_killed_process_does_not_keep_it(tmp_path, monkeypatch):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="no other process"):
            OneWriter(tmp_path)
        holder.kill()
    monkeypatch.setattr(one_writer, "PATIENCE", 10.0)
    OneWriter(tmp_path)
