"""Meshes and overlays of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.cameras import Camera, RigFrames
from diffproxy.pipeline.frame_store import record_digest
from diffproxy.pipeline.results import FrameResult, posed_vertices
from diffproxy.pipeline.run_folder import NOTE_BYTES
from diffproxy.pipeline.unobserved_skin import unobserved_vertices
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.digests import fingerprint, path_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic


class DrawnFigures:
    """Which figures are drawn, and of which bodies: `drawn.json`, digests of body and figure by file name.

    A figure that was damaged since, as by a crash of the machine, is drawn again; all are where the list is damaged.
    """

    def __init__(self, out: Path):
        self.out, self.file = out, out / "drawn.json"
        try:
            found = read_json(self.file, "drawn figures", NOTE_BYTES) if self.file.exists() else {}
        except InputError:
            found = {}
        self.digests: dict[str, str] = found if isinstance(found, dict) else {}

    def __enter__(self) -> DrawnFigures:
        return self

    def __exit__(self, *error: object) -> None:
        write_atomic(self.file, (json.dumps(self.digests, indent=1, sort_keys=True) + "\n").encode())

    def is_current(self, path: Path, digest: str) -> bool:
        return path.exists() and self.digests.get(self._name(path)) == f"{digest} {path_digest(path)}"

    def add(self, path: Path, digest: str) -> None:
        self.digests[self._name(path)] = f"{digest} {path_digest(path)}"

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
    """`overlay/<camera>/<frame>.jpg`: the body over the undistorted image; rows as in `write_meshes`.

    Skin that no pixel supports is grey and hatched. Images that cannot be read have none.
    The views of a frame are drawn and packed side by side, in threads: most of the work holds no lock of Python.
    """
    from diffproxy.visualization import BodyPainter, save_image

    faces, nearest = body.faces.cpu().numpy(), nearest_joints(body)
    threads = min(os.cpu_count() or 1, len(frames.cameras))
    with DrawnFigures(out) as drawn, ThreadPoolExecutor(threads) as pool:
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

            for k in range(0, len(paths), threads):  # not all large images at once
                cameras = frames.cameras[k : k + threads]
                images = [frames.read_view(k + i, record.frame_id) for i in range(len(cameras))]
                # list: waits for all, and raises what went wrong in a thread
                list(pool.map(write, images, cameras, paths[k : k + threads]))
            for path in paths:
                drawn.add(path, digest)


def overlay_path(out: Path, camera: str, frame_id: int) -> Path:
    """Where the overlay of a camera's frame lies in the folder of a run."""
    return out / "overlay" / camera / f"{frame_id:06d}.jpg"
