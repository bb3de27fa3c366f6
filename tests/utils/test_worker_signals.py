"""A signal that all processes of a command get, as Ctrl-C in a terminal or the end of a batch job."""

import os
import signal
import subprocess
import sys

import pytest

TRAINING = """
import sys, time
from torch.utils.data import DataLoader
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.worker_signals import signals_wait, worker_signals

def work():
    loader = DataLoader(range(1000), num_workers=2, worker_init_fn=worker_signals)
    with signals_wait():
        batches = iter(loader)
    next(batches)
    print("ready", flush=True)
    try:
        for _ in batches:
            time.sleep(0.1)
    finally:
        time.sleep(0.5)  # work of the clean-up, in which the ends of the workers are noticed

sys.exit(exit_status(work))
"""


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_all_processes_ends_a_training_with_one_line(signum, status):
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signum)
    _, messages = process.communicate(timeout=60)
    assert (process.returncode, messages) == (status, "interrupted\n")
