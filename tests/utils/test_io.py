"""Files that are either complete or absent."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path, is_alive, output_file, to_json, write_atomic, write_npz


def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(tmp_path):
    file = tmp_path / "new" / "a.txt"
    write_atomic(file, b"first")
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.parent == file.parent and file.read_bytes() == b"first"
        raise RuntimeError
    assert [p.name for p in file.parent.iterdir()] == ["a.txt"] and file.read_bytes() == b"first"
    with atomic_path(file) as temporary:
        temporary.write_bytes(b"second")
    assert [p.name for p in file.parent.iterdir()] == ["a.txt"] and file.read_bytes() == b"second"


def test_equal_arrays_give_equal_bytes(tmp_path):
    arrays = {"a": np.arange(12.0).reshape(3, 4), "scalar": np.array(3, np.int16)}
    for name, order in (("1", "C"), ("2", "F")):
        write_npz(tmp_path / f"{name}.npz", {k: np.asarray(v, order=order) for k, v in arrays.items()})
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    with np.load(tmp_path / "1.npz", allow_pickle=False) as data:
        assert set(data.files) == set(arrays) and all((data[k] == v).all() for k, v in arrays.items())
        assert data["scalar"].shape == () and data["scalar"].dtype == np.int16


def test_json_holds_finite_numbers_only():
    assert to_json({"a": 1.5}) == b'{\n "a": 1.5\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": math.nan})


def test_an_output_replaces_no_file_of_another_kind(tmp_path):
    for name in ("result.npz", "old.html"):
        (tmp_path / name).write_text("mine")
    assert output_file(str(tmp_path / "old.html"), ".html") == tmp_path / "old.html"
    assert output_file(str(tmp_path / "new"), ".html") == tmp_path / "new"
    with pytest.raises(InputError, match=r"which is there already\n.*result\.npz\.html"):
        output_file(str(tmp_path / "result.npz"), ".html")
    with pytest.raises(InputError, match=r"a folder\n.*name\.html"):
        output_file(str(tmp_path), ".html")


def test_errors_name_the_file_and_not_its_temporary_one(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError) as raised:
        write_atomic(tmp_path / "a", b"x")
    assert ".tmp" not in str(raised.value) and str(tmp_path / "a") in str(raised.value)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_that_nobody_has_waited_for_is_not_alive():
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert not is_alive(process.pid)
    process.wait()
    assert not is_alive(process.pid)
