"""The models that the readers of single pictures pose, each read once, with their triangles and parts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from diffproxy.body.smpl_family import SmplFamilyBody, load_smpl_family
from diffproxy.evaluation.true_body import BodySurface


@lru_cache(maxsize=1)
def model_and_surface(file: Path, allow_pickle: bool) -> tuple[SmplFamilyBody, BodySurface]:
    """A model file of the SMPL family. InputError for a missing or broken one."""
    model = load_smpl_family(file, allow_pickle)
    return model, BodySurface(model.faces, model.face_parts())
