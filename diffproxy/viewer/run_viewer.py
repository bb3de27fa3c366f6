"""The viewer of a finished run, or of the people of a take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from diffproxy.cameras import RigFrames
from diffproxy.export.result_motion import frame_step, nearest_rows
from diffproxy.export.run import Run
from diffproxy.utils.checked import checked
from diffproxy.utils.io import write_atomic
from diffproxy.utils.people_file import id_of_folder, rgb_of
from diffproxy.viewer.page import viewer_html
from diffproxy.viewer.scene import BODY_COLOR, Scene, ViewerBody
from diffproxy.visualization.sheet import encode_image, shrink

NOT_THERE = "not in this frame"
PICTURE_SIDES, PICTURE_QUALITY = (768, 448, 256), 60  # pixels of the longer side
PICTURE_BYTES = 1_800_000  # of all pictures: with bodies of 300 frames the page stays below 5 MB


@checked
def write_run_viewer(path: Path, runs: Sequence[Run], frames: RigFrames | None = None) -> None:
    """Write the page of a run, or of the people of a take.

    Args:
        path: File to write.
        runs: One run per person.
        frames: Their rig with the images; None: no cameras.

    Raises:
        InputError: no run, or one without a body.
    """
    scene = scene_of_runs(runs, frames)
    pictures = {} if frames is None else small_pictures(frames, list(scene.frame_ids))
    write_atomic(path, viewer_html(scene, pictures).encode())


def scene_of_runs(runs: Sequence[Run], frames: RigFrames | None = None) -> Scene:
    """What the viewers show of a run, or of the people of a take; arguments and errors of `write_run_viewer`."""
    frame_ids = np.unique(np.concatenate([run.result.frame_ids for run in runs])).astype(np.int64)
    return Scene(
        title=str(runs[0].result.meta.get("rig") or runs[0].name),
        bodies=[_body(run, frame_ids) for run in runs],
        frame_ids=frame_ids.tolist(),
        fps=runs[0].frame_rate / frame_step(frame_ids),
        cameras=() if frames is None else frames.cameras,
        up_axis=runs[0].result.meta.get("up_axis") or "+Y",
    )


def _body(run: Run, frame_ids: Int[np.ndarray, " F"]) -> ViewerBody:
    """A run's body in every frame of the page; where the run has no such frame, it is not shown."""
    result, motion = run.result, run.motion()
    own = result.frame_ids
    row = nearest_rows(own.astype(np.float64), frame_ids.astype(np.float64))
    there = own[row] == frame_ids
    spacing = 1.0 if len(motion) == 1 else (own[-1] - own[0]) / (len(motion) - 1)
    at = np.round((own[row] - own[0]) / spacing).astype(np.int64)
    shown = motion.take(at)
    person_id = id_of_folder(run.name)
    reasons = np.full(len(own), "") if result.reason is None else result.reason
    return ViewerBody(
        name=run.name,
        motion=replace(shown, known=shown.known & there),
        status=[str(s) if t else NOT_THERE for s, t in zip(result.status[row], there, strict=True)],
        reason=[str(r) if t else "" for r, t in zip(reasons[row], there, strict=True)],
        joint_std=result.joint_std[row],
        joint_observed=None if result.joint_observed is None else result.joint_observed[row],
        color=BODY_COLOR if person_id is None else rgb_of(person_id),
    )


def small_pictures(
    frames: RigFrames, frame_ids: list[int], budget: int = PICTURE_BYTES
) -> dict[str, list[tuple[int, bytes]]]:
    """Camera -> (row, JPEG) of evenly spread frames, as large and as many as the budget in bytes allows.

    Images that cannot be read have none, and neither have frames that the rig does not have.
    """
    known = set(frames.frame_ids)
    rows = [row for row, frame_id in enumerate(frame_ids) if frame_id in known]
    out: dict[str, list[tuple[int, bytes]]] = {camera.name: [] for camera in frames.cameras}
    if not rows:
        return out
    sizes = {
        side: sum(map(len, jpegs.values()))
        for side, jpegs in _jpegs(frames, frame_ids[rows[0]], PICTURE_SIDES).items()
    }
    side = next((s for s, size in sizes.items() if size * len(rows) <= budget), PICTURE_SIDES[-1])
    step = max(1, -(-len(rows) * sizes[side] // budget))
    for row in rows[::step]:
        for view, jpeg in _jpegs(frames, frame_ids[row], (side,))[side].items():
            out[frames.cameras[view].name].append((row, jpeg))
    return out


def _jpegs(frames: RigFrames, frame_id: int, sides: Sequence[int]) -> dict[int, dict[int, bytes]]:
    """Side -> view -> small picture, of the views whose image can be read."""
    jpegs: dict[int, dict[int, bytes]] = {side: {} for side in sides}
    for v in range(len(frames.cameras)):
        if (image := frames.read_view(v, frame_id)) is not None:
            for side in sides:
                jpegs[side][v] = encode_image(shrink(image, side), ".jpg", PICTURE_QUALITY)
    return jpegs
