"""`evaluate.py`: images (or exact proxies) of known subjects through the whole pipeline, and the errors."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy import __version__
from diffproxy.evaluation.camera_free import CameraFree
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.evaluate_subject import SubjectEvaluator
from diffproxy.evaluation.observed_joints import coverage
from diffproxy.evaluation.partial_rows import PartialRows
from diffproxy.evaluation.protocol import Protocol
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.result import FITTED
from diffproxy.pipeline import inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.fit_frame import BodyFitter
from diffproxy.pipeline.ground_truth_errors import JOINTS_NOTE
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.run_inputs import shared_inputs
from diffproxy.pipeline.take import fit_config
from diffproxy.utils.digests import fingerprint, listing_digest
from diffproxy.utils.io import output_file, to_json, write_atomic
from diffproxy.utils.processes import Processes

log = logging.getLogger(__name__)


def run_evaluation(options: EvaluateOptions, networks: Networks = PACKAGED) -> dict[str, Any]:
    """Evaluate, write `options.out` (JSON) and return what is in it.

    Under torchrun every process takes its share of the subjects; the first one writes, and the others return {}.
    Subjects without a body count as failures: they are listed, and their errors are in no mean.

    Args:
        options: What to evaluate and how.
        networks: Those that the caller has opened already; `guess` is not used.

    Raises:
        InputError: data made with another body topology, or `options.out` is a folder.
    """
    out = output_file(options.out, ".json")  # an error now, not after the last subject
    evaluator = open_evaluator(options, networks)
    # Of networks that the caller gives nothing is known.
    stamp = "" if networks.pipe or networks.detector else evaluation_stamp(options)
    processes = Processes.current()
    partial = PartialRows(out, stamp, processes.rank) if stamp else None
    rows: dict[str, dict[str, Any]] = dict(partial.rows) if partial is not None else {}
    keys: list[str] = []
    subjects = open_dataset(options, evaluator.fitter.body)
    progress = tqdm(subjects, desc="subjects", unit="subject", disable=not processes.is_main or None)
    for number, pending in enumerate(progress):
        keys.append(pending.key)
        if pending.key in rows or not processes.owns(number):
            continue
        rows[pending.key] = evaluator.row(pending.load())
        if partial is not None:
            partial.add(rows[pending.key])
    processes.wait_for_all()
    if partial is not None:
        rows = rows | partial.all()
    if processes.is_main:
        report = _report(options, [rows[key] for key in keys])
        write_atomic(out, to_json(_finite(report)))
        if partial is not None:
            partial.remove()
        log.info("%s", one_line(options, report["summary"]))
    processes.wait_for_all()
    return report if processes.is_main else {}


def open_evaluator(options: EvaluateOptions, networks: Networks = PACKAGED) -> SubjectEvaluator:
    """The body, the fitter and the networks of the options; `networks` replaces those that it has."""
    body = inputs.open_body(options.body)
    config = fit_config(options.solver, options.hands, options.prior)
    protocol = Protocol(options.protocol, body)
    free = None if options.cameras == "given" else CameraFree(options, body)
    encoder = EncoderKeypointFitter(body, config) if options.encoder_keypoints else None
    device = inputs.pick_device(options.device)
    if options.proxies == "generated":
        pipe = networks.pipe or inputs.open_generator(options.generator, device)
        networks = replace(networks, pipe=pipe)
        if options.images == "full":
            networks = replace(networks, detector=networks.detector or inputs.open_detector(device))
    return SubjectEvaluator(options, BodyFitter(body, config, encoder), networks, protocol, free)


def _report(options: EvaluateOptions, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of the JSON file: means over all subjects and over those of each sequence, and the subjects."""
    names = dict.fromkeys(str(row["sequence"]) for row in rows if "sequence" in row)
    return {
        "summary": summarise(rows) | {"coverage": coverage(rows)},
        "sequences": {name: summarise([r for r in rows if r.get("sequence") == name]) for name in names},
        "joints": JOINTS_NOTE,
        "options": asdict(options),
        "version": __version__,
        "subjects": rows,
    }


def evaluation_stamp(options: EvaluateOptions) -> str:
    """Fingerprint of what the rows depend on: options, weights, body and data."""
    settings = {k: v for k, v in asdict(options).items() if k not in ("out", "limit", "device")}
    data, protocol = options.dataset, options.protocol
    named = (
        options.shards,
        options.predictions,
        data.path,
        data.models,
        protocol.regressor,
        protocol.smplx2smpl,
    )
    listed = {path: listing_digest(Path(path).expanduser()) for path in named if path}
    given = FitOptions(body=options.body, prior=options.prior, generator=options.generator, out="-")
    return fingerprint(settings | {"content": shared_inputs(given), "data": listed, "version": __version__})


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and medians over subjects of every number, and how many subjects ended how."""
    keys = dict.fromkeys(
        k for r in rows for k, v in r.items() if isinstance(v, float | int) and not isinstance(v, bool)
    )
    out: dict[str, Any] = {"subjects": len(rows), "status": dict(Counter(r["status"] for r in rows))}
    for key in keys:
        values = [r[key] for r in rows if key in r and r[key] is not None and np.isfinite(r[key])]
        if values:
            out[key] = {
                "mean": round(float(np.mean(values)), 4),
                "median": round(float(np.median(values)), 4),
            }
    return out


def one_line(options: EvaluateOptions, summary: dict[str, Any]) -> str:
    """What people paste into a message."""

    def mean(key: str) -> str:
        return f"{summary[key]['mean']:.1f}" if key in summary else "-"

    views = f"{summary['views']['mean']:.3g} views" if "views" in summary else f"{options.views} views"
    parts = [
        f"{options.dataset.name}, {summary['subjects']} subjects, {views}, {options.proxies} proxies",
        f"MPJPE {mean('mpjpe')} (PA {mean('pa_mpjpe')}), MPVPE {mean('mpvpe')} (PA {mean('pa_mpvpe')}) mm",
    ]
    if "part_accuracy" in summary and options.proxies == "generated":
        part, iou = summary["part_accuracy"]["mean"], summary["foreground_iou"]["mean"]
        parts.append(f"proxies: part {part:.2f}, IoU {iou:.2f}, surface {mean('surface_median_mm')} mm")
    if options.dataset.cut >= 0:
        parts.append(cut_line(summary["coverage"]))
    missed = sum(n for status, n in summary["status"].items() if status not in FITTED)
    alone = summary["status"].get("one_view", 0)
    parts.append(
        (f"{alone} by one view, " if alone else "") + f"{missed} without a body, {mean('seconds')} s each"
    )
    return "; ".join(parts)


def cut_line(found: dict[str, Any]) -> str:
    """Of cut pictures: what is observed and what is not."""
    seen, unseen = (
        {"mpjpe_mm": nan, "within_2_std": nan} | found.get(k, {}) for k in ("observed", "unobserved")
    )
    return (
        f"observed joints {seen['mpjpe_mm']:.1f} mm, unobserved {unseen['mpjpe_mm']:.0f} mm, "
        f"{unseen['within_2_std']:.0%} of these within two deviations, "
        f"{found.get('ok_without_unseen_named', 0)} ok without unseen parts named"
    )


def _finite(value: Any) -> Any:
    """The same with None for numbers that JSON cannot write."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
