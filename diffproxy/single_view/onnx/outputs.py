"""Files of one picture or video without torch: `result.npz` and overlays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.single_view.onnx.drawing import draw_keypoints, draw_meshes
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.results import Person, PosedPicture
from diffproxy.single_view.picture_folder import PictureFolder
from diffproxy.single_view.sources import PICTURE
from diffproxy.utils.io import write_atomic, write_npz

OVERLAYS = ("mesh", "keypoints", "none")


class PosedPictureFolder(PictureFolder[PosedPicture, Person]):
    """Folder of a picture or video whose bodies the exported models pose.

    Args:
        out: Folder of the picture.
        source: The picture or video; None for a connected camera.
        options: Of the run, for `result.npz`.
        models: The exported models.
        overlay: `mesh`, `keypoints` or `none`.
    """

    def __init__(
        self, out: Path, source: Path | None, options: dict[str, Any], models: Models, overlay: str = "mesh"
    ):
        super().__init__(out, source, options)
        self.models, self.overlay = models, overlay

    def records(self, frame_id: int, picture: PosedPicture) -> list[Person]:
        return list(picture.people)

    def draw(
        self, frame_id: int, image: np.ndarray, picture: PosedPicture, records: Mapping[int, Person]
    ) -> None:
        if self.overlay == "none":
            return
        if self.overlay == "mesh":
            drawn = draw_meshes(image, records, picture.camera, self.models)
        else:
            drawn = draw_keypoints(image, records)
        _write_jpeg(self.out / "overlay" / PICTURE / f"{frame_id:06d}.jpg", drawn)

    def write_person(self, folder: Path, records: Mapping[int, Person], meta: dict[str, Any]) -> None:
        people, manifest = list(records.values()), self.models.manifest
        meta = {
            **manifest["conventions"],
            "body": {k: manifest["body"][k] for k in ("name", "topology")},
            "generator": manifest["generator"],
            "version": manifest["diffproxy"],
            **meta,
        }
        arrays = {name: np.stack([p.params[name] for p in people]) for name in manifest["params"]}
        arrays |= {
            "frame_ids": np.array(list(records), np.int64),
            "status": np.array([p.status for p in people]),
            "reason": np.array([p.reason for p in people]),
            "joints": np.stack([p.joints for p in people]).astype(np.float32),
            "joint_std": np.stack([p.joint_std for p in people]).astype(np.float32),
            "joint_names": np.array(manifest["joints"]["names"]),
            "keypoints": np.stack([p.keypoints for p in people]),
            "meta": np.array(json.dumps(meta)),
        }
        write_npz(folder / "result.npz", arrays)


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    import cv2

    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    write_atomic(path, data.tobytes())
