"""Shards of rendered subjects: WebDataset tar files, one sample a subject. Format: docs/render_synth.md."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field, field_validator

from diffproxy.body.params import PARAM_DIMS, BodyParams
from diffproxy.cameras import Camera
from diffproxy.datasets.extras import EXTRAS, decode_extra
from diffproxy.datasets.shard_listing import META, ShardListing
from diffproxy.datasets.stored_listings import list_shards
from diffproxy.proxies.png import decode_png, decode_proxy_png
from diffproxy.utils.bounded_images import decode_image
from diffproxy.utils.bounded_text import parse_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.file_patterns import files_named
from diffproxy.utils.short_repr import short_repr
from diffproxy.utils.validation import Number, OpenSchema, validated

VERSION = 2
FULL = "full"  # kind of whole frames; the other kinds are body, left_hand, right_hand
KEPT = 64  # samples whose decoded meta data an index keeps: a training run must not hold all of them


@dataclass(frozen=True)
class ShardView:
    """One picture of a subject. `mask`: 0 background, 1 subject with clothes, 2 and more other people, each a value of
    its own (in shards of version 1 all of them 2); `uv` in [0, 1].

    `kind` is body | left_hand | right_hand for square crops and "full" for a whole frame (body labels). `extras` holds
    what of `diffproxy.datasets.extras.EXTRAS` was rendered (and asked for).
    """

    rgb: UInt8[np.ndarray, "H W 3"]
    labels: UInt8[np.ndarray, "H W"]
    uv: Float[np.ndarray, "H W 2"]
    mask: UInt8[np.ndarray, "H W"]
    camera: Camera
    kind: str
    info: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, np.ndarray] = field(default_factory=dict)

    __repr__ = short_repr


def decode_jpeg(data: bytes, name: str) -> UInt8[np.ndarray, "H W 3"]:
    """The RGB picture of a JPEG file; InputError naming it (`name`) where it is none."""
    import cv2

    image = decode_image(data, f"an image in {name}", cv2.IMREAD_COLOR)
    return np.ascontiguousarray(image[..., ::-1])


def params_to_json(params: BodyParams) -> dict[str, list[float]]:
    """Parameters of one body (a batch of one) as lists of numbers, for the `params` of a shard's `meta.json`."""
    return {k: [float(x) for x in getattr(params, k)[0]] for k in PARAM_DIMS}


def params_from_json(data: dict[str, list[float]]) -> BodyParams:
    """The inverse of `params_to_json`: a batch of one, float32."""
    return BodyParams(**{k: torch.tensor([data[k]], dtype=torch.float32) for k in PARAM_DIMS})


class _View(OpenSchema):
    kind: Literal["body", "left_hand", "right_hand", "full"]
    camera: dict[str, Any]
    crop: list[Number] | None = Field(default=None, min_length=4, max_length=4)
    source: list[Number] | None = Field(default=None, min_length=2, max_length=2)


class _Meta(OpenSchema):
    """What every sample states; generators of shards add more."""

    version: int = Field(ge=1, strict=True)
    topology: str | None = None
    body: str | None = None
    bystanders: int = Field(default=0, ge=0)
    relabelled: list[Any] = Field(default_factory=list)
    params: dict[str, list[Number]]
    others: list[dict[str, list[Number]]] = Field(default=[], max_length=254)
    views: list[_View] = Field(max_length=10_000)

    @field_validator("params")
    @classmethod
    def _of_a_body(cls, params: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, size in PARAM_DIMS.items():
            if len(params.get(name, ())) != size:
                raise ValueError(f"{size} numbers for {name}")
        return params

    @field_validator("others")
    @classmethod
    def _of_bodies(cls, others: list[dict[str, list[float]]]) -> list[dict[str, list[float]]]:
        return [cls._of_a_body(params) for params in others]


def shard_paths(where: str | Path) -> list[Path]:
    """The shards of a folder, a glob pattern or one file, sorted."""
    path = Path(where)
    found = sorted(path.glob("*.tar")) if path.is_dir() else files_named(path)
    if not found:
        fix = f"render some: python -m render_synth out={where}; *.tmp files are unfinished shards"
        raise InputError("a folder with .tar shards, a pattern or one shard", str(where), fix)
    return found


class ShardIndex:
    """Random access to every sample under `where`; opens files per call, so it may be shared by loader processes."""

    def __init__(self, where: str | Path):
        self._shards = list_shards(shard_paths(where))
        self._ends = list(accumulate(len(shard.keys) for shard in self._shards))
        self._meta: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return self._ends[-1]

    def _find(self, sample: int) -> tuple[ShardListing, int]:
        """The shard of a sample, and its number there."""
        sample = range(len(self))[sample]
        number = bisect_right(self._ends, sample)
        shard = self._shards[number]
        return shard, sample - self._ends[number] + len(shard.keys)

    def _read(self, sample: int, extension: str) -> bytes:
        shard, number = self._find(sample)
        place = shard.place(number, extension)
        if place is None:
            fix = f"delete {shard.path} and render again"
            found = f"none in {shard.path.name}"
            raise InputError(f"{extension} in sample {shard.keys[number]}", found, fix)
        offset, size = place
        with shard.path.open("rb") as f:
            f.seek(offset)
            return f.read(size)

    def meta(self, sample: int) -> dict[str, Any]:
        """What `ShardWriter.add` wrote for this sample, with `params`, `views` and `version`."""
        if sample not in self._meta:
            path = self._find(sample)[0].path
            where = f"{META} of {self.key(sample)} in {path}"
            meta = parse_json(self._read(sample, META), where)
            listed = validated(_Meta, meta, where, "render the shard again")
            if listed.version > VERSION:
                found = f"version {listed.version} in {path.name}"
                raise InputError(f"a shard of version {VERSION} or older", found, "update diffproxy")
            while len(self._meta) >= KEPT:
                self._meta.pop(next(iter(self._meta)))
            self._meta[sample] = meta
        return self._meta[sample]

    def key(self, sample: int) -> str:
        shard, number = self._find(sample)
        return shard.keys[number]

    def params(self, sample: int) -> BodyParams:
        return params_from_json(self.meta(sample)["params"])

    def people(self, sample: int) -> list[BodyParams]:
        """The subject and the other people whose parameters are stored, each a batch of one.

        Person i has the value i + 1 in masks; see `labels_everybody`.
        """
        meta = self.meta(sample)
        return [params_from_json(p) for p in (meta["params"], *meta.get("others", ()))]

    def labels_everybody(self, sample: int) -> bool:
        """Whether `people` gives everybody; False: there are others of whom no parameters are stored."""
        meta = self.meta(sample)
        return "others" in meta or not meta.get("bystanders")

    def kinds(self, sample: int) -> list[str]:
        """Per stored view: body | left_hand | right_hand (square crops) or full (whole frame)."""
        return [v["kind"] for v in self.meta(sample)["views"]]

    def camera_places(self, sample: int) -> Float[np.ndarray, "V 12"]:
        """`R_cam_world` and `t_cam_world` of every stored view: equal for all crops of one camera."""
        cameras = [Camera.from_json(v["camera"]) for v in self.meta(sample)["views"]]
        return np.stack([np.concatenate([c.R_cam_world.ravel(), c.t_cam_world]) for c in cameras])

    def has(self, sample: int, extension: str) -> bool:
        """Whether the sample has a file of this name after its key, e.g. "v0.depth.png"."""
        shard, number = self._find(sample)
        return shard.place(number, extension) is not None

    def view(self, sample: int, number: int, extras: Collection[str] = ()) -> ShardView:
        """View `number` of this sample; only its own pictures, and the stored ones of `extras`, are decoded."""
        listed = self.meta(sample)["views"][number]

        def read(extension: str) -> tuple[bytes, str]:
            name = f"v{number}.{extension}"
            return self._read(sample, name), f"{name} of {self.key(sample)}"

        labels, uv = decode_proxy_png(*read("proxy.png"))
        rgb = decode_jpeg(*read("rgb.jpg"))
        mask = decode_png(*read("mask.png"), np.uint8, channels=1)
        stored = [name for name in EXTRAS if name in extras and self.has(sample, f"v{number}.{name}.png")]
        extra = {name: decode_extra(name, *read(f"{name}.png")) for name in stored}
        camera = Camera.from_json(listed["camera"])
        sizes = {rgb.shape[:2], labels.shape, mask.shape, (camera.height, camera.width)}
        sizes |= {a.shape[:2] for a in extra.values()}
        if len(sizes) > 1:
            where = f"view {number} of {self.key(sample)}"
            raise InputError(f"pictures of the camera's size in {where}", f"sizes {sizes}", "render again")
        info = {k: v for k, v in listed.items() if k not in ("kind", "camera")}
        return ShardView(rgb, labels, uv, mask, camera, listed["kind"], info, extra)


def read_shards(where: str | Path) -> Iterator[dict[str, Any]]:
    """Every subject under `where` as a dict.

    `key`, `meta`, `params` (BodyParams), `views` (all ShardViews); and of the body crops, stacked: `rgb` (V,H,W,3)
    uint8, `labels` (V,H,W), `uv` (V,H,W,2), `mask` (V,H,W), `cameras`.
    """
    index = ShardIndex(where)
    for i in range(len(index)):
        views = [index.view(i, j) for j in range(len(index.kinds(i)))]
        crops = [v for v in views if v.kind == "body"]
        stacked = (
            {k: np.stack([getattr(v, k) for v in crops]) for k in ("rgb", "labels", "uv", "mask")}
            if crops
            else {}
        )
        yield {
            "key": index.key(i), "meta": index.meta(i), "params": index.params(i), "views": views,
            "cameras": tuple(v.camera for v in crops),
        } | stacked  # fmt: skip
