"""One picture alone on data sets with ground truth: BLADE's table and errors by distance, or everybody in a picture.

    python -m diffproxy.evaluation.single_view dataset=spec_mtp path=/data/blade models=/models out=out/spec_mtp
    python -m diffproxy.evaluation.single_view dataset=agora people=all root=hips path=/data/agora out=out/agora
    python -m diffproxy.evaluation.single_view dataset=rendered people=all path=shards/people out=out/people

Every picture (every camera of a data set with several) is estimated by itself, as `python -m diffproxy.single_view`
does it: without its focal length, unless `known_focal=true`. Written to `out`: pictures.json with every picture, the
means and those of each range of distances, and table.md, which is also printed; with `people=all` everybody.json and
everybody.md. The same command goes on where it was stopped. Exit status 2: wrong input.

Tz, 1/Tz, Txy: errors of the pelvis in metres, 1/metres, metres; f: of the focal length; MPJPE and PVE after aligning
the root; mIoU: of the silhouettes; P-mIoU: of SMPL's 24 parts, intersections and unions added up. Pictures without a
body are counted beside the table, and are in no mean. Of data sets with several cameras a further table has the mean of
all views, the best view of each instant and the best camera, chosen by MPJPE.

people=all: whom the detector finds is matched to who is there by boxes. Precision, recall, F1 of all people; MVE and
MPJPE of those who are found, after aligning the root, and NMVE, NMJE: these over F1; order in depth: share of the pairs
of people of a picture who are nearer, farther or equally far (up to 0.2 m) as they should.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any

from diffproxy import __version__
from diffproxy.body import load_body
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.evaluate import evaluation_stamp
from diffproxy.evaluation.partial_rows import PartialRows
from diffproxy.evaluation.protocol import Protocol
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.single_view_people import everybody_row, people_markdown, summary_of_people
from diffproxy.evaluation.single_view_pictures import grouped, picture_row, pictures_of
from diffproxy.evaluation.single_view_table import (
    markdown,
    markdown_of_views,
    of_views,
    summaries,
)
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.options import EstimateOptions
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import to_json, write_atomic
from diffproxy.utils.subcommand import Subcommand


def evaluate(options: SingleViewEvaluationOptions, estimator: SingleViewEstimator | None = None) -> str:
    """Estimate every picture, write the files and return the table in Markdown; `estimator` replaces the options'."""
    from diffproxy.single_view.torch_backend import open_estimator

    out, given = Path(options.out).expanduser(), estimator is not None
    body = load_body(options.body) if estimator is None else estimator.body
    subjects = open_dataset(options.data(), body, hidden=options.everybody)
    units = islice(grouped(subjects, options.everybody), options.limit)
    first = next(units, None)  # before the networks are read
    if first is None:
        raise InputError(f"pictures of {options.dataset} in {options.path}", "none", "check path= and every=")
    estimator = estimator or open_estimator(
        EstimateOptions(
            body=options.body, generator=options.generator, polish=options.polish, start=options.start
        )
    )
    protocol = Protocol(options.protocol(), estimator.body)
    settings = {k: v for k, v in asdict(options).items() if k not in ("out", "limit")}
    stamp = fingerprint(settings | {"inputs": evaluation_stamp(options.data()), "given": given})
    file = out / ("everybody.json" if options.everybody else "pictures.json")
    judge = everybody_row if options.everybody else picture_row
    partial = PartialRows(file, stamp)
    finished, keys = _finished(partial.rows.values()), []
    for unit, pending in chain([first], units):
        if unit in finished:
            keys += finished[unit]
            continue
        pictures = [*pictures_of(unit, pending)]
        for picture in pictures:
            row = judge(picture, estimator, options, protocol)
            partial.add(row | {"subject": unit, "of": len(pictures)})
            keys.append(picture.key)
    rows = [partial.rows[key] for key in keys]
    summary: dict[str, Any]
    if options.everybody:
        summary = summary_of_people(rows)
        table = people_markdown(summary, options.dataset, options.min_iou)
    else:
        views = of_views(rows)
        summary = summaries(rows) | views
        table = markdown(summaries(rows), options.dataset) + markdown_of_views(views)
    report = {"summary": summary, "options": asdict(options), "version": __version__, "pictures": rows}
    write_atomic(file, to_json(report))
    write_atomic(out / ("everybody.md" if options.everybody else "table.md"), table.encode())
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
