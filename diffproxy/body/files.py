"""Reader of body files (SMPL-X .npz, or .pkl if allowed) as checked arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffproxy.body.names import NUM_JOINTS, PARENTS
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.errors import InputError

NUM_BETAS, NUM_EXPRESSIONS = 10, 10
_FULL_SHAPE_DIM = 300  # the full SMPL-X file has 300 shape and 100 expression directions
_REQUIRED = ("v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table")
_USED = ("posedirs", "posedirs_are_zero", "body_name")
_OPTIONAL = (
    "vt", "ft", "vt_hand", "ft_hand", "face_part", "face_hand_part", "part_names", "part_joint", "part_colors",
    "hand_part_names", "hand_part_joint", "hand_part_colors", "base_vertex", "vt_skin", "ft_skin",
)  # fmt: skip


@dataclass(frozen=True)
class BodyArrays:
    """Checked contents of a body file; float64 where real-valued. `posedirs` is None where it is all zero."""

    name: str
    v_template: np.ndarray  # (Nv, 3)
    faces: np.ndarray  # (Nf, 3) int64
    shapedirs: np.ndarray  # (Nv, 3, 20): 10 betas, 10 expressions
    posedirs: np.ndarray | None  # (Nv, 3, 486)
    J_regressor: np.ndarray  # (55, Nv)
    weights: np.ndarray  # (Nv, 55)
    extra: dict[str, np.ndarray] = field(default_factory=dict)


def read_body_file(path: Path, allow_pickle: bool = False) -> BodyArrays:
    """Read and check a body file.

    Args:
        path: .npz, or .pkl with `allow_pickle`.
        allow_pickle: Also read a .pkl by the restricted reader.

    Returns:
        Its arrays, float64 where real-valued.

    Raises:
        InputError: a file or array that is missing, truncated, of the wrong shape or not finite.
    """
    return _checked(read_arrays(path, (*_REQUIRED, *_USED, *_OPTIONAL), allow_pickle), path)


def read_arrays(path: Path, names: Sequence[str], allow_pickle: bool = False) -> dict[str, np.ndarray]:
    """Read some arrays of a body file without checking them.

    Args:
        path: .npz, or .pkl with `allow_pickle`.
        names: Arrays to read; those that the file does not have are left out.
        allow_pickle: Also read a .pkl by the restricted reader.

    Returns:
        Name -> array.

    Raises:
        InputError: a file that cannot be read.
    """
    if not path.is_file():
        raise InputError(
            "a body file (SMPLX_*.npz)", f"nothing at {path}", "check the path, or use load_body('anny')"
        )
    if path.suffix == ".pkl":
        data = _read_pickle(path, allow_pickle)
        return {k: data[k] for k in names if k in data}
    return read_npz(path, "the arrays of a body", names)


def _read_pickle(path: Path, allow_pickle: bool) -> Mapping[str, np.ndarray]:
    from diffproxy.body.unpickle import load_restricted

    if not allow_pickle:
        raise InputError(
            "an npz body file",
            f"{path}, a pickle",
            "use the .npz of the same download, or add body.allow_pickle=true to the command (for the models of a "
            "data set dataset.allow_pickle=true, in Python allow_pickle=True): nothing in the file is run",
        )
    return load_restricted(path)


def _checked(data: Mapping[str, np.ndarray], path: Path) -> BodyArrays:
    missing = [k for k in _REQUIRED if k not in data]
    if missing:
        raise InputError("the arrays of an SMPL-X file", f"{path} without {', '.join(missing)}", _WANTED)
    take = _taker(data, path)

    v_template = take("v_template", "(Nv, 3)", lambda s: len(s) == 2 and s[1] == 3)
    nv = len(v_template)
    faces = np.asarray(data["f"])
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.min() < 0 or faces.max() >= nv:
        raise InputError(f"'f' to be (Nf, 3) indices below {nv}", f"{faces.shape} in {path}", _WANTED)
    parents = np.asarray(data["kintree_table"]).astype(np.int64)
    if parents.shape != (2, NUM_JOINTS) or tuple(parents[0, 1:]) != PARENTS[1:]:
        raise InputError("the 55-joint tree of SMPL-X", f"kintree_table {parents.shape} in {path}", _WANTED)

    shapedirs = take(
        "shapedirs", f"({nv}, 3, >=20)", lambda s: len(s) == 3 and s[:2] == (nv, 3) and s[2] >= 20
    )
    start = _FULL_SHAPE_DIM if shapedirs.shape[2] >= _FULL_SHAPE_DIM + NUM_EXPRESSIONS else NUM_BETAS
    shapedirs = np.concatenate(
        [shapedirs[..., :NUM_BETAS], shapedirs[..., start : start + NUM_EXPRESSIONS]], axis=-1
    )
    posedirs = None
    if "posedirs" in data and not ("posedirs_are_zero" in data and bool(data["posedirs_are_zero"])):
        want = (nv, 3, 9 * (NUM_JOINTS - 1))
        posedirs = take("posedirs", str(want), lambda s: s == want)
        posedirs = posedirs if posedirs.any() else None
    return BodyArrays(
        name=str(np.asarray(data["body_name"]).item()) if "body_name" in data else path.stem,
        v_template=v_template,
        faces=faces.astype(np.int64),
        shapedirs=shapedirs,
        posedirs=posedirs,
        J_regressor=take("J_regressor", f"(55, {nv})", lambda s: s == (NUM_JOINTS, nv)),
        weights=take("weights", f"({nv}, 55)", lambda s: s == (nv, NUM_JOINTS)),
        extra={k: np.asarray(data[k]) for k in _OPTIONAL if k in data},
    )


_WANTED = "use an SMPL-X model file (55 joints), not SMPL, SMPL-H or MANO, and check that it is complete"


def _taker(
    data: Mapping[str, np.ndarray], path: Path
) -> Callable[[str, str, Callable[[tuple], bool]], np.ndarray]:
    def take(key: str, want: str, fits: Callable[[tuple], bool]) -> np.ndarray:
        value = np.asarray(data[key])
        if value.dtype.kind not in "fiu":
            raise InputError(f"'{key}' to hold numbers", f"type {value.dtype} in {path}", _WANTED)
        if not fits(value.shape):
            raise InputError(f"'{key}' of shape {want}", f"{value.shape} in {path}", _WANTED)
        value = value.astype(np.float64)
        if not np.isfinite(value).all():
            bad = int((~np.isfinite(value)).sum())
            raise InputError(f"finite numbers in '{key}'", f"{bad} NaN or infinite values in {path}", _WANTED)
        return value

    return take
