"""Files of one picture or video, as `single_view` writes them: `people.json`, a folder for each person, overlays."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.single_view.onnx.drawing import draw_keypoints, draw_meshes
from diffproxy.single_view.onnx.estimator import Camera, Person, Picture
from diffproxy.single_view.onnx.models import Models
from diffproxy.utils.io import write_atomic, write_npz
from diffproxy.utils.people_file import ListedPerson, folder_name, write_people

PICTURE, UP_AXIS = "picture", "-Y"
OVERLAYS = ("mesh", "keypoints", "none")


@dataclass
class PictureFolder:
    """Collects the frames of one picture or video; `close` writes what needs all of them.

    Args:
        out: Folder of the picture.
        models: The exported models.
        overlay: `mesh`, `keypoints` or `none`.
        source: The picture or video; None for a connected camera.
        options: Of the run, for `result.npz`.
    """

    out: Path
    models: Models
    overlay: str = "mesh"
    source: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    people: dict[int, dict[int, Person]] = field(default_factory=lambda: defaultdict(dict))
    frames: dict[int, Picture] = field(default_factory=dict)

    def add(self, frame_id: int, image: np.ndarray, picture: Picture, ids: list[int]) -> None:
        """One frame, whose people have `ids`."""
        shown = dict(zip(ids, picture.people, strict=True))
        for person_id, person in shown.items():
            self.people[person_id][frame_id] = person
        self.frames[frame_id] = picture
        if self.overlay != "none":
            draw = draw_keypoints(image, shown)
            if self.overlay == "mesh":
                draw = draw_meshes(image, shown, picture.camera, self.models)
            _write_jpeg(self.out / "overlay" / PICTURE / f"{frame_id:06d}.jpg", draw)

    def close(self) -> None:
        """Write `people.json`, and `result.npz` of each person."""
        listed = []
        for person_id, shown in sorted(self.people.items()):
            entries = {frame: person_entry(person) for frame, person in shown.items()}
            listed.append(ListedPerson(person_id, entries))
            self._write_result(self.out / folder_name(person_id) / "result.npz", shown)
        frames = {frame: frame_entry(picture) for frame, picture in self.frames.items()}
        write_people(self.out, self.out.name, [PICTURE], listed, frames)

    def _write_result(self, path: Path, frames: dict[int, Person]) -> None:
        people, manifest = list(frames.values()), self.models.manifest
        cameras = [self.frames[frame].camera for frame in frames]
        meta = {
            **manifest["conventions"],
            "body": {k: manifest["body"][k] for k in ("name", "topology")},
            "up_axis": UP_AXIS,
            "generator": manifest["generator"],
            "version": manifest["diffproxy"],
            "options": {"body": {"path": manifest["body"]["path"]}, **self.options, **self._shown(cameras)},
            "focal_px": [c.focal for c in cameras],
            "focal_log_std": [c.log_std for c in cameras],
        }
        arrays = {name: np.stack([p.params[name] for p in people]) for name in manifest["params"]}
        arrays |= {
            "frame_ids": np.array(list(frames), np.int64),
            "status": np.array([p.status for p in people]),
            "reason": np.array([p.reason for p in people]),
            "joints": np.stack([p.joints for p in people]).astype(np.float32),
            "joint_std": np.stack([p.joint_std for p in people]).astype(np.float32),
            "joint_names": np.array(manifest["joints"]["names"]),
            "keypoints": np.stack([p.keypoints for p in people]),
            "meta": np.array(json.dumps(meta)),
        }
        write_npz(path, arrays)

    def _shown(self, cameras: list[Camera]) -> dict[str, Any]:
        """The camera, by which a viewer shows the picture; a video has its median focal length."""
        if self.source is None:
            return {}
        middle = sorted(cameras, key=lambda c: c.focal)[len(cameras) // 2]
        camera = {
            "name": PICTURE,
            "width": middle.width,
            "height": middle.height,
            "K": middle.K.tolist(),
            "R_cam_world": np.eye(3).tolist(),
            "t_cam_world": [0.0, 0.0, 0.0],
        }
        return {"picture": {"path": str(self.source.resolve()), "camera": camera}}


def person_entry(person: Person) -> dict[str, Any]:
    """What `people.json` says of a person in a frame."""
    return {
        "status": person.status,
        "views": [PICTURE],
        "reason": person.reason,
        "score": round(person.score, 3),
        "box": [round(x, 1) for x in person.box],
        "depth_m": float(person.joints[0, 2]) if person.has_body else None,
        "depth_std_m": person.depth_std if person.has_body else None,
    }


def frame_entry(picture: Picture) -> dict[str, Any]:
    """What `people.json` says of a frame as a whole."""
    return {
        "status": "people" if any(p.has_body for p in picture.people) else "no_person",
        "width": picture.camera.width,
        "height": picture.camera.height,
        "focal_px": picture.camera.focal,
        "focal_log_std": picture.camera.log_std,
        "focal_source": picture.camera.source,
        "seconds": {k: round(v, 4) for k, v in picture.seconds.items()},
    }


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    import cv2

    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    write_atomic(path, data.tobytes())
