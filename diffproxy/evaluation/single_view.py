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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy import __version__
from diffproxy.body import BodyModel, load_body
from diffproxy.cameras import Camera
from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets import EvalSubject, open_dataset
from diffproxy.evaluation.datasets.registry import READERS
from diffproxy.evaluation.partial_rows import PartialRows
from diffproxy.evaluation.protocol import JOINT_SETS, Protocol, ProtocolOption
from diffproxy.evaluation.single_view_errors import (
    SeenBody,
    common_box,
    overlap_errors,
    place_errors,
    surface_of,
)
from diffproxy.evaluation.single_view_table import markdown, summaries
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.geometry.boxes import box_iou
from diffproxy.pipeline.results import FrameResult, params_to_arrays, posed_vertices
from diffproxy.single_view.estimator import Person, PictureResult, Seen, SingleViewEstimator
from diffproxy.single_view.focal_length import focal_prior
from diffproxy.single_view.options import EstimateOptions
from diffproxy.utils.digests import fingerprint, listing_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import to_json, write_atomic
from diffproxy.utils.options import Subcommand, at_least, one_of, option
from diffproxy.utils.shared_options import BODY, GENERATOR

SAME_PERSON_IOU = 0.3
"""Least overlap of a detection with the box of the true body, with boxes=detector."""


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


@dataclass(frozen=True)
class PictureTruth:
    """A picture and the body in it; the body in the camera's axes."""

    key: str
    image: np.ndarray
    camera: Camera
    body: TrueBody

    @property
    def pelvis(self) -> np.ndarray:
        return self.body.joints["smplx22"][0]


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
            row = judged(picture, estimator, options, protocol)
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


def pictures_of(subject: EvalSubject) -> Iterator[PictureTruth]:
    """Every camera of a subject by itself.

    Raises:
        InputError: the body's joints are not known, so that there is no pelvis.
    """
    true = subject.true_body
    if true is None or "smplx22" not in true.joints:
        found = "a mesh alone" if true is not None else "parameters of the fitted body"
        raise InputError(f"a body of the SMPL family in {subject.key}", found, "give models=DIR")
    for image, camera in zip(subject.images, subject.cameras, strict=True):
        key = subject.key if len(subject.cameras) == 1 else f"{subject.key}/{camera.name}"
        yield PictureTruth(key, image, camera, true.seen_by(camera))


def judged(
    picture: PictureTruth,
    estimator: SingleViewEstimator,
    options: SingleViewEvaluationOptions,
    protocol: Protocol,
) -> dict[str, Any]:
    """The row of one picture."""
    own = Camera("own", picture.camera.width, picture.camera.height, picture.camera.K, np.eye(3), np.zeros(3))
    focal = float(own.K[0, 0])
    pixels = own.project(picture.body.points)
    pixels = pixels[np.isfinite(pixels).all(-1)]
    row: dict[str, Any] = {"key": picture.key, "depth_m": float(picture.pelvis[2]), "focal_px": focal}
    if not len(pixels):
        return row | {"status": "no_person", "reason": "the true body is behind the camera"}
    (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
    box = (x0, y0, x1, y1)
    seen = [Seen(box, 1.0)]
    if options.boxes == "detector":
        found = [s for s in estimator.detect(picture.image) if box_iou(s.box, box) >= SAME_PERSON_IOU]
        seen = sorted(found, key=lambda s: -box_iou(s.box, box))[:1]
        if not seen:
            return row | {"status": "no_person", "reason": "not detected"}
    prior = focal_prior(own.width, own.height, focal if options.known_focal else 0.0)
    result = estimator.run(picture.image, prior, seen)
    (person,) = result.people
    fitted = person.fit.result
    row |= {"status": fitted.status, "reason": fitted.reason}
    return row | _errors(picture, own, person, result, protocol) if fitted.has_body else row


def _errors(
    picture: PictureTruth, own: Camera, person: Person, result: PictureResult, protocol: Protocol
) -> dict[str, float]:
    fitted = person.fit.result
    record = FrameResult(
        0, fitted.status, fitted.reason, params_to_arrays(fitted.params), fitted.joints, fitted.joint_std
    )
    focal, pelvis = float(result.camera.K[0, 0]), fitted.joints[0].astype(np.float64)
    row = protocol.errors(record, picture.body) | place_errors(
        pelvis, picture.pelvis, focal, float(own.K[0, 0])
    )
    row |= {"tz_std_m": person.fit.depth_std, "f_log_std": result.focal_log_std}
    if picture.body.surface is not None and picture.body.vertices is not None:
        body: BodyModel = protocol.body
        mine = SeenBody(posed_vertices(body, record), surface_of(body), result.camera)
        true = SeenBody(picture.body.vertices, picture.body.surface, own)
        row |= overlap_errors(mine, true, common_box([mine, true]))
    return row


def main(words: Sequence[str] | None = None) -> int:
    command = Subcommand(
        SingleViewEvaluationOptions, __doc__ or "", lambda options: sys.stdout.write(evaluate(options)) and 0
    )
    return exit_status(lambda: command.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
