"""The fit of `preset=paper` against the defaults, on the same proxies of held-out subjects. JSON and a table out.

    python benchmarks/paper_fit.py shards=shards/test limit=100 out=out/paper_fit

The packaged generator reads every subject once, with the defaults of evaluate.py. Three fits get these proxies: the
default, the default without the encoder's keypoints (which the paper's fit does not have either), and the fit of
`preset=paper` (Eq. 6 and 7, staged Adam). One line a subject goes to out/summary.partial.0.jsonl; the same command
again goes on after the last one, also with a larger limit. Differences are paired as in generator_compare.py; seconds
are CPU seconds of one thread.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generator_compare import compare, show
from rich.console import Console
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.commands import fit_command
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import EvalSubject, open_dataset
from diffproxy.evaluation.partial_rows import PartialRows
from diffproxy.fitting import FitConfig
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.pipeline import inputs
from diffproxy.pipeline.fit_frame import BodyFitter, first_fit, fit_frame
from diffproxy.pipeline.generate_proxies import FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.ground_truth_errors import frame_errors
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.pipeline.take import fit_config
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import at_least, option
from diffproxy.utils.shared_options import SHARDS
from diffproxy.utils.subcommand import Subcommand
from diffproxy.utils.timing import Stopwatch

FITS = ("default", "default without keypoints", "preset=paper")


@dataclass
class PaperFitOptions:
    shards: str = SHARDS("shards/test")
    limit: int = option(100, "at most so many subjects", section="Input")
    views: int = option(4, "body views of each", section="Input")
    out: str = option("out/paper_fit", "folder for the rows and summary.json", "DIR", "Output")

    def __post_init__(self) -> None:
        at_least("limit", self.limit, 1)
        at_least("views", self.views, 1)


class Fits:
    """The proxies of a subject, and the three fits to them."""

    def __init__(self, options: PaperFitOptions, pipe: Any | None = None):
        self.options = EvaluateOptions(shards=options.shards, views=options.views, limit=options.limit)
        self.body: BodyModel = inputs.open_body(self.options.body)
        self.config = fit_config(self.options.solver, self.options.hands, self.options.prior)
        paper = fit_command().compose(["preset=paper"])
        self.paper: FitConfig = fit_config(paper.solver, paper.hands, paper.prior)
        self.encoder = EncoderKeypointFitter(self.body, self.config)
        device = inputs.pick_device(self.options.device)
        self.pipe = pipe or inputs.open_generator(self.options.generator, device)

    def generated(self, subject: EvalSubject) -> Generated:
        """The proxies that evaluate.py fits by default."""
        return generate_proxies(
            FrameGenerator(self.pipe, self.body, inputs.generate_config(self.options, self.pipe, 1.0)),
            SubjectViews(subject.images, subject.cameras, subject.boxes),
            Stopwatch(),
            first_fit(self.body, self.config),
        )

    def row(self, subject: EvalSubject) -> dict[str, Any]:
        """Errors, status and CPU seconds of each fit of this subject."""
        began = time.process_time()
        made = self.generated(subject)
        row: dict[str, Any] = {"key": subject.key, "proxies_seconds": time.process_time() - began}
        with torch.no_grad():
            joints = self.body.joints(subject.truth.body_params())[0].numpy()
        truth = FrameResult(0, "ok", params=subject.truth.params, joints=joints)
        settings = ((self.config, self.encoder), (self.config, None), (self.paper, None))
        for name, (config, encoder) in zip(FITS, settings, strict=True):
            began = time.process_time()
            found = fit_frame(0, made, BodyFitter(self.body, config, encoder))
            row[name] = {"seconds": time.process_time() - began, "status": found.status}
            if found.has_body:
                row[name] |= frame_errors(found, truth, self.body)
        return row


def of_fit(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The rows of one fit, as `compare` takes them."""
    return [{"key": row["key"], **row[name]} for row in rows]


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each fit: medians, seconds and how subjects ended; and paired differences from the default."""
    out: dict[str, Any] = {"subjects": len(rows), "fits": {}, "against_default": {}}
    first = of_fit(rows, FITS[0])
    for name in FITS:
        found = of_fit(rows, name)
        fitted = [r for r in found if "mpjpe" in r]
        status = [r["status"] for r in found]
        medians = {k: float(np.median([r[k] for r in fitted])) for k in ("mpjpe", "mpvpe") if fitted}
        seconds = {"mean": float(np.mean([r["seconds"] for r in found]))}
        out["fits"][name] = {
            "status": {s: status.count(s) for s in sorted({*status})},
            "median": medians,
            "seconds": seconds | {"median": float(np.median([r["seconds"] for r in found]))},
        }
        if name != FITS[0]:
            out["against_default"][name] = compare(first, found)
    return out


def run(options: PaperFitOptions, pipe: Any | None = None) -> int:
    torch.set_num_threads(1)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    settings = {k: v for k, v in asdict(options).items() if k not in ("out", "limit")}
    rows, fits = PartialRows(out / "summary.json", fingerprint(settings)), Fits(options, pipe)
    for pending in tqdm(open_dataset(fits.options, fits.body), desc="subjects", unit="subject", disable=None):
        if pending.key not in rows.rows:
            rows.add(fits.row(pending.load()))
    report = summarise([*rows.rows.values()])
    (out / "summary.json").write_text(json.dumps(report, indent=1) + "\n")
    for name, result in report["against_default"].items():
        Console(stderr=True, width=120).print(show(name, result, FITS[0]))
    print(json.dumps(report["fits"], indent=1))
    return 0


def main(words: list[str]) -> int:
    command = Subcommand(PaperFitOptions, __doc__ or "", run)
    return exit_status(lambda: command.run(words or ["--help"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
