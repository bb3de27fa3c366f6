"""Files of one picture or video, as of a take with several people: `people.json`, a folder for each, overlays."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from diffproxy.body import BodyModel
from diffproxy.pipeline.fit_frame import to_record
from diffproxy.pipeline.frame_figures import overlay_path, write_meshes
from diffproxy.pipeline.results import FrameResult, params_to_arrays, posed_vertices, write_result
from diffproxy.single_view.estimator import Person, PictureResult
from diffproxy.single_view.focal_length import PICTURE, picture_camera
from diffproxy.utils.people_file import ListedPerson, folder_name, write_people
from diffproxy.utils.timing import Stopwatch

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
        source: The picture or video; None for a connected camera, whose pictures are not kept.
        meta: Goes into `result.npz` of everybody; its `options` as in a run of `fit`.
    """

    out: Path
    body: BodyModel
    overlay: bool = True
    mesh: str = "glb"
    source: Path | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    records: dict[int, list[FrameResult]] = field(default_factory=lambda: defaultdict(list))
    frames: dict[int, dict[str, Any]] = field(default_factory=dict)
    entries: dict[int, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))

    def add(
        self, frame_id: int, image: UInt8[np.ndarray, "H W 3"], result: PictureResult, ids: list[int]
    ) -> dict[str, Any]:
        """One frame; returns what `people.json` says of the frame, with its people by id as `people`."""
        records = [self._record(frame_id, person, result) for person in result.people]
        people = {}
        for person_id, person, record in zip(ids, result.people, records, strict=True):
            self.records[person_id].append(record)
            people[person_id] = person_entry(person, record, result.camera.name)
            self.entries[person_id][frame_id] = people[person_id]
        self.frames[frame_id] = frame_entry(result, records)
        if self.overlay:
            from diffproxy.visualization import PeoplePainter, save_image

            bodies = {
                k: posed_vertices(self.body, r) for k, r in zip(ids, records, strict=True) if r.has_body
            }
            painter = PeoplePainter(bodies, self.body.faces.cpu().numpy())
            path = overlay_path(self.out, result.camera.name, frame_id)
            save_image(path, painter.draw(image, result.camera))
        return {**self.frames[frame_id], "people": people}

    def close(self) -> None:
        """Write `people.json`, and for each person `result.npz` and the meshes."""
        people = [ListedPerson(person_id, self.entries[person_id]) for person_id in sorted(self.records)]
        write_people(self.out, self.out.name, [PICTURE], people, self.frames)
        for person_id, records in self.records.items():
            folder = self.out / folder_name(person_id)
            camera = [self.frames[r.frame_id] for r in records]
            meta = {
                **self.meta,
                "up_axis": UP_AXIS,
                "options": self._options(),
                "focal_px": [f["focal_px"] for f in camera],
                "focal_log_std": [f["focal_log_std"] for f in camera],
            }
            write_result(folder / "result.npz", records, self.body, meta)
            if self.mesh != "none":
                write_meshes(folder, records, self.body, self.mesh, UP_AXIS)

    def _options(self) -> dict[str, Any]:
        """The options and the camera, which a viewer shows; a video has its median focal length."""
        options = self.meta.get("options", {})
        if self.source is None:
            return options
        frames = list(self.frames.values())
        focal = float(np.median([f["focal_px"] for f in frames]))
        camera = picture_camera(frames[0]["width"], frames[0]["height"], focal)
        return {**options, "picture": {"path": str(self.source.resolve()), "camera": camera.to_json()}}

    def _record(self, frame_id: int, person: Person, result: PictureResult) -> FrameResult:
        seen, fitted, clock = person.fit.observed, person.fit.result, Stopwatch()
        clock.seconds.update(result.seconds)
        if seen is not None:
            return to_record(frame_id, fitted, seen.maps, seen.boxes, self.body, list(seen.notes), clock, {})
        info = {"notes": [fitted.reason] if fitted.reason else [], "timings": clock.seconds}
        if not fitted.has_body:
            return FrameResult(frame_id, fitted.status, fitted.reason, info=info)
        return FrameResult(
            frame_id,
            fitted.status,
            fitted.reason,
            params_to_arrays(fitted.params),
            fitted.joints,
            fitted.joint_std,
            info,
        )


def person_entry(person: Person, record: FrameResult, camera: str) -> dict[str, Any]:
    """What `people.json` says of a person in a frame."""
    return {
        "status": record.status,
        "views": [camera],
        "reason": record.reason,
        "score": round(person.score, 3),
        "box": [round(x, 1) for x in person.box],
        "depth_m": person.fit.depth if record.has_body else None,
        "depth_std_m": person.fit.depth_std if record.has_body else None,
    }


def frame_entry(result: PictureResult, records: list[FrameResult]) -> dict[str, Any]:
    """What `people.json` says of a frame as a whole."""
    return {
        "status": "people" if any(r.has_body for r in records) else "no_person",
        "width": result.camera.width,
        "height": result.camera.height,
        "focal_px": float(result.camera.K[0, 0]),
        "focal_log_std": result.focal_log_std,
        "focal_source": result.focal_source,
        "seconds": {k: round(v, 4) for k, v in result.seconds.items()},
    }
