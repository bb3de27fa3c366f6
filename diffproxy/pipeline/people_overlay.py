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
from diffproxy.pipeline.people_file import color_of
from diffproxy.pipeline.results import frame_result_of_row, posed_vertices
from diffproxy.pipeline.run_folder import record_digest
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
    from diffproxy.visualization import BodyPainter, save_image

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
            painters = {k: BodyPainter(posed_vertices(body, r), faces) for k, r in records.items()}
            middle = {k: r.joints[0].astype(np.float64) for k, r in records.items()}
            images = frames.read_views(frame_id).images
            for image, camera, path in zip(images, frames.cameras, paths, strict=True):
                if image is None:
                    continue
                far_first = sorted(painters, key=lambda k: -np.linalg.norm(middle[k] - camera.center_world))
                for k in far_first:
                    image = painters[k].draw(image, camera, color=_rgb(color_of(k)))
                save_image(path, image)
                drawn.add(path, digest)


def _rgb(color: str) -> tuple[float, float, float]:
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (r, g, b)
