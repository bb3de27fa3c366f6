"""The meta data of `result.npz` that readers rely on, as a schema; all else in it is free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from diffproxy.utils.bounded_text import parse_json
from diffproxy.utils.validation import Number, OpenSchema, validated

Rate = Annotated[Number, Field(gt=0)]


class _Body(OpenSchema):
    name: str | None = None
    topology: str | None = None


class _BodyOptions(OpenSchema):
    path: str = "anny"
    allow_pickle: bool = False


class _RigOptions(OpenSchema):
    path: str | None = None
    calibration: str | None = None
    prepare: str | None = None
    offsets: str = ""
    match: str = "number"
    rotate: str = ""
    images: str = ""


class _Picture(OpenSchema):
    path: str
    camera: dict[str, Any]


class _Options(OpenSchema):
    """Options of the run by which its body, its rig and its pictures are opened again."""

    fps: Rate = 30.0
    body: _BodyOptions | None = None
    rig: _RigOptions | None = None
    views: str = "all"
    proxies: str | None = None
    common_frames: bool = False
    picture: _Picture | None = None


class _Person(OpenSchema):
    id: Annotated[int, Field(ge=0)]
    take: str = ""


class _Meta(OpenSchema):
    up_axis: str | None = None
    pictures: dict[str, list[str] | str] | None = None
    person: _Person | None = None
    options: _Options | None = None
    body: _Body | None = None


def read_meta(text: str, where: str) -> Mapping[str, Any]:
    """The meta data in a JSON text.

    Args:
        text: The JSON text.
        where: What is read from where, for errors.

    Returns:
        What the text holds, unchanged.

    Raises:
        InputError: no JSON, or values of other types than those that this package writes.
    """
    meta = parse_json(text, where, finite=False)
    validated(_Meta, meta, where, "take the result.npz that the run has written")
    return meta
