"""What a run leaves behind beside the frames: result.npz, metrics, meshes, overlays, the report."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from diffproxy.body import BodyModel
from diffproxy.cameras import RigFrames
from diffproxy.export import Run, load_result
from diffproxy.export.run_pictures import picture_digests
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.fit_sequence import motion_metrics
from diffproxy.pipeline.frame_figures import write_meshes, write_overlays
from diffproxy.pipeline.ground_truth_errors import ground_truth_errors
from diffproxy.pipeline.overlay_video import write_overlay_videos
from diffproxy.pipeline.results import FrameResult, write_result
from diffproxy.pipeline.run_report import write_run_report
from diffproxy.pipeline.solved_calibration import is_solved
from diffproxy.pipeline.summary import run_metrics
from diffproxy.utils.io import to_json, write_atomic
from diffproxy.viewer import write_run_viewer

log = logging.getLogger(__name__)
NOBODY: Mapping[str, Any] = {}


def write_config(out: Path, options: FitOptions) -> None:
    """Write `config.yaml`, the options of a run, into the folder of its results."""
    from omegaconf import OmegaConf

    write_atomic(out / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(options))).encode())


def write_outputs(
    out: Path,
    records: Sequence[FrameResult],
    body: BodyModel,
    frames: RigFrames | None,
    options: FitOptions,
    settings: dict[str, Any],
    person: Mapping[str, Any] = NOBODY,
) -> None:
    """Write everything the options ask for; `result.npz` comes first, whatever may go wrong after it.

    Args:
        out: Folder of the run.
        records: All its frames.
        body: Body model.
        frames: Images of the rig; None: the run had proxies alone.
        options: Of the command.
        settings: What the bodies depend on, for `meta`.
        person: Of several people whose result it is, for `meta`.
    """
    write_config(out, options)
    metrics = run_metrics(records)
    up = frames.rig.up.tolist() if frames is not None else [0.0, 1.0, 0.0]
    up_axis = frames.rig.up_axis if frames is not None else "+Y"
    meta = run_meta(records, metrics, frames, options, settings, person)
    write_result(out / "result.npz", records, body, meta, options.save.vertices)
    metrics |= motion_metrics(out, records, body, up, options.fps)
    root = frames.rig.root if frames is not None else None
    if root is not None and (root / "ground_truth.npz").is_file():
        same_world = not is_solved(options.rig.calibration)
        metrics["ground_truth"] = ground_truth_errors(root / "ground_truth.npz", records, body, same_world)
    write_atomic(out / "metrics.json", to_json(metrics))
    if options.save.mesh != "none":
        write_meshes(out, records, body, options.save.mesh, up_axis)
    if options.save.overlay and frames is not None:
        write_overlays(out, records, body, frames)
    if options.save.overlay_video and frames is not None:
        write_overlay_videos(out, records, body, frames, options.fps)
    if options.save.report:
        notes = frames.rig.notes if frames is not None else [f"proxies of {options.proxies}, no images"]
        write_run_report(out, records, metrics, f"DiffProxy: {meta['rig'] or options.proxies}", notes, body)
    if options.save.viewer and any(r.has_body for r in records):
        run = Run(out, load_result(out / "result.npz"), body, asdict(options))
        write_run_viewer(out / "viewer.html", [run], frames)
    _say(out, metrics)


def run_meta(
    records: Sequence[FrameResult],
    metrics: Mapping[str, Any],
    frames: RigFrames | None,
    options: FitOptions,
    settings: dict[str, Any],
    person: Mapping[str, Any] = NOBODY,
) -> dict[str, Any]:
    """What `meta` of `result.npz` says about a run (docs/usage.md); arguments as of `write_outputs`."""
    meta: dict[str, Any] = {
        "up_axis": frames.rig.up_axis if frames is not None else None,
        "rig": frames.rig.name if frames is not None else None,
        "rig_notes": frames.rig.notes if frames is not None else [],
        "generator": None if options.proxies else options.generator.weights,
        "version": settings["version"],
        "settings": settings,
        "options": asdict(options),
    }
    if person:
        meta["person"] = dict(person)
    if frames is not None:
        meta["pictures"] = picture_digests([r.info.get("inputs", {}) for r in records])
    meta |= {"seconds": metrics["seconds"], "starts": metrics["starts"]}
    if "contact" in metrics:
        meta["contact"] = metrics["contact"]
    return meta


def _say(out: Path, metrics: dict[str, Any]) -> None:
    """The few lines that people read."""
    counts = ", ".join(f"{n} {status}" for status, n in metrics["status"].items())
    log.info("%d frame%s: %s", metrics["frames"], "" if metrics["frames"] == 1 else "s", counts)
    if metrics["residual_mm"] is not None:
        iou = metrics["silhouette_iou"]
        overlap = "" if iou is None else f", silhouettes overlap {iou:.2f}"
        log.info("proxies and body: %.1f mm median%s", metrics["residual_mm"], overlap)
    truth = metrics.get("ground_truth")
    if truth:
        parts = [f"{k.removesuffix('_mm').upper()} {v:.1f} mm" for k, v in truth.items() if k.endswith("_mm")]
        log.info("against the ground truth: %s", ", ".join(parts))
    for warning in metrics["warnings"][:5]:
        log.warning("%s", warning)
    log.info("results: %s", out)
