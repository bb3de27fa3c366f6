"""How often a fit is called doubtful, failed or no_person: on good inputs (false alarms) and on disturbed rigs. JSON.

    python benchmarks/false_alarms.py shards=DIR subjects=40 cache=DIR out=rows.jsonl
    python benchmarks/false_alarms.py proxies=RUN/proxies out=rows.jsonl

Good: held-out subjects through the packaged network and the fit, or the proxies of a run. Disturbed: the same proxies
with cameras exchanged, rolled, panned, shifted or rescaled, all views mirrored, one view in the place of all (see
`DISTURBANCES`); noise, an empty room and a drawn animal go through the network. Each line of `out` is one fit: status,
reason and the quality of each view. A run that is stopped goes on where it was; `summary=true` computes no fit and
judges the stored lines by the present thresholds of `pipeline.reprojection_quality`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from disturbances import DISTURBANCES, IMAGES

from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.pipeline import inputs
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.pipeline.fit_frame import BodyFitter, first_fit, fit_frame
from diffproxy.pipeline.generate_proxies import FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.reprojection_quality import judged
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.pipeline.take import fit_config
from diffproxy.utils.options import option, parse_options
from diffproxy.utils.timing import Stopwatch

GOOD = "good"


@dataclass
class Options:
    shards: str = option("", "held-out shards", "DIR")
    proxies: str = option("", "proxies of a run of fit.py, in place of shards", "DIR")
    cache: str = option("", "where the proxies of the shards' subjects are kept", "DIR")
    subjects: int = option(200, "how many")
    first: int = option(0, "subjects left out at the start")
    views: int = option(4, "body crops of each")
    every: int = option(1, "disturb the rig of each n-th subject; 0: good ones only")
    images_every: int = option(8, "noise, an empty room, an animal for each n-th subject of the shards")
    summary: bool = option(False, "judge the lines of `out`, compute nothing")
    out: str = option("", "JSON lines, one a fit", "FILE")


class Subjects:
    """Proxies of the subjects of shards (kept in a folder) or of the frames of a run."""

    def __init__(self, options: Options):
        self.options, self.defaults = options, EvaluateOptions()
        self.body = inputs.open_body(self.defaults.body)
        self.config = fit_config(self.defaults.solver, self.defaults.hands, self.defaults.prior)
        self.encoder = EncoderKeypointFitter(self.body, self.config)
        self.index = ShardIndex(options.shards) if options.shards else None
        self.store = ProxyStore(Path(options.proxies or options.cache), self.body, bool(options.proxies))
        self.pipe: Any = None

    def numbers(self) -> list[int]:
        if self.index is None:
            return self.store.frame_ids[self.options.first :][: self.options.subjects]
        return list(
            range(self.options.first, min(self.options.first + self.options.subjects, len(self.index)))
        )

    def good(self, number: int) -> Generated:
        """The proxies of a subject as the network reads it."""
        if self.index is not None and number not in self.store.frame_ids:
            self.store.save(number, self.generated(number, lambda image: image))
        return self.store.load(number)

    def generated(self, number: int, change: Callable[[np.ndarray], np.ndarray]) -> Generated:
        """The network's proxies of a subject's images after `change`."""
        index, options = self.index, self.options
        assert index is not None
        views = [j for j, kind in enumerate(index.kinds(number)) if kind == "body"][: options.views]
        shown = [index.view(number, j) for j in views]
        cameras = [v.camera for v in shown]
        self.pipe = self.pipe or inputs.open_generator(self.defaults.generator, inputs.pick_device("auto"))
        return generate_proxies(
            FrameGenerator(self.pipe, self.body, inputs.generate_config(self.defaults, self.pipe, 1.0)),
            SubjectViews([change(v.rgb) for v in shown], cameras, [whole_image_box(c) for c in cameras]),
            Stopwatch(),
            first_fit(self.body, self.config),
        )

    def truth(self, number: int) -> np.ndarray | None:
        """(55, 3) joints, metres, where they are known."""
        if self.index is None:
            return None
        with torch.no_grad():
            return self.body.joints(self.index.params(number))[0].numpy()

    def width(self, number: int) -> float | None:
        """Of the images, pixels; None: twice the principal point."""
        return None if self.index is None else float(self.index.view(number, 0).rgb.shape[1])


def measure(options: Options) -> None:
    """Append a line to `out` for each fit that it does not have yet."""
    subjects, out = Subjects(options), Path(options.out)
    known = {(row["number"], row["kind"]) for row in stored(out)}
    numbers = subjects.numbers()
    for place, number in enumerate(numbers):
        todo: dict[str, Callable[[], Generated]] = {GOOD: lambda n=number: subjects.good(n)}  # type: ignore[misc]
        if options.every and place % options.every == 0:
            for kind, change in DISTURBANCES.items():
                todo[kind] = lambda n=number, c=change: c(subjects.good(n), subjects.body, subjects.width(n))  # type: ignore[misc]
        if subjects.index is not None and options.images_every and place % options.images_every == 0:
            for kind, draw in IMAGES.items():
                todo[kind] = lambda n=number, d=draw: subjects.generated(n, d)  # type: ignore[misc]
        for kind, make in todo.items():
            if (number, kind) not in known:
                row = {"number": number, "kind": kind} | fitted(make(), subjects, subjects.truth(number))
                with out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        print(f"{place + 1} of {len(numbers)}", file=sys.stderr, flush=True)


def fitted(made: Generated, subjects: Subjects, truth: np.ndarray | None) -> dict[str, Any]:
    """Status, reason, quality of the views and mean error of 22 joints (mm) of one fit."""
    clock = Stopwatch()
    fitter = BodyFitter(subjects.body, subjects.config, subjects.encoder)
    found = fit_frame(0, made, fitter, clock=clock)
    row: dict[str, Any] = {"status": found.status, "reason": found.reason}
    row["info"] = {k: v for k, v in found.info.items() if k not in ("timings", "fit_timings", "boxes")}
    if found.has_body and truth is not None:
        row["error_mm"] = 1000 * float(np.linalg.norm(found.joints - truth, axis=-1)[:22].mean())
    return row


def stored(out: Path) -> Iterator[dict[str, Any]]:
    if out.is_file():
        yield from (json.loads(line) for line in out.read_text().splitlines())


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Statuses by kind, as the present thresholds give them."""
    out: dict[str, Any] = {}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        status = [judged(row["status"], row["reason"], row["info"])[0] for row in mine]
        out[kind] = {
            "count": len(mine),
            "status": dict(Counter(status)),
            "not ok %": round(100 * sum(s != "ok" for s in status) / len(mine), 1),
        }
        errors = [
            row["error_mm"] for row, s in zip(mine, status, strict=True) if s == "ok" and "error_mm" in row
        ]
        if errors:
            out[kind]["median error of ok, mm"] = round(float(np.median(errors)), 1)
    return out


def main() -> None:
    options = parse_options(Options, sys.argv[1:], ("out",))
    if not options.summary:
        measure(options)
    print(json.dumps(summarise(list(stored(Path(options.out)))), indent=1))


if __name__ == "__main__":
    main()
