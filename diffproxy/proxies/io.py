"""Proxies on disk: a folder of PNG files and `proxies.json` (docs/proxy_format.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

import diffproxy
from diffproxy.cameras import Camera
from diffproxy.proxies.interfaces import BodyLike, PaletteLike, as_numpy, palette_ids
from diffproxy.proxies.maps import ProxyMaps
from diffproxy.proxies.png import (
    STD_LEVELS,
    UV_LEVELS,
    WEIGHT_LEVELS,
    decode_proxy_png,
    decode_std_png,
    decode_weight_png,
    encode_proxy_png,
    encode_std_png,
    encode_weight_png,
)
from diffproxy.utils.bounded_files import Limits, read_bytes
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.options import at_least
from diffproxy.utils.validation import OpenSchema, validated


class _Part(OpenSchema):
    id: int = Field(ge=0, le=255)
    name: str
    palette: str


class _View(OpenSchema):
    camera: dict[str, Any]
    kind: Literal["body", "left_hand", "right_hand"]
    proxy: str
    weight: str | None = None
    std: str | None = None
    valid: str | None = None


class _Index(OpenSchema):
    views: list[_View] = Field(min_length=1, max_length=10_000)
    parts: list[_Part]


FORMAT = "diffproxy-proxies"
VERSION = 1
INDEX = "proxies.json"


@checked
def save_proxies(maps: ProxyMaps, folder: str | Path, body: BodyLike) -> None:
    """Write proxies to a folder; `proxies.json` is written last, so a folder with it is complete.

    Args:
        maps: Proxies; UV is stored to 1/131070, weight to 1/510.
        folder: Folder to write.
        body: The body of the labels.

    Raises:
        InputError: invalid maps (see `ProxyMaps.check`).
    """
    maps.check()
    at_least("views", maps.num_views, 1)
    for labels, kind, camera in zip(maps.labels, maps.kind, maps.cameras, strict=True):
        allowed = set(palette_ids(body.atlas.palette, kind))
        _check_view(labels, allowed, camera, f"the proxies of body {body.name}", kind)
    folder = Path(folder)
    index = folder / INDEX
    index.unlink(missing_ok=True)
    views = []
    for v, (kind, camera) in enumerate(zip(maps.kind, maps.cameras, strict=True)):
        files = {"proxy": f"v{v:02d}.{kind}.proxy.png", "weight": f"v{v:02d}.{kind}.weight.png"}
        write_atomic(folder / files["proxy"], encode_proxy_png(maps.labels[v], maps.uv[v]))
        write_atomic(folder / files["weight"], encode_weight_png(maps.weight[v]))
        if maps.std is not None:
            files["std"] = f"v{v:02d}.{kind}.std.png"
            write_atomic(folder / files["std"], encode_std_png(maps.std[v]))
        if maps.valid is not None and not maps.valid[v].all():
            files["valid"] = f"v{v:02d}.{kind}.valid.png"
            write_atomic(folder / files["valid"], encode_weight_png(maps.valid[v].astype(np.float32)))
        views.append({**files, "kind": kind, "camera": camera.to_json()})
    meta = {
        "format": FORMAT,
        "version": VERSION,
        "software": f"diffproxy {diffproxy.__version__}",
        "body": {"name": body.name, "topology_id": body.topology_id},
        "proxy": {"channels": ["label", "u", "v"], "uv_levels": UV_LEVELS, "uv_origin": "bottom-left"},
        "weight": {"levels": WEIGHT_LEVELS},
        "std": {"levels": STD_LEVELS},
        "parts": palette_to_json(body.atlas.palette),
        "views": views,
    }
    write_atomic(index, json.dumps(meta, indent=1).encode())


@checked
def load_proxies(folder: str | Path, body: BodyLike | None = None) -> tuple[ProxyMaps, dict[str, Any]]:
    """Read proxies.

    Args:
        folder: Folder of `save_proxies`.
        body: If given, its topology and part names must match those of the folder.

    Returns:
        The proxies and the content of `proxies.json`.

    Raises:
        InputError: missing or damaged files, another format, unknown labels.
    """
    folder = Path(folder)
    meta = _read_index(folder / INDEX)
    where = f"{folder / INDEX} of format {FORMAT}, version {VERSION}"
    index = validated(_Index, meta, where, "see docs/proxy_format.md")
    if body is not None:
        _check_body(meta, body, folder)
    views = index.views
    cameras = tuple(Camera.from_json(view.camera) for view in views)
    kinds = tuple(view.kind for view in views)
    names = [(view.proxy, view.weight, view.std, view.valid) for view in views]
    parts = {name: {0} | {p.id for p in index.parts if p.palette == name} for name in ("body", "hand")}
    labels, uv, weight = [], [], []
    std: list[np.ndarray] = []
    valid: list[np.ndarray] = []
    for (proxy, weights, deviation, covered), kind, camera in zip(names, kinds, cameras, strict=True):
        found, coordinates = decode_proxy_png(_read(folder, proxy), f"{folder / proxy}")
        _check_view(found, parts["body" if kind == "body" else "hand"], camera, proxy, kind)
        seen = (found > 0).astype(np.float32)
        labels.append(found)
        uv.append(coordinates * seen[..., None])
        weight.append(decode_weight_png(_read(folder, weights), f"{folder / weights}") if weights else seen)
        if deviation:
            std.append(decode_std_png(_read(folder, deviation), f"{folder / deviation}"))
        whole = np.ones(found.shape, dtype=bool)
        valid.append(
            decode_weight_png(_read(folder, covered), f"{folder / covered}") > 0.5 if covered else whole
        )
    if len({a.shape for a in [*labels, *weight, *std, *valid]}) > 1:
        raise _bad_index(folder / INDEX, "images of different sizes")
    maps = ProxyMaps(
        np.stack(labels),
        np.stack(uv),
        np.stack(weight),
        kinds,
        cameras,
        np.stack(std) if len(std) == len(views) else None,
        None if all(v.all() for v in valid) else np.stack(valid),
    )
    return maps, meta


def palette_to_json(palette: PaletteLike) -> list[dict[str, Any]]:
    """One entry a part: id, name, RGB colour in [0, 1] and the palette it belongs to."""
    colors = as_numpy(palette.colors)
    entries = []
    for name, kind in (("body", "body"), ("hand", "left_hand")):
        for i in palette_ids(palette, kind)[1:]:
            color = [round(float(c), 6) for c in colors[i]]
            entries.append({"id": i, "name": palette.names[i], "palette": name, "color": color})
    return entries


def _read_index(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(
            f"{path}",
            "no such file",
            "give a folder that was written to its end by `save_proxies`",
        )
    try:
        meta = read_json(path, "an index of proxies")
    except InputError as error:
        raise _bad_index(path, f"text that is not JSON ({error.found})") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT or meta.get("version") != VERSION:
        found = (
            {k: meta.get(k) for k in ("format", "version")} if isinstance(meta, dict) else type(meta).__name__
        )
        raise _bad_index(path, f"{found}")
    return meta


def _bad_index(path: Path, found: str) -> InputError:
    return InputError(f"{path} of format {FORMAT}, version {VERSION}", found, "see docs/proxy_format.md")


def _read(folder: Path, name: str) -> bytes:
    if Path(name).name != name:  # the index is untrusted: file names must stay in the folder
        raise InputError(
            "plain file names in proxies.json", f"{name!r}", "put the images beside proxies.json"
        )
    try:
        return read_bytes(folder / name, "proxies", Limits.IMAGE_FILE_BYTES)
    except InputError as error:
        raise InputError(
            f"{folder / name}, which proxies.json lists", error.found, "copy the whole folder"
        ) from error


def _check_view(labels: np.ndarray, allowed: set[int], camera: Camera, name: str, kind: str) -> None:
    strange = sorted({int(i) for i in np.unique(labels)} - allowed)
    if strange:
        raise InputError(
            f"labels of the {kind} palette in {name}",
            f"also {strange}",
            "list these parts in proxies.json, or correct the image",
        )
    if labels.shape != (camera.height, camera.width):
        raise InputError(
            f"an image of {camera.width}x{camera.height} pixels in {name}, as its camera says",
            f"{labels.shape[1]}x{labels.shape[0]}",
            "crop or resize the camera together with the image",
        )


def _check_body(meta: dict[str, Any], body: BodyLike, folder: Path) -> None:
    theirs, ours = meta.get("body"), {"name": body.name, "topology_id": body.topology_id}
    if not isinstance(theirs, dict) or theirs.get("topology_id") != body.topology_id:
        raise InputError(
            f"proxies of the body {ours} in {folder}",
            f"proxies of {theirs}",
            "load the body that the proxies were made with",
        )
    parts = {p["id"]: p["name"] for p in meta.get("parts", [])}
    known = {p["id"]: p["name"] for p in palette_to_json(body.atlas.palette)}
    if parts != known:
        differ = sorted(i for i in {*parts, *known} if parts.get(i) != known.get(i))[:5]
        raise InputError(
            f"the part names of body {body.name} in {folder}",
            "; ".join(f"part {i}: {parts.get(i)} in the file, {known.get(i)} in the body" for i in differ),
            "load the body that the proxies were made with",
        )
