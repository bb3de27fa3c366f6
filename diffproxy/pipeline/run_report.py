"""`report.html` of a run: pictures, numbers and plots first, notes folded by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from diffproxy.body import BodyModel
from diffproxy.body.names import BODY_JOINTS
from diffproxy.pipeline.frame_figures import overlay_path
from diffproxy.pipeline.notes import fold_notes
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_plots import run_plots
from diffproxy.pipeline.summary import unobserved_joints
from diffproxy.utils.errors import InputError

SHOWN = 8  # frames with pictures in the report
LEGEND = {
    "body, as pixels of some view support it": "rgb(140, 199, 250)",
    "no pixel of any view supports these parts: they follow the pose prior": (
        "repeating-linear-gradient(135deg, rgb(158, 158, 158) 0 3px, rgb(225, 225, 225) 3px 9px)"
    ),
}
VIEW_COLUMNS = {
    "pixels": "pixels used",
    "residual_px": "residual, px of the proxy map",
    "source_px": "residual, px of the image",
    "residual_mm": "residual, mm",
    "overlap": "silhouette overlap",
}
ROW = 4  # views side by side
TILE = 448  # pixels of a picture's longer side


def write_run_report(
    out: Path,
    records: Sequence[FrameResult],
    metrics: dict[str, Any],
    title: str,
    notes: Sequence[str],
    body: BodyModel | None = None,
) -> None:
    """Write `report.html`.

    Args:
        out: Folder of the run, with its overlays and proxies.
        records: All frames.
        metrics: Content of `metrics.json`.
        title: Title of the page.
        notes: Notes on the rig.
        body: The body model, whose palette draws the proxies; None: no proxies.
    """
    from diffproxy.visualization import Report, write_report

    truth = metrics.get("ground_truth") or {}
    summary = {
        "frames": metrics["frames"],
        "with a body": sum(r.has_body for r in records),
        "proxies to body, mm": metrics["residual_mm"],
        "silhouette overlap": metrics["silhouette_iou"],
        "joint standard deviation, mm": metrics["joint_std_mm"],
        "jitter, mm/frame²": metrics.get("jitter_mm"),
        **{
            _error_title(k): v
            for k, v in truth.items()
            if k in ("mpjpe_mm", "mpvpe_mm") or (k == "pa_mpjpe_mm" and "mpjpe_mm" not in truth)
        },
    }
    tables = {
        "Views": [
            {"view": name, **{title: row[key] for key, title in VIEW_COLUMNS.items()}}
            for name, row in metrics["views"].items()
        ],
        "Seconds per frame": [{"stage": k, "seconds": v} for k, v in metrics["seconds"].items()],
        "Against the ground truth": [{_error_title(k): v for k, v in truth.items()}] if truth else [],
    }
    write_report(
        out / "report.html",
        Report(
            title=title,
            summary={k: v for k, v in summary.items() if v is not None},
            warnings=metrics["warnings"],
            notes={f"{len(notes)} notes on the rig": list(notes), **fold_notes(records)},
            tables=tables,
            frames=[_row(r) for r in records],
            images=_pictures(out, records, body),
            plots=run_plots(records),
            legend=LEGEND if any(unobserved_joints(r) for r in records) else {},
        ),
    )


def _error_title(key: str) -> str:
    """`mpjpe_mm` -> `MPJPE, mm`; other keys as they are."""
    return f"{key.removesuffix('_mm').upper()}, mm" if key.endswith("_mm") else key


def _row(record: FrameResult) -> dict[str, Any]:
    info = record.info
    return {
        "frame": record.frame_id,
        "status": record.status,
        "proxies to body, mm": info.get("residual_mm"),
        "overlap": info.get("overlap"),
        "joint standard deviation, mm": 1000 * float(np.median(record.joint_std[BODY_JOINTS]))
        if record.has_body
        else None,
        "hands seen": ", ".join(f"{side} {len(v)}" for side, v in info.get("hands", {}).items()),
        "joints not observed": len(unobserved_joints(record)) if record.has_body else None,
        "seconds": info.get("seconds"),
        "reason": record.reason,
    }


def _pictures(
    out: Path, records: Sequence[FrameResult], body: BodyModel | None
) -> list[tuple[str, np.ndarray]]:
    """For a few frames, evenly spread: the overlays of all views, and below each the proxies of the view."""
    from diffproxy.cameras.image_files import read_image
    from diffproxy.visualization import contact_sheet

    good = [r.frame_id for r in records if r.has_body]
    chosen = [good[i] for i in np.unique(np.linspace(0, len(good) - 1, min(SHOWN, len(good))).astype(int))]
    sheets = []
    for frame_id in chosen:
        found = sorted((out / "overlay").glob(f"*/{overlay_path(out, '', frame_id).name}"))
        if not found:
            continue
        overlays = {path.parent.name: read_image(path) for path in found}
        labels = _proxies(out, frame_id, body)
        names, tiles, captions = [*overlays], [], []
        for row in (names[k : k + ROW] for k in range(0, len(names), ROW)):
            blank = [""] * (min(ROW, len(names)) - len(row))
            tiles += [*(overlays[n] for n in row), *(np.zeros((1, 1, 3), np.uint8) for _ in blank)]
            captions += [*row, *blank]
            if labels:
                tiles += [labels.get(n, np.zeros((1, 1, 3), np.uint8)) for n in [*row, *blank]]
                captions += [*(f"{n}: proxies" if n in labels else "" for n in row), *blank]
        sheets.append((f"frame {frame_id}", contact_sheet(tiles, captions, min(len(names), ROW), TILE)))
    return sheets


def _proxies(out: Path, frame_id: int, body: BodyModel | None) -> Mapping[str, np.ndarray]:
    """Camera -> labels of its body view in colours, enlarged without smoothing; nothing where none are saved."""
    from diffproxy.visualization import draw_labels

    if body is None:
        return {}
    try:
        maps = ProxyStore(out / "proxies", body).load(frame_id).maps
    except InputError:
        return {}
    drawn = {}
    for camera, kind, labels in zip(maps.cameras, maps.kind, maps.labels, strict=True):
        if kind == "body":
            size = (TILE * labels.shape[1] // max(labels.shape), TILE * labels.shape[0] // max(labels.shape))
            colors = draw_labels(labels, body.atlas.palette)
            drawn[camera.name] = cv2.resize(colors, size, interpolation=cv2.INTER_NEAREST)
    return drawn
