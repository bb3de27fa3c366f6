"""Kill a command at random moments and start it again until it is done: nothing lost, the same results, no leftovers.

    python benchmarks/kill_and_resume.py command=fit kills=20
    python benchmarks/kill_and_resume.py command=fit_shared kills=20
    python benchmarks/kill_and_resume.py command=render kills=20
    python benchmarks/kill_and_resume.py command=train kills=20 shards=shards/train
    python benchmarks/kill_and_resume.py command=train_two kills=20 shards=shards/train
    python benchmarks/kill_and_resume.py command=evaluate kills=20 shards=shards/test
    python benchmarks/kill_and_resume.py command=fit_jobs kills=20 to=group

`to=group`: the signal goes to the command and to all processes it has started, as Ctrl-C in a terminal and a batch
system's end do; `to=process`: to the command alone. `fit_jobs` fits three copies of one frame in two processes.
`train_two` trains in two processes of `torchrun`; SIGKILL ends the launcher or one of the two. How `torchrun` itself
ends is not counted. Training is also `different` where `curves.jsonl` has a step twice, or none of one.
Signals are drawn from SIGINT, SIGTERM and SIGKILL, moments uniformly over the seconds of an uninterrupted run, so from
start-up on. A command that is done starts anew in an empty folder. Prints one line of JSON: `wrong_exit` (another
status than 130 after SIGINT and 143 after SIGTERM), `tracebacks`, `leftovers` (temporary files after SIGINT, SIGTERM,
or a finished run) and `different` (finished runs whose results are not those of the uninterrupted one) should be 0.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from script_words import read_words

MINE = {
    "command": "fit",
    "kills": "20",
    "shards": "shards/test",
    "rig": "examples/synthetic_rig",
    "seed": "0",
    "to": "process",
}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
COUNTED = ("kills", "finished", "wrong_exit", "tracebacks", "leftovers", "different")
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}


def words_of(given: dict[str, str], out: Path) -> list[str]:
    """The command line that writes to `out`."""
    shards = f"shards={given['shards']}"
    command = "train" if given["command"] == "train_two" else given["command"]
    return {
        "fit": ["fit", f"rig={given['rig']}", f"out={out}", "hands=false", "tta_flip=false"],
        "fit_shared": ["fit", f"rig={given['rig']}", f"out={out}", "hands=false", "shape=shared", "smooth=1"],
        "fit_jobs": ["fit", f"rig.path={out.parent / 'rig'}", f"out={out}", "hands=false", "tta_flip=false", "jobs=2",
                     "segment=1"],
        "render": ["render", f"out={out}", "subjects=4", "per_shard=1", "size=64", "samples_per_pixel=1", "views=2"],
        "train": ["train", shards, f"out={out}", "steps=6", "batch=1", "views=2", "save_every=1", "log_every=1",
                  "diffusion_weight=0", "workers=1", "precision=no", "tensorboard=false", "hands=false"],
        "evaluate": ["evaluate", shards, f"out={out}/e.json", "limit=4", "proxies=exact"],
    }[command]  # fmt: skip


def _arrays(out: Path) -> str:
    total = hashlib.sha256()
    with np.load(out / "result.npz", allow_pickle=False) as file:
        for name in sorted(set(file.files) - {"meta"}):
            total.update(name.encode() + file[name].tobytes())
    return total.hexdigest()


def _files(out: Path, pattern: str) -> str:
    found = {
        p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in out.glob(pattern)
    }
    return json.dumps(found, sort_keys=True)


def _training(out: Path) -> str:
    steps = [json.loads(line)["step"] for line in (out / "curves.jsonl").read_text().splitlines()]
    return f"{_files(out, 'model/**/*.safetensors')} {steps}"


def _rows(out: Path) -> str:
    rows = json.loads((out / "e.json").read_text())["subjects"]
    return json.dumps([{k: v for k, v in r.items() if k not in ("seconds", "stages")} for r in rows])


RESULTS: dict[str, Callable[[Path], str]] = {
    "fit": _arrays,
    "fit_shared": _arrays,
    "fit_jobs": _arrays,
    "render": lambda out: _files(out, "*.tar"),
    "train": _training,
    "train_two": _training,
    "evaluate": _rows,
}


def start(command: str, words: list[str], messages: IO[str]) -> subprocess.Popen:
    launcher = TORCHRUN if command == "train_two" else []
    environment = os.environ | {"ACCELERATE_USE_CPU": "true"}
    line = [sys.executable, *launcher, "-m", "diffproxy", *words]
    # A file, since of a pipe one would wait for the end until the last process that has it is gone.
    return subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=messages, env=environment, start_new_session=True
    )


def write_take(folder: Path, rig: Path, frames: int = 3) -> None:
    """The first frame of a rig several times."""
    shutil.copytree(rig, folder, ignore=shutil.ignore_patterns("ground_truth.npz"))
    for image in list((folder / "images").glob("*/*")):
        for i in range(1, frames):
            shutil.copy(image, image.with_name(f"{i:06d}{image.suffix}"))


def launched(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def leftovers(out: Path) -> list[str]:
    return [str(p) for pattern in ("**/*.tmp", "**/.*.tmp", "*.partial.jsonl") for p in out.glob(pattern)]


@dataclass
class Runs:
    """One command, run again and again in the same folder; some of the runs are killed.

    `ours`: the exit status is that of the command, and not of a launcher.
    """

    given: dict[str, str]
    folder: Path
    rng: random.Random
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    notes: list[str] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        return self.given["command"] != "train_two"

    def run(self, out: Path, seconds: float | None, signum: signal.Signals) -> tuple[int, str, bool]:
        """Exit status, messages, and whether the process was killed, which it is after these seconds."""
        messages = self.folder / "messages"
        with messages.open("w") as file:
            process = start(self.given["command"], words_of(self.given, out), file)
            try:
                process.wait(seconds)
                killed = False
            except subprocess.TimeoutExpired:
                among = [process.pid]
                if signum == signal.SIGKILL and not self.ours:
                    among += launched(process.pid)
                if self.given["to"] == "group":
                    os.killpg(process.pid, signum)
                else:
                    os.kill(self.rng.choice(among), signum)
                killed = process.wait() != 0
        return process.returncode, messages.read_text(), killed

    def judge(self, out: Path, signum: signal.Signals, status: int, message: str, killed: bool) -> None:
        """Count what should not be after a run."""
        done = status == 0
        if not done and not (killed and (status == SIGNALS[signum] or not self.ours)):
            self.note("wrong_exit", f"{signum.name}: {status}: {message[-1500:]}")
        if self.ours and "Traceback" in message:
            self.note("tracebacks", f"{signum.name}: {status}: {message[-1500:]}")
        orderly = done or signum != signal.SIGKILL
        if orderly and (left := [x for x in leftovers(out) if done or not x.endswith(".jsonl")]):
            self.note("leftovers", *left[:3])

    def note(self, kind: str, *notes: str) -> None:
        self.counts[kind] += 1
        self.notes += notes


def main(words: list[str]) -> dict[str, Any]:
    given = MINE | read_words(words, MINE)
    result, rng = RESULTS[given["command"]], random.Random(int(given["seed"]))
    with tempfile.TemporaryDirectory() as folder:
        whole, out = Path(folder) / "whole", Path(folder) / "out"
        if given["command"] == "fit_jobs":
            write_take(Path(folder) / "rig", Path(given["rig"]))
        runs = Runs(given, Path(folder), rng)
        begin = time.monotonic()
        status, message, _ = runs.run(whole, None, signal.SIGKILL)
        if status:
            raise SystemExit(message)
        seconds, expected = time.monotonic() - begin, result(whole)
        counts = runs.counts
        while counts["kills"] < int(given["kills"]) or out.exists():
            signum = rng.choice(list(SIGNALS))
            more = counts["kills"] < int(given["kills"])
            status, message, killed = runs.run(out, rng.uniform(0, seconds) if more else None, signum)
            counts["kills"] += killed
            runs.judge(out, signum, status, message, killed)
            if status == 0:
                counts["finished"] += 1
                counts["different"] += result(out) != expected
                shutil.rmtree(out)
    row = {
        "benchmark": "kill_and_resume",
        "command": given["command"],
        "seconds": round(seconds, 1),
        **counts,
    }
    print(json.dumps(row | {"notes": runs.notes[:10]}))
    return row


if __name__ == "__main__":
    main(sys.argv[1:])
