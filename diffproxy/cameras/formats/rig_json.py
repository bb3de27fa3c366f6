"""Our own format, `rig.json` (docs/rigs.md)."""

from __future__ import annotations

import json
import reprlib
from pathlib import Path
from typing import Any

from pydantic import Field

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._files import contents, only_like, read_json, text_of
from diffproxy.cameras.rig import Rig
from diffproxy.utils.bounded_text import parse_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.validation import OpenSchema, validated

NAME = "DiffProxy rig.json"
FORMAT = "diffproxy-rig"
PRIORITY = 100
WRITES = "rig"
WRITES_TO = "rig.json"
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
_KEYS = {
    "format", "version", "name", "units", "up_axis", "extrinsics", "pixel_center", "cameras", "notes", "doubts",
}  # fmt: skip


class _RigFile(OpenSchema):
    """Types of what stands beside the cameras."""

    version: int = 1
    units: str = "m"
    up_axis: str = "+Y"
    extrinsics: str = "cam_from_world"
    pixel_center: float = 0.5
    name: str | int | float = ""
    notes: list[Any] = Field(default_factory=list)
    doubts: list[str] = Field(default_factory=list)


def find(folder: Path) -> Path | None:
    path = folder / "rig.json"
    return path if path.is_file() else only_like(folder, ".json", is_format, NAME)


def is_format(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    data = contents(path, ".json", read_json)  # `read` says what is wrong with a rig.json
    return path.name.lower() == "rig.json" or (isinstance(data, dict) and data.get("format") == FORMAT)


def read(path: Path) -> Rig:
    """Read a rig.json; lengths in `units` become metres, `pixel_center` 0 (OpenCV's) becomes ours (0.5)."""
    data = parse_json(text_of(path), f"a calibration in {path}")
    if not isinstance(data, dict) or not isinstance(data.get("cameras"), list):
        raise InputError(
            f'an object with a list "cameras" in {path}', type(data).__name__, "see docs/rigs.md"
        )
    if set(data) - _KEYS:
        raise InputError(
            f"only the keys {sorted(_KEYS)} in {path}", f"{sorted(set(data) - _KEYS)}", "remove or rename"
        )
    validated(_RigFile, data, f"a calibration in {path}", "correct that entry; see docs/rigs.md")
    if data.get("format", FORMAT) != FORMAT:
        raise InputError(f"format {FORMAT} in {path}", reprlib.repr(data["format"]), "see docs/rigs.md")
    if data.get("version", 1) != 1:
        raise InputError(f"version 1 in {path}", f"{data['version']!r}", "update DiffProxy")
    factor = UNITS.get(data.get("units", "m"))
    if factor is None:
        raise InputError(f"units m, cm or mm in {path}", f"{data['units']!r}", 'write "units": "mm"')
    center = data.get("pixel_center", 0.5)
    if center not in (0, 0.5):
        raise InputError(
            f"pixel_center 0.5 (ours) or 0 (OpenCV's) in {path}", f"{center!r}", "use one of these"
        )
    direction = data.get("extrinsics", "cam_from_world")
    if direction not in ("cam_from_world", "world_from_cam"):
        raise InputError(
            f"extrinsics cam_from_world or world_from_cam in {path}", f"{direction!r}", "use one of these"
        )
    cameras = [_camera(entry, 0.5 - center) for entry in data["cameras"]]
    rig = Rig(
        name=str(data.get("name", path.resolve().parent.name)),
        cameras=tuple(cameras),
        up_axis=data.get("up_axis", "+Y"),
        root=path.parent,
        notes=[str(note) for note in data.get("notes", [])],
        doubts=list(data.get("doubts", [])),
    )
    if direction == "world_from_cam":
        rig = rig.inverted()
    return rig.scaled(factor) if factor != 1.0 else rig


def _camera(entry: dict, shift: float) -> Camera:
    camera = Camera.from_json(entry)
    if shift:
        K = camera.K.copy()
        K[:2, 2] += shift
        camera = Camera.from_json(camera.to_json() | {"K": K.tolist()})
    return camera


def write(rig: Rig, path: Path) -> None:
    """Write `rig` so that `read` gives the same numbers back bit for bit."""
    data = {
        "format": FORMAT,
        "version": 1,
        "name": rig.name,
        "units": "m",
        "up_axis": rig.up_axis,
        "extrinsics": "cam_from_world",
        "pixel_center": 0.5,
        "cameras": [c.to_json() for c in rig.cameras],
        "notes": list(rig.notes),
        **({"doubts": list(rig.doubts)} if rig.doubts else {}),
    }
    write_atomic(path, (_compact(data) + "\n").encode())


def _compact(data: dict) -> str:
    """JSON with one number row a line: readable, and good in diffs."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    lines: list[str] = []
    row = ""
    for line in text.split("\n"):
        bare = line.strip().rstrip(",")
        number = bool(bare) and not bare.startswith(('"', "{", "}", "[", "]"))
        if number and ":" not in bare:
            row += line.strip() + " "
        elif row and line.strip().startswith("]"):
            lines[-1] += row.rstrip() + line.strip()
            row = ""
        else:
            lines.append(line)
    return "\n".join(lines)
