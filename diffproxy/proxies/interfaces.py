"""What the proxies need of a body: any object with these attributes will do."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class PaletteLike(Protocol):
    """Part names and colours. `colors` (L, 3) in [0, 1] is indexed by part id; row 0 is the black background."""

    names: dict[int, str]
    colors: Any
    body_ids: Any
    hand_ids: Any


@runtime_checkable
class AtlasLike(Protocol):
    """Surface point <-> (part label, UV); see `diffproxy.body.SurfaceAtlas`."""

    palette: PaletteLike
    segment_of_label: Any  # label -> SMPL-X joint that moves the part rigidly

    def encode(self, face: np.ndarray, bary: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]: ...

    def lookup(self, labels: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


@runtime_checkable
class BodyLike(Protocol):
    """A rest mesh, v_template (Nv, 3) and faces (Nf, 3), and its atlas; see `diffproxy.body.BodyModel`."""

    name: str
    topology_id: str
    v_template: Any
    faces: Any
    atlas: AtlasLike


def palette_ids(palette: PaletteLike, kind: str) -> list[int]:
    """Part ids that a view of this kind may show, background first."""
    ids = palette.body_ids if kind == "body" else palette.hand_ids
    return [0, *(int(i) for i in ids)]


def as_numpy(array: Any) -> np.ndarray:
    """A numpy view of an array or (detached) tensor."""
    return array.detach().cpu().numpy() if hasattr(array, "detach") else np.asarray(array)
