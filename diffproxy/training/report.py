"""Progress reports of a training run: progress bar, curves.jsonl and TensorBoard."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor
from tqdm import tqdm

from diffproxy.utils.io import make_folder, write_atomic

log = logging.getLogger(__name__)


class Reporter:
    """Averages losses and writes them. Create it in the main process only.

    Args:
        out: Folder of the run.
        start: Steps that are done already.
        steps: Steps of the whole run.
        every: Steps that one line of the curves is the mean of.
        tensorboard: Write for TensorBoard, too, where it is installed.
    """

    def __init__(self, out: Path, start: int, steps: int, every: int, tensorboard: bool):
        make_folder(out)
        self.curves, self.every = out / "curves.jsonl", every
        self.running: dict[str, float] = {}
        self.count = 0  # steps in it: fewer than `every` after a resume
        self.validated = _resume_curves(self.curves, start)
        self.mark = time.monotonic()
        self.bar = tqdm(total=steps, initial=start, desc="train", unit="step")
        self.board = _summary_writer(out / "tensorboard", start) if tensorboard else None

    def losses(self, step: int, losses: dict[str, Tensor], grad_norm: float) -> None:
        """Add the losses of one step; every `every` steps their means are written."""
        for k, v in losses.items():
            self.running[k] = self.running.get(k, 0.0) + v.item()
        self.bar.update()
        self.count += 1
        if step % self.every:
            return
        row: dict[str, Any] = {k: round(v / self.count, 5) for k, v in self.running.items()}
        self.bar.set_postfix(row)
        seconds = (time.monotonic() - self.mark) / self.count
        self._write(step, row | {"s_per_step": round(seconds, 4), "grad_norm": round(grad_norm, 3)}, "train")
        self.mark, self.running, self.count = time.monotonic(), {}, 0

    def scores(self, step: int, scores: dict[str, float], image: UInt8[np.ndarray, "H W 3"]) -> None:
        """Held-out scores and an image; the time they take does not count as training."""
        self._write(step, scores, "val")
        log.info("step %d: %s", step, scores)
        if self.board is not None:
            self.board.add_image("val/proxies", image, step, dataformats="HWC")
        self.mark = time.monotonic()

    def close(self) -> None:
        self.bar.close()
        if self.board is not None:
            self.board.close()

    def _write(self, step: int, row: dict[str, Any], group: str) -> None:
        line = row | {"step": step} if group == "train" else {"step": step, group: row}
        with self.curves.open("a") as f:
            f.write(json.dumps(line) + "\n")
        if self.board is not None:
            for k, v in row.items():
                self.board.add_scalar(f"{group}/{k}", v, step)


def _resume_curves(path: Path, start: int) -> set[int]:
    """Keep the whole lines of steps up to `start`; returns the steps that have held-out scores."""
    if not path.exists():
        return set()
    rows = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:  # the line that was being written
            continue
    kept = [r for r in rows if isinstance(r, dict) and r.get("step", start + 1) <= start]
    write_atomic(path, "".join(json.dumps(r) + "\n" for r in kept).encode())
    return {r["step"] for r in kept if "val" in r}


def _summary_writer(folder: Path, start: int) -> Any | None:
    """TensorBoard's writer, or None if it is not installed; a resumed run replaces events after `start`."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("no TensorBoard here (pip install tensorboard): curves are in curves.jsonl alone")
        return None
    return SummaryWriter(folder, purge_step=start + 1)
