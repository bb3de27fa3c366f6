"""The viewer of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffproxy.cameras import RigFrames
from diffproxy.export.run import Run
from diffproxy.utils.io import write_atomic
from diffproxy.viewer.page import ViewerBody, viewer_html
from diffproxy.visualization.sheet import encode_image, shrink

PICTURE_SIDES, PICTURE_QUALITY = (768, 448, 256), 60  # pixels of the longer side
PICTURE_BYTES = 1_800_000  # of all pictures: with bodies of 300 frames the page stays below 5 MB


def write_run_viewer(path: Path, run: Run, frames: RigFrames | None = None) -> None:
    """Write the page of a run.

    Args:
        path: File to write.
        run: The run.
        frames: Its rig with the images; None: no cameras.

    Raises:
        InputError: a run without a body.
    """
    result = run.result
    motion = run.motion()
    step = 1 if len(motion) == 1 else (result.frame_ids[-1] - result.frame_ids[0]) / (len(motion) - 1)
    rows = np.round((result.frame_ids - result.frame_ids[0]) / step).astype(np.int64)
    body = ViewerBody(
        name=motion.body.name,
        motion=motion.take(rows),
        status=result.status.tolist(),
        reason=[""] * len(rows) if result.reason is None else result.reason.tolist(),
        joint_std=result.joint_std,
        joint_observed=result.joint_observed,
    )
    page = viewer_html(
        title=str(result.meta.get("rig") or run.name),
        bodies=[body],
        frame_ids=result.frame_ids.tolist(),
        fps=motion.fps,
        cameras=() if frames is None else frames.cameras,
        up_axis=motion.up_axis,
        pictures={} if frames is None else small_pictures(frames, result.frame_ids.tolist()),
    )
    write_atomic(path, page.encode())


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
    first = frames.read_views(frame_ids[rows[0]]).images
    sizes = {side: sum(map(len, _jpegs(first, side).values())) for side in PICTURE_SIDES}
    side = next((s for s, size in sizes.items() if size * len(rows) <= budget), PICTURE_SIDES[-1])
    step = max(1, -(-len(rows) * sizes[side] // budget))
    for row in rows[::step]:
        for view, jpeg in _jpegs(frames.read_views(frame_ids[row]).images, side).items():
            out[frames.cameras[view].name].append((row, jpeg))
    return out


def _jpegs(images: Sequence[np.ndarray | None], side: int) -> dict[int, bytes]:
    """View -> small picture, of the views whose image could be read."""
    shown = {view: image for view, image in enumerate(images) if image is not None}
    return {v: encode_image(shrink(image, side), ".jpg", PICTURE_QUALITY) for v, image in shown.items()}
