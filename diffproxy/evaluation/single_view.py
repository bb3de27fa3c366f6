"""One picture alone on data sets with ground truth: BLADE's table, and the same errors by distance.

    python -m diffproxy.evaluation.single_view dataset=spec_mtp path=/data/blade models=/models out=out/spec_mtp

Every picture (every camera of a data set with several) is estimated by itself, as `python -m diffproxy.single_view`
does it: without its focal length, unless `known_focal=true`. Written to `out`: pictures.json with every picture, the
means and those of each range of distances, and table.md, which is also printed. The same command goes on where it was
stopped. Exit status 2: wrong input.

Tz, 1/Tz, Txy: errors of the pelvis in metres, 1/metres, metres; f: of the focal length; MPJPE and PVE after aligning
the root; mIoU: of the silhouettes; P-mIoU: of SMPL's 24 parts, intersections and unions added up. Pictures without a
body are counted beside the table, and are in no mean.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from diffproxy import __version__
from diffproxy.body import load_body
from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.datasets.registry import READERS
from diffproxy.evaluation.partial_rows import PartialRows
from diffproxy.evaluation.protocol import JOINT_SETS, Protocol, ProtocolOption
from diffproxy.evaluation.single_view_pictures import picture_row, pictures_of
from diffproxy.evaluation.single_view_table import markdown, summaries
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.options import EstimateOptions
from diffproxy.utils.digests import fingerprint, listing_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import to_json, write_atomic
from diffproxy.utils.options import Subcommand, at_least, one_of, option
from diffproxy.utils.shared_options import BODY, GENERATOR


@dataclass
class SingleViewEvaluationOptions:
    """Options of `python -m diffproxy.evaluation.single_view`."""

    dataset: str = option("spec_mtp", "which pictures", "NAME", "Input")
    path: str = option("", "folder of the data set", "DIR", "Input")
    models: str = option("", "folder with smpl/, smplh/ and smplx/, to pose the true bodies", "DIR", "Input")
    allow_pickle: bool = option(
        False, "read body models that are pickles; nothing in them is run", section="Input"
    )
    every: int = option(0, "every n-th picture; 0: as the data set's protocol says", section="Input")
    limit: int = option(100_000, "at most so many pictures (moments, of several cameras)", section="Input")
    boxes: str = option(
        "truth", "where the person is: around the projected truth, or found by the detector", "truth|detector"
    )
    known_focal: bool = option(False, "with the true focal length")
    polish: bool = option(True, "fit to dense proxies; false: the regressor alone")
    start: str = option("network", "where the fit starts", "network|closed_form")
    joints: str = option("smplx22", "joints that are compared", "|".join(JOINT_SETS))
    regressor: str = option("", "joints from vertices, for joints=h36m14 and the like", "FILE")
    smplx2smpl: str = option("", "matrix that takes SMPL-X's vertices to SMPL's", "FILE")
    root: str = option("pelvis", "what MPJPE and PVE align", "pelvis|hips")
    body: str = BODY()
    generator: str = GENERATOR()
    out: str = option("out/single_view", "folder for pictures.json and table.md", "DIR", "Output")

    def __post_init__(self) -> None:
        one_of("dataset", self.dataset, tuple(READERS))
        one_of("boxes", self.boxes, ("truth", "detector"))
        at_least("limit", self.limit, 1)
        at_least("every", self.every, 0)
        self.protocol()  # says what is missing before anything is read

    def protocol(self) -> ProtocolOption:
        return ProtocolOption(self.joints, self.regressor or None, self.smplx2smpl or None, self.root)

    def data(self) -> EvaluateOptions:
        """As the readers want it."""
        dataset = DatasetOption(
            self.dataset,
            path=self.path or None,
            models=self.models or None,
            allow_pickle=self.allow_pickle,
            every=self.every,
        )
        images = "crops" if self.boxes == "truth" else "full"
        return EvaluateOptions(dataset=dataset, limit=self.limit, images=images)


def evaluate(options: SingleViewEvaluationOptions, estimator: SingleViewEstimator | None = None) -> str:
    """Estimate every picture, write the files and return the table in Markdown; `estimator` replaces the options'."""
    from diffproxy.single_view.torch_backend import open_estimator

    out, given = Path(options.out).expanduser(), estimator is not None
    subjects = open_dataset(options.data(), load_body(options.body) if estimator is None else estimator.body)
    first = next(subjects, None)  # before the networks are read
    if first is None:
        raise InputError(f"pictures of {options.dataset} in {options.path}", "none", "check path= and every=")
    estimator = estimator or open_estimator(
        EstimateOptions(
            body=options.body, generator=options.generator, polish=options.polish, start=options.start
        )
    )
    protocol = Protocol(options.protocol(), estimator.body)
    settings = {k: v for k, v in asdict(options).items() if k not in ("out", "limit")}
    listing = listing_digest(options.path) if options.path else ""
    stamp = fingerprint(settings | {"data": listing, "version": __version__, "given": given})
    partial = PartialRows(out / "pictures.json", stamp)
    finished, keys = _finished(partial.rows.values()), []
    for pending in chain([first], subjects):
        if pending.key in finished:
            keys += finished[pending.key]
            continue
        pictures = [*pictures_of(pending.load())]
        for picture in pictures:
            row = picture_row(picture, estimator, options.boxes, options.known_focal, protocol)
            partial.add(row | {"subject": pending.key, "of": len(pictures)})
            keys.append(picture.key)
    rows = [partial.rows[key] for key in keys]
    summary = summaries(rows)
    report = {
        "summary": summary,
        "options": asdict(options),
        "version": __version__,
        "pictures": rows,
    }
    write_atomic(out / "pictures.json", to_json(report))
    table = markdown(summary, options.dataset)
    write_atomic(out / "table.md", table.encode())
    partial.remove()
    return table


def _finished(rows: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Keys of the pictures of each subject, of which all are finished."""
    keys: dict[str, list[str]] = defaultdict(list)
    count = {}
    for row in rows:
        keys[row["subject"]].append(row["key"])
        count[row["subject"]] = row["of"]
    return {subject: found for subject, found in keys.items() if len(found) == count[subject]}


def main(words: Sequence[str] | None = None) -> int:
    command = Subcommand(
        SingleViewEvaluationOptions, __doc__ or "", lambda options: sys.stdout.write(evaluate(options)) and 0
    )
    return exit_status(lambda: command.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
