"""Memory and results of a long take: many cheap frames from saved proxies, by one or several processes. Prints JSON.

    python benchmarks/long_take.py [frames=320] [jobs=1,2] [segment=40] [out=DIR]

Exact proxies of one standing body in three views of 96 pixels are saved once and copied under every frame number. The
fit uses 150 pixels a view and no hands; what is measured is everything around it. For each number of processes:
"rss_mib" of the main process when so many frames were done, "cpu_s" of all processes, "wall_s", and
"largest_difference_m" of the joints to the first number of processes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from script_words import read_words

from diffproxy.body import BodyParams, load_body
from diffproxy.cameras import Camera
from diffproxy.cli import SHIPPED
from diffproxy.export import load_result
from diffproxy.geometry.directions import look_at_rotation
from diffproxy.pipeline.config import FitOptions, SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.model_options import SolverOption
from diffproxy.proxies import render_proxies
from diffproxy.proxies.io import save_proxies

MINE = {"frames": "320", "jobs": "1,2", "segment": "40", "out": ""}
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


def write_take(folder: Path, frames: int) -> None:
    """Proxies of one body under `frames` numbers."""
    body = load_body("anny")
    pose = torch.zeros(1, 63)
    pose[0, 3 * 15 + 2], pose[0, 3 * 16 + 2] = -0.9, 0.9  # arms hanging
    with torch.no_grad():
        vertices = body(BodyParams.rest().replace(body_pose=pose)).vertices[0].numpy()
    cameras = []
    for i in range(3):
        position = np.array([3.2 * np.sin(2.1 * i), 1.0, 3.2 * np.cos(2.1 * i)])
        R = look_at_rotation(position, np.zeros(3))
        K = np.array([[115.0, 0, 48], [0, 115.0, 48], [0, 0, 1]])
        cameras.append(Camera(f"cam{i}", 96, 96, K, R, -R @ position))
    first = folder / "000000"
    save_proxies(render_proxies(body, vertices, cameras, ["body"] * 3), first, body)
    for k in range(1, frames):
        shutil.copytree(first, folder / f"{k:06d}")


def measure(proxies: Path, out: Path, jobs: int, segment: int, frames: int) -> dict:
    """One run, watched from a thread."""
    options = FitOptions(
        proxies=str(proxies), out=str(out), hands=False, jobs=jobs, segment=segment,
        solver=SolverOption(settings={"max_pixels": 150}),
        save=SaveOptions(mesh="none", overlay=False, report=False, viewer=False, proxies=False),
    )  # fmt: skip
    memory: dict[int, int] = {}
    running = threading.Event()
    running.set()

    def watch() -> None:
        while running.is_set():
            done = len(list((out / "frames").glob("*.npz"))) // 40 * 40
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            memory[done] = pages * PAGE >> 20
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, cpu = time.perf_counter(), os.times()
    run_fit(options, SHIPPED)
    now = os.times()
    running.clear()
    watcher.join()
    used = sum(now[:4]) - sum(cpu[:4])  # of this process and of the ones that it waited for
    return {
        "rss_mib": memory, "cpu_s": round(used, 1), "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s_a_frame": round(used / frames, 3),
    }  # fmt: skip


def main(words: list[str]) -> dict:
    """Returns what is printed."""
    options = MINE | read_words(words, MINE)
    frames, segment = int(options["frames"]), int(options["segment"])
    rows: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options["out"] or temporary)
        write_take(folder / "proxies", frames)
        first = None
        for jobs in (int(n) for n in options["jobs"].split(",")):
            out = folder / f"fit_{jobs}"
            rows[f"{jobs} processes"] = measure(folder / "proxies", out, jobs, segment, frames)
            joints = load_result(out / "result.npz").joints
            first = joints if first is None else first
            rows[f"{jobs} processes"]["largest_difference_m"] = float(np.abs(joints - first).max())
    return {"options": options, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
