"""Rehearsal data through the readers of published data sets, and the same subjects straight from their shards.

    python -m diffproxy.evaluation.rehearsal_check shards=shards/test path=rehearsal limit=2

evaluates each subject twice in the six settings of Table 1 and prints the largest difference of every error. The second
way knows a data set's picture size and file format and which parameters its bodies have, but no file, axis, unit or
number of it: what a reader gets wrong shows as a difference. Boxes around the projected body are compared, and then
both ways get the reader's: what differs by a millionth of a pixel reads a few pixels differently. BEHAVE's lens is
taken out by OpenCV instead of by the reader; pictures written with `lens=false` are checked with the same word. Exit
status: 0, 1 for a difference above 0.1 mm or a hundredth of a pixel, 2 for wrong input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from diffproxy.body import load_body
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.datasets.partial import partial_subject
from diffproxy.evaluation.evaluate import open_evaluator
from diffproxy.evaluation.rehearsal_subject import LAYOUTS, from_shards
from diffproxy.evaluation.rehearsal_take import take_of
from diffproxy.evaluation.tables import SETTINGS
from diffproxy.pipeline import inputs
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import at_least, option
from diffproxy.utils.subcommand import Subcommand

TOLERANCE, BOX_TOLERANCE = 0.1, 0.01  # mm, pixels
ERRORS = ("mpjpe", "ra_mpjpe", "pa_mpjpe", "mpvpe", "ra_mpvpe", "pa_mpvpe")


@dataclass
class CheckOptions:
    shards: str = option("shards/test", "shards that the rehearsal was written from", "DIR", "Input")
    path: str = option("rehearsal", "folder of the rehearsal", "DIR", "Input")
    limit: int = option(2, "so many subjects of each setting", section="Input")
    lens: bool = option(True, "BEHAVE's pictures were written with its lens", section="Input")

    def __post_init__(self) -> None:
        at_least("limit", self.limit, 1)


@dataclass
class Differences:
    """Of one setting: the reader's errors of each subject, and the largest differences from the shards.

    Attributes:
        setting: Its name.
        status: Of each subject.
        errors: Rows of `ERRORS`, mm.
        largest: Difference of an error, mm.
        boxes: Difference of a side of a box, pixels.
    """

    setting: str
    status: list[str] = field(default_factory=list)
    errors: list[list[float]] = field(default_factory=list)
    largest: float = 0.0
    boxes: float = 0.0

    @property
    def agree(self) -> bool:
        return self.largest <= TOLERANCE and self.boxes <= BOX_TOLERANCE

    def line(self) -> str:
        """The mean errors and the differences."""
        means = " ".join(f"{m:9.2f}" for m in np.mean(self.errors, axis=0))
        return f"{self.setting:15s} {means} {self.largest:11.5f} {self.boxes:11.7f}  {' '.join(self.status)}"


def compare(
    options: CheckOptions, setting: str, networks: Networks = PACKAGED, more: Sequence[str] = ()
) -> Differences:
    """One setting of `tables.SETTINGS`; `more` are further options of `evaluate.py`.

    Raises:
        InputError: The reader finds nobody, or gives a body another status than the shards do.
    """
    from diffproxy.commands import evaluate_command

    dataset, words = SETTINGS[setting]
    root, layout = Path(options.path).expanduser(), LAYOUTS[dataset]
    layout = layout if options.lens else replace(layout, lens=())
    evaluate = evaluate_command().compose(
        [
            f"dataset={dataset}", f"dataset.path={root / dataset}", f"dataset.models={root / 'models'}",
            "dataset.allow_pickle=true", f"limit={options.limit}", *words, *more,
        ]
    )  # fmt: skip
    evaluator, seed = open_evaluator(evaluate, networks), evaluate.dataset.partial
    index, body = ShardIndex(options.shards), load_body("anny").to(torch.float64)
    found = Differences(setting)
    for sample, pending in enumerate(open_dataset(evaluate, evaluator.fitter.body)):
        take = take_of(index, sample, body)
        betas = take_of(index, 0, body).betas if layout.one_template else take.betas
        subject = from_shards(take, pending.key, layout, betas, body)
        subject = subject if seed < 0 else partial_subject(subject, seed)
        read = pending.load()
        apart = np.asarray(read.boxes, dtype=np.float64) - np.asarray(subject.boxes, dtype=np.float64)
        found.boxes = max(found.boxes, float(np.abs(apart).max()))
        rows = [evaluator.row(s) for s in (read, replace(subject, boxes=read.boxes))]
        status, other = (row["status"] for row in rows)
        if status != other:
            raise InputError(f"{pending.key}: {other}, as from the shards", status, "mend the reader")
        found.status.append(status)
        if "mpjpe" in rows[0]:
            ours, true = (np.array([row[k] for k in ERRORS]) for row in rows)
            found.errors.append(ours.tolist())
            found.largest = max(found.largest, float(np.abs(ours - true).max()))
    if not found.errors:
        raise InputError(f"fitted bodies in {root / dataset}", "none", "write the rehearsal again")
    return found


def run(options: CheckOptions) -> int:
    names = " ".join(f"{name:>9s}" for name in ERRORS)
    sys.stdout.write(f"{'mm':15s} {names}  difference   boxes (px)  status\n")
    defaults = EvaluateOptions()
    networks = Networks(inputs.open_generator(defaults.generator, inputs.pick_device(defaults.device)))
    agree = True
    for setting in SETTINGS:
        found = compare(options, setting, networks)
        sys.stdout.write(found.line() + "\n")
        sys.stdout.flush()
        agree &= found.agree
    return int(not agree)


def main(words: Sequence[str] | None = None) -> int:
    command = Subcommand(CheckOptions, __doc__ or "", run)
    return exit_status(lambda: command.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
