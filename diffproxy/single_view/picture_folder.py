"""Files of one picture or video, as of a take with several people: `people.json`, a folder for each, overlays.

What is the same with torch (`outputs.py`) and without (`onnx/outputs.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from diffproxy.single_view.earlier_results import check_earlier, remove_earlier
from diffproxy.single_view.picture_result import Person, PictureCamera, PictureResult
from diffproxy.single_view.sources import PICTURE
from diffproxy.utils.digests import path_digest
from diffproxy.utils.io import make_folder
from diffproxy.utils.one_writer import OneWriter
from diffproxy.utils.people_file import ListedPerson, folder_name, write_people

UP_AXIS = "-Y"
"""Of results: world axes are the camera's, x right, y down, z forward."""


@runtime_checkable
class Record(Protocol):
    """What is kept of a person until the end of the video."""

    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def has_body(self) -> bool: ...


PictureT = TypeVar("PictureT", bound=PictureResult[Person, PictureCamera])
RecordT = TypeVar("RecordT", bound=Record)


class PictureFolder(ABC, Generic[PictureT, RecordT]):
    """Collects the frames of one picture or video; `close` writes what needs all of them.

    Args:
        out: Folder of the picture.
        source: The picture or video; None for a connected camera, whose pictures are not kept.
        options: Of the run, for `result.npz`: the path of the body, and the frame rate of a video.

    Raises:
        InputError: `out` has results of another picture or video. Those of the same go with the first frame.
    """

    def __init__(self, out: Path, source: Path | None, options: dict[str, Any]):
        check_earlier(out, source)
        self.out, self.source, self.options = out, source, options
        self.frames: dict[int, dict[str, Any]] = {}
        self.notes: list[str] = []  # for `people.json`
        self._writer: OneWriter | None = None  # from the first frame to the end
        self._records: dict[int, dict[int, RecordT]] = defaultdict(dict)
        self._entries: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)

    @abstractmethod
    def records(self, frame_id: int, picture: PictureT) -> list[RecordT]:
        """What is kept of each person of a picture."""

    @abstractmethod
    def draw(
        self, frame_id: int, image: np.ndarray, picture: PictureT, records: Mapping[int, RecordT]
    ) -> None:
        """Write the overlay of a frame, if there is to be one; `records` by id."""

    @abstractmethod
    def write_person(self, folder: Path, records: Mapping[int, RecordT], meta: dict[str, Any]) -> None:
        """Write the files of a person, whose records come by frame number; `meta` is for `result.npz`."""

    def add(self, frame_id: int, image: np.ndarray, picture: PictureT, ids: Sequence[int]) -> dict[str, Any]:
        """One frame, (H, W, 3) uint8 RGB, and the ids of its people.

        Returns:
            What `people.json` says of the frame, with its people by id as `people`.
        """
        if self._writer is None:
            self._writer = OneWriter(make_folder(self.out))
            remove_earlier(self.out)
        records = dict(zip(ids, self.records(frame_id, picture), strict=True))
        people = {}
        for person, (person_id, record) in zip(picture.people, records.items(), strict=True):
            people[person_id] = person_entry(person, record)
            self._records[person_id][frame_id] = record
            self._entries[person_id][frame_id] = people[person_id]
        self.frames[frame_id] = frame_entry(picture, any(r.has_body for r in records.values()))
        self.draw(frame_id, image, picture, records)
        return {**self.frames[frame_id], "people": people}

    def close(self) -> None:
        """Write `people.json`, and the files of each person; nothing where no frame came."""
        if not self.frames:
            return
        people = [ListedPerson(person_id, self._entries[person_id]) for person_id in sorted(self._records)]
        write_people(
            self.out, self.out.name, [PICTURE], people, self.frames, notes=self.notes, picture=self._path()
        )
        options = {**self.options, **self._shown()}
        for person_id, records in self._records.items():
            frames = [self.frames[frame_id] for frame_id in records]
            meta = {
                "up_axis": UP_AXIS,
                "options": options,
                "person": {"id": person_id},
                **({"pictures": {PICTURE: path_digest(self.source)}} if self.source is not None else {}),
                "focal_px": [f["focal_px"] for f in frames],
                "focal_log_std": [f["focal_log_std"] for f in frames],
            }
            self.write_person(self.out / folder_name(person_id), records, meta)
        if self._writer is not None:
            self._writer.release()

    def _shown(self) -> dict[str, Any]:
        """The picture and its camera, for a viewer; a video has its median focal length."""
        if self.source is None or not self.frames:
            return {}
        frames = list(self.frames.values())
        width, height = frames[0]["width"], frames[0]["height"]
        focal = float(np.median([f["focal_px"] for f in frames]))
        camera = {
            "name": PICTURE,
            "width": width,
            "height": height,
            "K": [[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]],
            "R_cam_world": np.eye(3).tolist(),
            "t_cam_world": [0.0, 0.0, 0.0],
        }
        return {"picture": {"path": self._path(), "camera": camera}}

    def _path(self) -> str | None:
        return None if self.source is None else str(self.source.resolve())


def person_entry(person: Person, record: Record) -> dict[str, Any]:
    """What `people.json` says of a person in a frame."""
    return {
        "status": record.status,
        "views": [PICTURE],
        "reason": record.reason,
        "score": round(person.score, 3),
        "box": [round(x, 1) for x in person.box],
        "depth_m": person.depth if record.has_body else None,
        "depth_std_m": person.depth_std if record.has_body else None,
    }


def frame_entry(picture: PictureResult[Person, PictureCamera], has_bodies: bool) -> dict[str, Any]:
    """What `people.json` says of a frame as a whole."""
    return {
        "status": "people" if has_bodies else "no_person",
        "width": picture.camera.width,
        "height": picture.camera.height,
        "focal_px": float(picture.camera.K[0, 0]),
        "focal_log_std": picture.focal_log_std,
        "focal_source": picture.focal_source,
        "seconds": {k: round(v, 4) for k, v in picture.seconds.items()},
    }
