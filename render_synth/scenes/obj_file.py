"""Wavefront OBJ with its materials as one mesh with one small texture, so that every scene has the same structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra
from render_synth.colors import linear
from render_synth.obj_format import ObjFile, parse_obj

TILE = 256  # pixels of an object's texture: three quarters hold images, the last one 16 plain colours
TEXTURE_SPOTS = ((0, 0), (0, 128), (128, 0))
MAX_PIXELS = 5000 * 5000


@dataclass(frozen=True)
class Material:
    color: Float[np.ndarray, "3"]  # linear
    image: Float[np.ndarray, "H W 3"] | None = None
    opacity: float = 1.0


@dataclass(frozen=True)
class FurnitureMesh:
    """Triangles with corners of their own; metres, y up, on y = 0, centred; `texture` is TILE x TILE, linear."""

    vertices: Float[np.ndarray, "N 3"]
    normals: Float[np.ndarray, "N 3"]
    uv: Float[np.ndarray, "N 2"]  # origin at the bottom left
    texture: Float[np.ndarray, "T T 3"]

    @property
    def size(self) -> Float[np.ndarray, "3"]:
        return np.ptp(self.vertices, axis=0)


def decode_texture(data: bytes, name: str) -> Float[np.ndarray, "H W 3"]:
    """Linear RGB of a small image file; larger ones are shrunk to 256 pixels, huge ones refused."""
    require_extra("PIL", "synthesis")
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as head:
            return texture_of(head, name)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InputError("a readable texture", f"{name}: {error}", "remove the object") from error


def texture_of(image: Any, name: str) -> Float[np.ndarray, "H W 3"]:
    """`decode_texture` of an image that PIL has opened."""
    import cv2

    if image.width * image.height > MAX_PIXELS:
        raise InputError("a texture of at most 25 megapixels", f"{name}: {image.size}", "shrink it")
    image.draft("RGB", (512, 512))
    rgb = np.asarray(image.convert("RGB"), np.float32) / 255
    scale = 256 / max(rgb.shape[:2])
    if scale < 1:
        size = (max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.float32)
    return linear(rgb)


def parse_materials(text: str, read: Callable[[str], bytes]) -> dict[str, Material]:
    """Materials of an MTL file; `read` gives the bytes of an image named there (KeyError: it is not there)."""
    out: dict[str, Material] = {}
    name = ""
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if key == "newmtl":
            name = rest
            out[name] = Material(np.full(3, 0.5, np.float32))
        elif not name:
            continue
        elif key == "Kd":
            color = linear(np.clip(np.array(rest.split()[:3], float), 0, 1))
            out[name] = Material(color, out[name].image, out[name].opacity)
        elif key in ("d", "Tr"):
            value = float(rest.split()[-1])
            out[name] = Material(out[name].color, out[name].image, value if key == "d" else 1 - value)
        elif key == "map_Kd":
            try:
                image = decode_texture(read(rest), rest)
            except KeyError:
                continue
            out[name] = Material(out[name].color, image, out[name].opacity)
    return out


def build_object(
    text: str,
    materials: dict[str, Material],
    max_faces: int,
    turn: Float[np.ndarray, "3 3"] | None = None,
    size: Float[np.ndarray, "3"] | None = None,
) -> FurnitureMesh:
    """`build_mesh` of the text of an OBJ file; more than `max_faces` triangles are refused."""
    return build_mesh(parse_obj(text, max_faces), materials, turn, size)


def build_mesh(
    obj: ObjFile,
    materials: dict[str, Material],
    turn: Float[np.ndarray, "3 3"] | None = None,
    size: Float[np.ndarray, "3"] | None = None,
    keep_faces: int = 6000,
) -> FurnitureMesh:
    """The object turned by `turn`, then scaled to `size` = (width x, height y, depth z) metres where given.

    More than `keep_faces` triangles are thinned out.
    """
    index = obj.corners
    known, which = np.unique(obj.materials, return_inverse=True)
    plain = Material(np.full(3, 0.5, np.float32))
    used = [materials.get(n, plain) for n in known]
    opaque = np.array([m.opacity > 0.3 for m in used])[which]  # glass is left out
    if opaque.any():
        index, which = index[opaque], which[opaque]
    turn = np.eye(3) if turn is None else turn
    v = (obj.vertices @ turn.T)[index[..., 0]]
    low, high = v.reshape(-1, 3).min(0), v.reshape(-1, 3).max(0)
    scale = np.ones(3) if size is None else size / np.maximum(high - low, 1e-9)
    v = (v - [(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]) * scale
    if len(v) > keep_faces:
        v, kept = cluster(v, keep_faces)
        index, which = index[kept], which[kept]
    flat = np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0])
    normals = np.repeat(flat[:, None], 3, 1)
    has = index[..., 2].min(1) >= 0
    if has.any():
        normals[has] = (obj.normals @ turn.T)[index[has][..., 2]] / scale
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    uv = np.zeros((*index.shape[:2], 2))
    mapped = index[..., 1].min(1) >= 0
    if mapped.any():
        uv[mapped] = obj.uv[index[mapped][..., 1]]
    uv = np.where(np.isfinite(uv), uv, 0)
    area = np.linalg.norm(flat, axis=1)
    out_uv, texture = pack(
        uv, which, area, [m if mapped[which == i].all() else _plain(m) for i, m in enumerate(used)]
    )
    flat3 = lambda a: np.ascontiguousarray(a.reshape(-1, a.shape[-1]), np.float32)  # noqa: E731
    return FurnitureMesh(flat3(v), flat3(normals), flat3(out_uv), texture)


def cluster(
    corners: Float[np.ndarray, "F 3 3"], most: int
) -> tuple[Float[np.ndarray, "G 3 3"], Int[np.ndarray, " G"]]:
    """At most `most` triangles: points that share a cell of a grid become one; also which triangles are left."""
    points = corners.reshape(-1, 3)
    low, long = points.min(0), max(float(np.ptp(points, axis=0).max()), 1e-9)
    for cells in (128, 96, 72, 54, 40, 30, 22, 16, 10, 6):
        grid = np.floor((points - low) / long * cells).astype(np.int64) @ np.array([1, 1 << 10, 1 << 20])
        _, at = np.unique(grid, return_inverse=True)
        weight = np.bincount(at)[:, None]
        middle = np.stack([np.bincount(at, points[:, i]) for i in range(3)], 1) / weight
        ids = at.reshape(-1, 3)
        full = (ids[:, 0] != ids[:, 1]) & (ids[:, 1] != ids[:, 2]) & (ids[:, 2] != ids[:, 0])
        kept = np.flatnonzero(full)
        kept = kept[np.unique(np.sort(ids[kept], 1), axis=0, return_index=True)[1]]
        if 0 < len(kept) <= most:
            return middle[ids[kept]], kept
    kept = np.arange(min(most, len(corners)))
    return corners[kept], kept


def _plain(material: Material) -> Material:
    color = material.color if material.image is None else material.image.mean((0, 1))
    return Material(color, None, material.opacity)


def pack(
    uv: Float[np.ndarray, "F 3 2"],
    which: Int[np.ndarray, " F"],
    area: Float[np.ndarray, " F"],
    used: list[Material],
) -> tuple[Float[np.ndarray, "F 3 2"], Float[np.ndarray, "T T 3"]]:
    """All materials of an object in one texture: the three largest images, the others as plain colours."""
    texture, out = np.full((TILE, TILE, 3), 0.5, np.float32), np.zeros_like(uv)
    cover = np.array([area[which == i].sum() for i in range(len(used))])
    spots, plain = list(TEXTURE_SPOTS), 0
    for i in np.argsort(-cover, kind="stable"):
        mine, material = which == i, used[i]
        if not mine.any():
            continue
        low, high = uv[mine].reshape(-1, 2).min(0), uv[mine].reshape(-1, 2).max(0)
        if material.image is not None and spots and (high - low).max() < 12:
            row, column = spots.pop(0)
            span = np.maximum(high - low, 1e-6)
            grid = (np.arange(128) + 0.5) / 128
            u, v = low[0] + grid * span[0], high[1] - grid * span[1]
            h, w = material.image.shape[:2]
            rows = np.floor((1 - v % 1) * h).astype(int) % h
            columns = np.floor(u % 1 * w).astype(int) % w
            texture[row : row + 128, column : column + 128] = material.image[rows[:, None], columns[None]]
            inner = 0.5 + (uv[mine] - low) / span * 127  # half a pixel from the border
            out[mine] = np.stack([column + inner[..., 0], TILE - row - 128 + inner[..., 1]], -1) / TILE
        else:
            cell = min(plain, 15)
            plain += 1
            row, column = 128 + 32 * (cell // 4), 128 + 32 * (cell % 4)
            texture[row : row + 32, column : column + 32] = _plain(material).color
            out[mine] = np.array([column + 16, TILE - row - 16]) / TILE
    return out, np.clip(texture, 0, 0.95)
