"""Which folder, image or video of a rig folder belongs to which camera."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.image_sources import open_source
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import IMAGE_SUFFIXES, VIDEOS


def find_sources(root: Path, folder: str = "") -> dict[str, Path]:
    """Camera name -> folder, image or video under `root`; `images/` takes precedence over `videos/`.

    `folder`: look there instead, relative to `root` or absolute.
    """
    if folder:
        here = root / folder
        if not here.is_dir():
            raise InputError("a folder with images or videos", f"{here}", "check rig.images=DIR")
        return _videos(here) or _images(here)
    return _images(root / "images") or _videos(root / "videos")


def _images(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.name.startswith("."):
            found[path.name] = path
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            _add(found, path)
    return found


def _videos(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() in VIDEOS:
            _add(found, path)
    return found


def unread_sources(root: Path) -> InputError | None:
    """Why the files in `images/` and `videos/` are not read, if there are files but `find_sources` finds none."""
    files = [p for name in ("images", "videos") for p in _walk(root / name, 2) if p.is_file()]
    if not files:
        return None
    deeper = [p for p in files if p.suffix.lower() in VIDEOS and p.parent.parent.name == "videos"]
    if deeper:
        name = deeper[0].parent.name
        fix = f"move them up: mv {deeper[0]} {root / 'videos' / (name + deeper[0].suffix)} and the like"
    else:
        fix = f"convert to {', '.join(sorted(IMAGE_SUFFIXES))} or {', '.join(sorted(VIDEOS))}"
    shown = ", ".join(str(p.relative_to(root)) for p in files[:4])
    return InputError(f"{root}/images/<camera>/*.jpg or {root}/videos/<camera>.mp4", shown, fix)


def _walk(folder: Path, depth: int) -> list[Path]:
    if not folder.is_dir():
        return []
    here = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    return [q for p in here for q in ([p] if p.is_file() or not depth else _walk(p, depth - 1))]


def _add(found: dict[str, Path], path: Path) -> None:
    if path.stem in found:
        raise InputError(
            f"one source for camera {path.stem}",
            f"{found[path.stem].name} and {path.name}",
            "remove or rename one",
        )
    found[path.stem] = path


def source_image_size(root: Path, name: str) -> tuple[int, int] | None:
    """(width, height) of the first image of camera `name` under `root`, None if there is none."""
    path = find_sources(root).get(name)
    if path is None:
        return None
    source = open_source(path)
    height, width = source.read(source.frame_ids[0]).shape[:2]
    return width, height
