"""Furniture from Sweet Home 3D catalogues (.sh3f: a zip with sizes in centimetres and OBJ models), OBJ or glTF files.

The files are untrusted: members are read into memory only, by name, under limits of size and of triangles.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.utils.errors import InputError
from render_synth.scenes.glb_file import parse_glb
from render_synth.scenes.obj_file import FurnitureMesh, build_mesh, build_object, parse_materials

MAX_MEMBER = 24 * 2**20  # bytes of one file inside, unpacked
MAX_CATALOGUE = 4 * 2**20
MAX_MEMBERS = 20_000
MAX_FACES = 36_000
MAX_GLB, MAX_GLB_FACES = 160 * 2**20, 600_000
"""Of a .glb file: those of Amazon Berkeley Objects hold large textures and scanned surfaces."""
FIX = "use another file, or leave furniture out"
Number = float | int


@dataclass(frozen=True)
class Item:
    """One entry: where its model is, its size (width, height, depth; metres), how high it hangs above the floor."""

    source: str
    model: str
    name: str
    category: str
    size: tuple[float, float, float] | None  # None: as in the file, in metres
    elevation: float = 0.0
    turn: tuple[float, ...] = ()
    licence: str = ""


def read_catalogue(path: Path) -> list[Item]:
    """The items of a .sh3f file, or of all .sh3f, .obj and .glb files in a folder. InputError if there is none."""
    if path.is_dir():
        files = sorted(path.rglob("*.sh3f"))
        items = [i for f in files for i in _sh3f(f)]
        models = [f for kind in ("*.obj", "*.glb") for f in sorted(path.rglob(kind)) if not f.is_symlink()]
        items += [Item(str(f), "", f.stem, "thing", None) for f in models]
    else:
        items = _sh3f(path)
    if not items:
        raise InputError("furniture: a .sh3f file, or a folder of .sh3f, .obj or .glb files", str(path), FIX)
    return items


@lru_cache(maxsize=2)
def _kept_open(path: Path, changed: int) -> zipfile.ZipFile:
    """An archive kept open: its directory alone takes as long to read as a small object. `changed`: file time, ns."""
    return _open(path)


def _open(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError("a .sh3f furniture file (a zip)", f"{path}: {error}", FIX) from error
    if len(archive.infolist()) > MAX_MEMBERS:
        raise InputError(f"at most {MAX_MEMBERS} files in {path.name}", f"{len(archive.infolist())}", FIX)
    return archive


def _member(archive: zipfile.ZipFile, name: str, limit: int = MAX_MEMBER) -> bytes:
    """Bytes of a member; KeyError if it is not there, InputError if it is too large or not readable."""
    info = archive.getinfo(name)
    if info.file_size > limit:
        raise InputError(f"members under {limit >> 20} MB", f"{name}: {info.file_size >> 20} MB", FIX)
    try:
        with archive.open(info) as file:
            data = file.read(limit + 1)  # the size in the header may lie
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InputError("readable members", f"{name}: {error}", FIX) from error
    if len(data) > limit:
        raise InputError(f"members under {limit >> 20} MB", f"{name}: larger than it says", FIX)
    return data


def _sh3f(path: Path) -> list[Item]:
    with _open(path) as archive:
        try:
            text = _member(archive, "PluginFurnitureCatalog.properties", MAX_CATALOGUE).decode("latin-1")
        except KeyError as error:
            raise InputError("a PluginFurnitureCatalog.properties inside", str(path), FIX) from error
    entries: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r"^(\w+)#(\d{1,6})=(.*?)\s*$", text, re.M):
        entries.setdefault(int(number), {})[key] = value
    shared = re.search(r"^license=(.*?)\s*$", text, re.M)
    licence = shared[1] if shared else ""
    items = [_item(path, e, licence) for _, e in sorted(entries.items())]
    return [i for i in items if i is not None]


def _item(path: Path, entry: dict[str, str], licence: str) -> Item | None:
    """None if an item cannot be used: doors in walls, odd sizes, models in other formats than OBJ."""
    model = posixpath.normpath(entry.get("model", "").lstrip("/"))
    try:
        w, h, d = (float(entry[k]) / 100 for k in ("width", "height", "depth"))
        up = float(entry.get("elevation", 0)) / 100
        turn = tuple(float(x) for x in entry.get("modelRotation", "").split())
    except (KeyError, ValueError):
        return None
    usable = model.lower().endswith(".obj") and entry.get("doorOrWindow", "false") != "true"
    if not usable or not all(0.001 < x < 30 for x in (w, h, d)) or len(turn) not in (0, 9):
        return None
    creator = entry.get("creator", "")
    return Item(
        str(path), model, entry.get("name", model), entry.get("category", ""), (w, h, d), up, turn,
        entry.get("license", licence) + (f" ({creator})" if creator else ""),
    )  # fmt: skip


@lru_cache(maxsize=192)  # about 1 MB each, and a quarter of a second to read
def load_item(item: Item) -> FurnitureMesh | None:
    """The item's model, kept for the next sample; None where it has too many triangles or cannot be read."""
    try:
        return _load(item)
    except (InputError, KeyError, ValueError, IndexError, OverflowError):
        return None


def _load(item: Item) -> FurnitureMesh:
    turn: Float[np.ndarray, "3 3"] | None = np.array(item.turn).reshape(3, 3) if item.turn else None
    size = np.array(item.size) if item.size else None
    path = Path(item.source)
    if path.suffix == ".glb":
        if path.stat().st_size > MAX_GLB:
            raise InputError(f".glb files under {MAX_GLB >> 20} MB", str(path), FIX)
        return build_mesh(*parse_glb(path.read_bytes(), MAX_GLB_FACES), turn, size)
    if not item.model:  # a plain OBJ file beside its materials
        if path.stat().st_size > MAX_MEMBER:
            raise InputError(f"OBJ files under {MAX_MEMBER >> 20} MB", str(path), FIX)
        read = lambda name: _beside(path, name)  # noqa: E731
        text = path.read_text("latin-1")
        return build_object(text, _materials(text, read), MAX_FACES, turn, size)
    archive = _kept_open(path, path.stat().st_mtime_ns)
    text = _member(archive, item.model).decode("latin-1")
    if len(re.findall(r"^f\s", text, re.M)) > MAX_FACES:  # cheaper than to read it all
        raise InputError(f"at most {MAX_FACES} faces", item.name, FIX)
    folder = posixpath.dirname(item.model)
    read = lambda name: _member(archive, posixpath.normpath(posixpath.join(folder, name)))  # noqa: E731
    return build_object(text, _materials(text, read), MAX_FACES, turn, size)


def _materials(text: str, read):
    found = re.search(r"^mtllib\s+(.*?)\s*$", text, re.M)
    try:
        return parse_materials(read(found[1]).decode("latin-1"), read) if found else {}
    except KeyError:
        return {}


def _beside(path: Path, name: str) -> bytes:
    """A file named in an OBJ or MTL file; only from the folder it lies in."""
    folder = path.parent.resolve()
    file = (folder / name.replace("\\", "/")).resolve()
    if not file.is_relative_to(folder) or not file.is_file() or file.stat().st_size > MAX_MEMBER:
        raise KeyError(name)
    return file.read_bytes()
