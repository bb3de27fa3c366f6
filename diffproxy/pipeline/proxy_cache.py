"""Proxies of a run on disk: one folder a frame in the documented format, with the crops' boxes beside it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import as_box
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.run_folder import proxy_files
from diffproxy.utils.bounded_arrays import read_npy
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.digests import path_digest
from diffproxy.utils.errors import InputError, from_os_error
from diffproxy.utils.validation import Number, OpenSchema, validated

KEYPOINTS = "encoder_keypoints.npy"  # (V, 17, 4), see DiffProxyOutput
SIDE = "capture.json"  # ours; the maps themselves are in the format of diffproxy.proxies


class _Side(OpenSchema):
    """What SIDE holds: a box a crop (or none), notes, and the cameras that show each hand."""

    boxes: list[tuple[Number, Number, Number, Number]] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    hands: dict[str, list[str]] = Field(default_factory=dict)


class ProxyStore:
    """`folder/<frame>/proxies.json` for many frames; a folder that holds proxies.json itself is frame 0.

    `must_exist`: they were given; else a run writes them, and again where they have gone.
    """

    def __init__(self, folder: Path, body: BodyModel, must_exist: bool = True):
        self.folder, self.body, self.given = folder, body, must_exist
        if must_exist and not self._folders():
            raise InputError(
                "saved proxies: DIR/proxies.json or DIR/<frame>/proxies.json",
                f"none in {folder}",
                "check proxies=DIR; a run of fit.py writes them to its out/proxies",
            )

    def _folders(self) -> dict[int, Path]:
        if (self.folder / "proxies.json").is_file():
            return {int(self.folder.name) if self.folder.name.isdigit() else 0: self.folder}
        found = self.folder.glob("*/proxies.json")
        return {int(p.parent.name): p.parent for p in found if p.parent.name.isdigit()}

    @property
    def frame_ids(self) -> list[int]:
        return sorted(self._folders())

    def save(self, frame_id: int, made: Generated) -> None:
        """Write one frame under a temporary name, then rename; an earlier one is replaced."""
        from diffproxy.proxies import save_proxies

        target = self.folder / f"{frame_id:06d}"
        temporary = self.folder / f".{target.name}.{os.getpid()}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(parents=True)
            save_proxies(made.maps, temporary, self.body)
            side = {"boxes": made.boxes, "notes": made.notes, "hands": made.hands}
            if made.keypoints is not None:
                np.save(temporary / KEYPOINTS, made.keypoints)
            (temporary / SIDE).write_text(json.dumps(side))
            for old in proxy_files(target):
                old.unlink()
            for foreign in target.glob("*"):
                foreign.replace(temporary / foreign.name)
            if target.is_dir():
                target.rmdir()
            temporary.replace(target)
        except OSError as error:
            raise from_os_error(error, target) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def load(self, frame_id: int) -> Generated:
        """One frame; proxies that were made for another body topology raise InputError."""
        from diffproxy.proxies import load_proxies

        folder = self._folders().get(frame_id)
        if folder is None:
            raise InputError(f"proxies of frame {frame_id} in {self.folder}", "none", "choose other frames=")
        try:
            maps, _ = load_proxies(folder, self.body)
        except InputError as error:
            fix = error.fix if self.given else f"remove {folder}: the frame is computed again"
            raise InputError(error.expected, error.found, fix) from error
        data = read_json(folder / SIDE, "notes on crops") if (folder / SIDE).exists() else {}
        fix = f"remove {folder / SIDE}, or copy the folder again"
        side = validated(_Side, data, f"notes on crops in {folder / SIDE}", fix)
        if side.boxes and len(side.boxes) != maps.num_views:
            raise InputError(
                f"{maps.num_views} boxes, one a view, in {folder / SIDE}", f"{len(side.boxes)}", fix
            )
        boxes = tuple(as_box(box) for box in side.boxes)
        return Generated(maps, boxes, tuple(side.notes), side.hands, self._keypoints(folder, maps.num_views))

    @staticmethod
    def _keypoints(folder: Path, views: int) -> np.ndarray | None:
        path = folder / KEYPOINTS
        if not path.exists():
            return None
        values = read_npy(path, "keypoints of the encoder")
        if values.shape != (views, 17, 4) or values.dtype.kind != "f" or not np.isfinite(values).all():
            found = f"shape {values.shape}, type {values.dtype}, or numbers that are not finite"
            raise InputError(f"finite keypoints ({views}, 17, 4) in {path}", found, f"remove {path}")
        return values

    def inputs(self, frame_id: int) -> dict[str, str]:
        """Digests of one frame's files."""
        return {f"proxies {p.name}": path_digest(p) for p in sorted(proxy_files(self._folders()[frame_id]))}


def of_cameras(made: Generated, names: Collection[str]) -> Generated:
    """Saved proxies without the maps of other cameras; InputError without any map of these."""
    rows = [v for v, c in enumerate(made.maps.cameras) if c.name in names]
    if not rows:
        here = ", ".join(sorted({c.name for c in made.maps.cameras}))
        raise InputError(f"proxies of the cameras {', '.join(names)}", here, "name the cameras alike")
    boxes = tuple(made.boxes[v] for v in rows) if made.boxes else made.boxes
    hands = {side: [name for name in shown if name in names] for side, shown in made.hands.items()}
    keypoints = None if made.keypoints is None else made.keypoints[rows]
    return Generated(made.maps.select(rows), boxes, made.notes, hands, keypoints)


def in_cameras(made: Generated, cameras: Sequence[Camera]) -> Generated:
    """Saved proxies as crops of `cameras`, the pinhole cameras of the same undistorted images, by name.

    Maps of other cameras are left out. InputError without boxes, or without any map of these cameras.
    """
    known = {c.name: c for c in cameras}
    if len(made.boxes) != made.maps.num_views:
        raise InputError(
            "proxies with the boxes of their crops", "none", "take proxies that fit.py has saved"
        )
    made = of_cameras(made, known)
    maps = made.maps
    size = maps.labels.shape[2], maps.labels.shape[1]
    crops = tuple(known[c.name].crop(box, size) for c, box in zip(maps.cameras, made.boxes, strict=True))
    return replace(made, maps=replace(maps, cameras=crops))
