"""Processes that wait for each other: nobody goes on before the last one has come, and a signal ends the waiting."""

import os
import signal
import socket
import threading
import time
from datetime import timedelta

import pytest
from torch.distributed import TCPStore

from diffproxy.utils.exit_status import Interrupted, signals_as_exceptions
from diffproxy.utils.processes import Processes


@pytest.fixture
def launcher(monkeypatch):
    """The environment of `torchrun`, which keeps the store."""
    store = TCPStore("localhost", 0, is_master=True, timeout=timedelta(seconds=20), wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    return store


def test_all_wait_for_the_last(launcher):
    done = []

    def work(rank):
        process = Processes(rank, 3)
        for turn in range(3):
            time.sleep(0.02 * ((rank + turn) % 3))
            done.append(("come", turn))
            process.wait_for_all()
            done.append(("gone", turn))

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for turn in range(3):
        last = max(i for i, step in enumerate(done) if step == ("come", turn))
        assert last < min(i for i, step in enumerate(done) if step == ("gone", turn))


def test_without_a_launcher_the_first_one_keeps_the_store(launcher, monkeypatch):
    """It leaves last, so that the others find their store."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.delenv("TORCHELASTIC_USE_AGENT_STORE")
    monkeypatch.setenv("MASTER_PORT", str(port))
    first = threading.Thread(target=Processes(0, 2).wait_for_all)
    first.start()
    time.sleep(0.3)
    assert first.is_alive()
    Processes(1, 2).wait_for_all()
    first.join(10)
    assert not first.is_alive()


def test_a_signal_ends_the_waiting(launcher):
    """A process that waited in torch would hear nothing, and `torchrun` would kill it after 30 s."""
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    began = time.monotonic()
    with pytest.raises(Interrupted), signals_as_exceptions():
        timer.start()
        Processes(1, 2).wait_for_all()
    assert time.monotonic() - began < 10


def test_one_process_waits_for_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    Processes.current().wait_for_all()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    process = Processes.current()
    assert not process.is_alone and not process.is_main and process.owns(3) and not process.owns(2)
