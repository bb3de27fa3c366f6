"""`load_body`: the packaged stand-in by name, or a licensed SMPL-X file by path."""

from __future__ import annotations

from pathlib import Path

from diffproxy.body.files import read_body_file
from diffproxy.body.model import BodyModel

PACKAGED = {"anny": Path(__file__).parent / "data" / "anny.npz"}


def load_body(name_or_path: str | Path = "anny", allow_pickle: bool = False) -> BodyModel:
    """A body model: "anny" (in the package, CC0), or the path of an SMPLX_*.npz.

    A .pkl is read only with `allow_pickle=True`, by a restricted reader that runs nothing in it and needs no chumpy.
    Hands are relative to the flat hand. Raises InputError for a missing or broken file.
    """
    path = PACKAGED.get(str(name_or_path), Path(name_or_path).expanduser())
    return BodyModel(read_body_file(path, allow_pickle))
