"""Pictures with the true body, for `benchmarks/single_view.py`: crops of held-out subjects, frames of a rig."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera, load_rig, open_frames
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.single_view_errors import DISTANCE_NAMES, distance_name
from diffproxy.export import load_result
from diffproxy.geometry.boxes import Box, as_box
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.utils.frame_ranges import select_frames


class Picture(NamedTuple):
    """A crop of a picture with its box in it, and the true body in the picture's camera (metres).

    `camera` is the true one, of which the methods are told the focal length at most: a real one has its principal point
    elsewhere than in the middle.
    """

    key: str
    rgb: np.ndarray
    size: tuple[int, int]
    box: Box
    camera: Camera
    joints: Float[np.ndarray, "55 3"]
    vertices: Float[np.ndarray, "Nv 3"]

    @property
    def focal(self) -> float:
        """The true focal length, pixels."""
        return float(self.camera.K[0, 0])


def pictures(folders: Sequence[str], body: BodyModel, per_bin: int) -> Iterator[Picture]:
    """The first `per_bin` pictures of each range of distances, folder by folder."""
    left = dict.fromkeys(DISTANCE_NAMES, per_bin)
    for folder in folders:
        index = ShardIndex(folder)
        for sample in range(len(index)):
            with torch.no_grad():
                posed = body(index.params(sample))
            joints, vertices = (x[0].double().numpy() for x in (posed.joints, posed.vertices))
            for j, about in enumerate(index.meta(sample)["views"]):
                camera = Camera.from_json(about["camera"])
                seen = joints @ camera.R_cam_world.T + camera.t_cam_world
                where = distance_name(float(seen[0, 2]))
                if about["kind"] != "body" or not left[where]:
                    continue
                left[where] -= 1
                box, size = as_box(about["crop"]), (about["source"][0], about["source"][1])
                focal = float(camera.K[0, 0]) * (box[2] - box[0]) / camera.width
                yield Picture(
                    f"{Path(folder).name}/{index.key(sample)}/{j}",
                    index.view(sample, j).rgb,
                    size,
                    box,
                    picture_camera(*size, focal),
                    seen,
                    vertices @ camera.R_cam_world.T + camera.t_cam_world,
                )


def rig_pictures(folder: str, result: str, body: BodyModel, chosen: str) -> Iterator[Picture]:
    """Each camera of each chosen frame of a rig, whole, with the body of a fit to all cameras as the true one."""
    truth, frames = load_result(result), open_frames(folder, load_rig(folder))
    for frame_id in select_frames(chosen, truth.frame_ids.tolist()):
        row = truth.frame_ids.tolist().index(frame_id)
        with torch.no_grad():
            vertices = body(truth.body_params(np.array([row]))).vertices[0].double().numpy()
        for image, camera in zip(frames.read(frame_id), frames.cameras, strict=True):
            R, t = camera.R_cam_world, camera.t_cam_world
            pixels = camera.project(vertices)
            own = replace(camera, R_cam_world=np.eye(3), t_cam_world=np.zeros(3))
            (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
            yield Picture(
                f"{camera.name}/{frame_id}", image, (camera.width, camera.height), (x0, y0, x1, y1),
                own, truth.joints[row] @ R.T + t, vertices @ R.T + t,
            )  # fmt: skip
