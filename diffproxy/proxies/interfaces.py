"""Protocols of the body attributes that the proxies use."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class PaletteLike(Protocol):
    """Part names and colours. `colors` (L, 3) in [0, 1] is indexed by part id; row 0 is the black background."""

    @property
    def names(self) -> Any: ...  # {id: name}

    @property
    def colors(self) -> Any: ...

    @property
    def body_ids(self) -> Any: ...

    @property
    def hand_ids(self) -> Any: ...


@runtime_checkable
class AtlasLike(Protocol):
    """Surface point <-> (part label, UV); see `diffproxy.body.SurfaceAtlas`."""

    @property
    def palette(self) -> Any: ...

    @property
    def segment_of_label(self) -> Any: ...  # label -> SMPL-X joint that moves the part rigidly

    @property
    def encode(self) -> Any: ...  # (face, bary, kind) -> (labels, uv)

    @property
    def lookup(self) -> Any: ...  # (labels, uv) -> (face, bary, ok)


@runtime_checkable
class BodyLike(Protocol):
    """A rest mesh, v_template (Nv, 3) and faces (Nf, 3), and its atlas; see `diffproxy.body.BodyModel`."""

    @property
    def name(self) -> str: ...

    @property
    def topology_id(self) -> str: ...

    @property
    def v_template(self) -> Any: ...

    @property
    def faces(self) -> Any: ...

    @property
    def atlas(self) -> Any: ...


def palette_ids(palette: PaletteLike, kind: str) -> list[int]:
    """Part ids that a view of this kind may show, background first."""
    ids = palette.body_ids if kind == "body" else palette.hand_ids
    return [0, *(int(i) for i in ids)]


def as_numpy(array: Any) -> np.ndarray:
    """A numpy view of an array or (detached) tensor."""
    return array.detach().cpu().numpy() if hasattr(array, "detach") else np.asarray(array)
