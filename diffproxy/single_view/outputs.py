"""Files of one picture or video with torch: `result.npz` as of a run of `fit`, meshes, overlays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.pipeline.fit_frame import to_record
from diffproxy.pipeline.frame_figures import overlay_path, write_meshes
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.results import FrameResult, params_to_arrays, posed_vertices, write_result
from diffproxy.single_view.estimator import FittedPicture, Person
from diffproxy.single_view.picture_folder import UP_AXIS, PictureFolder
from diffproxy.utils.timing import Stopwatch


class FittedPictureFolder(PictureFolder[FittedPicture, FrameResult]):
    """Folder of a picture or video whose bodies have parameters and meshes.

    Args:
        out: Folder of the picture.
        source: The picture or video; None for a connected camera.
        options: Of the run, as in a run of `fit`.
        body: Body model.
        overlay: Draw everybody over each frame.
        mesh: Format of the meshes, or `none`.
        meta: Goes into `result.npz` of everybody.
    """

    def __init__(
        self,
        out: Path,
        source: Path | None,
        options: dict[str, Any],
        body: BodyModel,
        overlay: bool,
        mesh: str,
        meta: dict[str, Any],
    ):
        super().__init__(out, source, options)
        self.body, self.overlay, self.mesh, self.meta = body, overlay, mesh, meta

    def records(self, frame_id: int, picture: FittedPicture) -> list[FrameResult]:
        return [self._record(frame_id, person, picture) for person in picture.people]

    def draw(
        self, frame_id: int, image: np.ndarray, picture: FittedPicture, records: Mapping[int, FrameResult]
    ) -> None:
        if not self.overlay:
            return
        from diffproxy.visualization import PeoplePainter, save_image

        bodies = {k: posed_vertices(self.body, r) for k, r in records.items() if r.has_body}
        painter = PeoplePainter(bodies, self.body.faces.cpu().numpy())
        path = overlay_path(self.out, picture.camera.name, frame_id)
        save_image(path, painter.draw(image, picture.camera))

    def write_person(self, folder: Path, records: Mapping[int, FrameResult], meta: dict[str, Any]) -> None:
        results = list(records.values())
        write_result(folder / "result.npz", results, self.body, {**self.meta, **meta})
        if self.mesh != "none":
            write_meshes(folder, results, self.body, self.mesh, UP_AXIS)

    def _record(self, frame_id: int, person: Person, picture: FittedPicture) -> FrameResult:
        seen, fitted, clock = person.fit.observed, person.fit.result, Stopwatch()
        clock.seconds.update(picture.seconds)
        if seen is not None:
            made = Generated(seen.maps, seen.boxes or (), seen.notes)
            return to_record(frame_id, fitted, made, self.body, clock)
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
