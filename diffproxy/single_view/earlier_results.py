"""Results of an earlier run in the folder of a picture: those of another picture stay, those of the same one go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffproxy.single_view.sources import PICTURE
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import FORMAT, PEOPLE, folder_name

MESHES = ("glb", "ply", "obj")


def check_earlier(out: Path, source: Path | None) -> None:
    """InputError where `out` has results of another picture or of a connected camera, which nothing brings back."""
    earlier = _read(out)
    if earlier is None:
        return
    picture = earlier.get("picture")
    if source is None or picture != str(source.resolve()):
        found = f"results of {picture or 'a connected camera, or of several cameras'} in {out}"
        raise InputError("a folder for each picture, video or recording", found, "choose another out=DIR")


def remove_earlier(out: Path) -> None:
    """Remove what the `people.json` of `out` lists, and the folders that are empty then."""
    for path in _files(out, _read(out) or {}):
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if out in folder.parents and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _files(out: Path, earlier: dict[str, Any]) -> Iterator[Path]:
    """Files under the names that a run gives; entries of other kinds name none."""
    yield from (out / "overlay" / PICTURE / f"{frame}.jpg" for frame in _numbers(earlier))
    people = earlier.get("people")
    for person in people if isinstance(people, list) else ():
        if isinstance(person, dict) and type(person.get("id")) is int and person["id"] >= 0:
            folder = out / folder_name(person["id"])
            yield from (folder / "mesh" / f"{frame}.{kind}" for frame in _numbers(person) for kind in MESHES)
            yield from (folder / name for name in ("drawn.json", "result.npz"))


def _numbers(entry: dict[str, Any]) -> list[str]:
    frames = entry.get("frames")
    return [f"{int(n):06d}" for n in frames if n.isdecimal()] if isinstance(frames, dict) else []


def _read(out: Path) -> dict[str, Any] | None:
    path = out / PEOPLE
    if not path.exists():
        return None
    content = read_json(path, "people of an earlier run")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"people of an earlier run in {path}", "another file", "choose another out=DIR")
    return content
