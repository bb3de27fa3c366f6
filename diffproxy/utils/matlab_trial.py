"""MATLAB files at which scipy's reader crashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from diffproxy.utils.errors import InputError

TRIAL = "import sys; from scipy.io import loadmat; loadmat(sys.argv[1], simplify_cells=True)"
TRIAL_SECONDS = 60


def refuse_crashing(path: Path) -> None:
    """Read a .mat file once in a process of its own, which takes 0.4 s; errors that are raised are the caller's matter.

    Raises:
        InputError: the reader crashes, for which one changed byte may be enough, or does not end.
    """
    words = [sys.executable, "-I", "-c", TRIAL, str(path)]
    try:
        done = subprocess.run(words, timeout=TRIAL_SECONDS, stdin=subprocess.DEVNULL, capture_output=True)
        crashed = done.returncode not in (0, 1)
    except subprocess.TimeoutExpired:
        crashed = True
    if crashed:
        raise InputError(f"a MATLAB file in {path}", "one at which its reader crashes", "save it again")
