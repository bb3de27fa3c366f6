"""All people of a frame on one picture, each in their own colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.cameras import RigFrames
from diffproxy.export import load_result
from diffproxy.pipeline.frame_figures import DrawnFigures, overlay_path
from diffproxy.pipeline.frame_store import record_digest
from diffproxy.pipeline.results import frame_result_of_row, posed_vertices
from diffproxy.utils.digests import fingerprint


def overlay_files(frame_ids: Sequence[int], cameras: Sequence[str]) -> list[str]:
    """Names of all pictures, relative to the folder of the run."""
    return ["drawn.json", *(f"overlay/{c}/{i:06d}.jpg" for i in frame_ids for c in cameras)]


def write_people_overlays(
    out: Path, results: Mapping[int, Path], body: BodyModel, frames: RigFrames, frame_ids: Sequence[int]
) -> None:
    """`overlay/<camera>/<frame>.jpg` with all bodies, those in front over those behind.

    Args:
        out: Folder of the run.
        results: Run folder of each person, by id.
        body: The body of all of them.
        frames: The images.
        frame_ids: Frames to draw, where that is not done yet.
    """
    from diffproxy.visualization import PeoplePainter, save_image

    faces = body.faces.cpu().numpy()
    loaded = {k: load_result(path / "result.npz") for k, path in results.items()}
    with DrawnFigures(out) as drawn:
        for frame_id in tqdm(frame_ids, desc="overlays of all people", unit="frame"):
            records = {}
            for k, result in loaded.items():
                for row in np.flatnonzero(result.frame_ids == frame_id):
                    record = frame_result_of_row(result, int(row))
                    if record.has_body:
                        records[k] = record
            digest = fingerprint({str(k): record_digest(r) for k, r in records.items()})
            paths = [overlay_path(out, c.name, frame_id) for c in frames.cameras]
            if not records or all(drawn.is_current(p, digest) for p in paths):
                continue
            painter = PeoplePainter({k: posed_vertices(body, r) for k, r in records.items()}, faces)
            for v, (camera, path) in enumerate(zip(frames.cameras, paths, strict=True)):
                if (image := frames.read_view(v, frame_id)) is not None:
                    save_image(path, painter.draw(image, camera))
                    drawn.add(path, digest)
