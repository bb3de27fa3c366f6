"""Files of one picture or video: a folder for each person in the form of `fit`, the camera, and overlays."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from diffproxy.body import BodyModel
from diffproxy.pipeline.fit_frame import to_record
from diffproxy.pipeline.frame_figures import write_meshes
from diffproxy.pipeline.results import FrameResult, posed_vertices, write_result
from diffproxy.single_view.estimator import Person, PictureResult
from diffproxy.utils.io import to_json, write_atomic
from diffproxy.utils.timing import Stopwatch

COLORS = (
    (0.55, 0.78, 0.98), (0.98, 0.70, 0.52), (0.62, 0.90, 0.62),
    (0.93, 0.62, 0.86), (0.96, 0.88, 0.50), (0.66, 0.66, 0.98),
)  # fmt: skip
UP_AXIS = "-Y"
"""Of results: world axes are the camera's, x right, y down, z forward."""


@dataclass
class PictureFolder:
    """Collects the frames of one picture or video; `close` writes what needs all of them.

    Args:
        out: Folder of the picture.
        body: Body model.
        overlay: Draw everybody over each frame.
        mesh: Format of the meshes, or `none`.
        meta: Goes into `result.npz` of everybody.
    """

    out: Path
    body: BodyModel
    overlay: bool = True
    mesh: str = "glb"
    meta: dict[str, Any] = field(default_factory=dict)
    records: dict[int, list[FrameResult]] = field(default_factory=lambda: defaultdict(list))
    frames: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, frame_id: int, image: UInt8[np.ndarray, "H W 3"], result: PictureResult, ids: list[int]
    ) -> dict[str, Any]:
        """One frame; returns its summary."""
        records = [self._record(frame_id, person, result) for person in result.people]
        for person_id, record in zip(ids, records, strict=True):
            self.records[person_id].append(record)
        summary = frame_summary(frame_id, result, ids, records)
        self.frames.append(summary)
        if self.overlay:
            from diffproxy.visualization import save_image

            drawn = draw_people(image, result, ids, records, self.body)
            save_image(self.out / "overlay" / f"{frame_id:06d}.png", drawn)
        return summary

    def close(self) -> None:
        """Write `people.json`, and for each person `result.npz` and the meshes."""
        write_atomic(self.out / "people.json", to_json({"frames": self.frames}))
        for person_id, records in self.records.items():
            folder = self.out / f"person{person_id:02d}"
            camera = [f for f in self.frames if any(p["id"] == person_id for p in f["people"])]
            meta = {
                **self.meta,
                "up_axis": UP_AXIS,
                "focal_px": [f["focal_px"] for f in camera],
                "focal_log_std": [f["focal_log_std"] for f in camera],
                "size": [camera[0]["width"], camera[0]["height"]],
            }
            write_result(folder / "result.npz", records, self.body, meta)
            if self.mesh != "none":
                write_meshes(folder, records, self.body, self.mesh, UP_AXIS)

    def _record(self, frame_id: int, person: Person, result: PictureResult) -> FrameResult:
        seen, clock = person.fit.observed, Stopwatch()
        clock.seconds.update(result.seconds)
        return to_record(
            frame_id, person.fit.result, seen.maps, seen.boxes, self.body, list(seen.notes), clock, {}
        )


def frame_summary(
    frame_id: int, result: PictureResult, ids: list[int], records: list[FrameResult]
) -> dict[str, Any]:
    """What `people.json` says of one frame."""
    people = [
        {
            "id": person_id,
            "status": record.status,
            "reason": record.reason,
            "score": round(person.score, 3),
            "box": [round(x, 1) for x in person.box],
            "depth_m": person.fit.depth,
            "depth_std_m": person.fit.depth_std,
        }
        for person_id, person, record in zip(ids, result.people, records, strict=True)
    ]
    fitted = any(r.has_body for r in records)
    return {
        "frame": frame_id,
        "status": "people" if fitted else "no_person",
        "width": result.camera.width,
        "height": result.camera.height,
        "focal_px": float(result.camera.K[0, 0]),
        "focal_log_std": result.focal_log_std,
        "focal_source": result.focal_source,
        "people": people,
        "seconds": {k: round(v, 4) for k, v in result.seconds.items()},
    }


def draw_people(
    image: UInt8[np.ndarray, "H W 3"],
    result: PictureResult,
    ids: list[int],
    records: list[FrameResult],
    body: BodyModel,
) -> UInt8[np.ndarray, "H W 3"]:
    """Everybody with a body over the picture, the farthest first, each id in a colour of its own."""
    from diffproxy.visualization import overlay_body

    faces, drawn = body.faces.cpu().numpy(), image
    order = sorted(zip(ids, records, strict=True), key=lambda p: -np.nan_to_num(p[1].joints[0, 2]))
    for person_id, record in order:
        if record.has_body:
            color = COLORS[person_id % len(COLORS)]
            drawn = overlay_body(drawn, result.camera, posed_vertices(body, record), faces, color=color)
    return drawn
