"""Meshes, overlays and the report of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.cameras import Camera, RigFrames
from diffproxy.pipeline.results import FrameResult, posed_vertices
from diffproxy.pipeline.run_folder import record_digest
from diffproxy.pipeline.summary import unobserved_joints
from diffproxy.pipeline.unobserved_skin import unobserved_vertices
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.io import write_atomic

SHOWN = 8  # frames with pictures in the report
LEGEND = {
    "body, as pixels of some view support it": "rgb(140, 199, 250)",
    "no pixel of any view supports these parts: they follow the pose prior": (
        "repeating-linear-gradient(135deg, rgb(158, 158, 158) 0 3px, rgb(225, 225, 225) 3px 9px)"
    ),
}


class DrawnFigures:
    """Which figures are drawn, and of which bodies: `drawn.json`, a digest by file name."""

    def __init__(self, out: Path):
        self.out, self.file = out, out / "drawn.json"
        try:
            self.digests: dict[str, str] = dict(json.loads(self.file.read_text()))
        except (OSError, ValueError, TypeError):
            self.digests = {}  # all are drawn again

    def __enter__(self) -> DrawnFigures:
        return self

    def __exit__(self, *error: object) -> None:
        write_atomic(self.file, (json.dumps(self.digests, indent=1, sort_keys=True) + "\n").encode())

    def is_current(self, path: Path, digest: str) -> bool:
        return self.digests.get(self._name(path)) == digest and path.exists()

    def add(self, path: Path, digest: str) -> None:
        self.digests[self._name(path)] = digest

    def _name(self, path: Path) -> str:
        return path.relative_to(self.out).as_posix()


def write_meshes(out: Path, records: Sequence[FrameResult], body: BodyModel, kind: str, up_axis: str) -> None:
    """`mesh/<frame>.<kind>` of every frame with a body, where that is not drawn yet.

    Skin that no pixel supports is grey in glb and ply.
    """
    from diffproxy.export import write_mesh

    faces, nearest = body.faces.cpu().numpy(), nearest_joints(body)
    with DrawnFigures(out) as drawn:
        for record in records:
            path, digest = out / "mesh" / f"{record.frame_id:06d}.{kind}", record_digest(record)
            if record.has_body and not drawn.is_current(path, digest):
                skin = unobserved_vertices(nearest, record)
                write_mesh(path, posed_vertices(body, record), faces, up_axis, skin)
                drawn.add(path, digest)


def write_overlays(out: Path, records: Sequence[FrameResult], body: BodyModel, frames: RigFrames) -> None:
    """`overlay/<camera>/<frame>.png`: the body over the undistorted image; rows as in `write_meshes`.

    Skin that no pixel supports is grey and hatched. Images that cannot be read have none.
    The views of a frame are drawn and packed side by side, in threads: most of the work holds no lock of Python.
    """
    from diffproxy.visualization import BodyPainter, save_image

    faces, nearest = body.faces.cpu().numpy(), nearest_joints(body)
    with DrawnFigures(out) as drawn, ThreadPoolExecutor(_threads(frames)) as pool:
        todo = []
        for record in records:
            paths = [overlay_path(out, c.name, record.frame_id) for c in frames.cameras]
            digest = record_digest(record) + fingerprint(record.info.get("inputs", {}))
            if record.has_body and not all(drawn.is_current(p, digest) for p in paths):
                todo.append((record, paths, digest))
        for record, paths, digest in tqdm(todo, desc="overlays", unit="frame", disable=not todo):
            painter = BodyPainter(
                posed_vertices(body, record), faces, unobserved=unobserved_vertices(nearest, record)
            )

            def write(
                image: np.ndarray | None, camera: Camera, path: Path, painter: BodyPainter = painter
            ) -> None:
                if image is not None:
                    save_image(path, painter.draw(image, camera))

            # list: waits for all, and raises what went wrong in a thread
            images = frames.read_views(record.frame_id).images
            list(pool.map(write, images, frames.cameras, paths))
            for path in paths:
                drawn.add(path, digest)


def _threads(frames: RigFrames) -> int:
    return min(os.cpu_count() or 1, len(frames.cameras))


def overlay_path(out: Path, camera: str, frame_id: int) -> Path:
    return out / "overlay" / camera / f"{frame_id:06d}.png"


def write_run_report(
    out: Path, records: Sequence[FrameResult], metrics: dict[str, Any], title: str, notes: Sequence[str]
) -> None:
    """`report.html` with the run's numbers and the overlays of a few frames."""
    from diffproxy.visualization import Report, write_report

    truth = metrics.get("ground_truth") or {}
    summary = {
        "frames": metrics["frames"],
        "with a body": sum(r.has_body for r in records),
        "proxies to body, mm": metrics["residual_mm"],
        "silhouette overlap": metrics["silhouette_iou"],
        "joint deviation, mm": metrics["joint_std_mm"],
        "jitter, mm/frame²": metrics.get("jitter_mm"),
        **{
            f"{k.removesuffix('_mm').upper()}, mm": v
            for k, v in truth.items()
            if k in ("mpjpe_mm", "mpvpe_mm")
        },
    }
    tables = {
        "Views": [{"view": name, **row} for name, row in metrics["views"].items()],
        "Seconds per frame": [{"stage": k, "seconds": v} for k, v in metrics["seconds"].items()],
        "Against the ground truth": [truth] if truth else [],
    }
    write_report(
        out / "report.html",
        Report(
            title=title,
            summary={k: v for k, v in summary.items() if v is not None},
            warnings=metrics["warnings"],
            notes=[*notes, *metrics["notes"]],
            tables=tables,
            frames=[_row(r) for r in records],
            images=_pictures(out, records),
            legend=LEGEND if any(unobserved_joints(r) for r in records) else {},
        ),
    )


def _row(record: FrameResult) -> dict[str, Any]:
    info = record.info
    return {
        "frame": record.frame_id,
        "status": record.status,
        "proxies to body, mm": info.get("residual_mm"),
        "overlap": info.get("overlap"),
        "joint deviation, mm": 1000 * float(np.median(record.joint_std[:22])) if record.has_body else None,
        "hands seen": ", ".join(f"{side} {len(v)}" for side, v in info.get("hands", {}).items()),
        "joints not observed": len(unobserved_joints(record)) if record.has_body else None,
        "seconds": info.get("seconds"),
        "reason": record.reason,
    }


def _pictures(out: Path, records: Sequence[FrameResult]) -> list[tuple[str, np.ndarray]]:
    """One contact sheet of all views for a few frames, evenly spread."""
    from diffproxy.cameras.image_sources import read_image
    from diffproxy.visualization import contact_sheet

    good = [r.frame_id for r in records if r.has_body]
    chosen = [good[i] for i in np.unique(np.linspace(0, len(good) - 1, min(SHOWN, len(good))).astype(int))]
    sheets = []
    for frame_id in chosen:
        found = sorted((out / "overlay").glob(f"*/{frame_id:06d}.png"))
        if found:
            tiles, names = [read_image(p) for p in found], [p.parent.name for p in found]
            sheets.append(
                (f"frame {frame_id}", contact_sheet(tiles, names, min(len(tiles), 4), max_side=640))
            )
    return sheets
