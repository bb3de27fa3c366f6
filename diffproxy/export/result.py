"""`result.npz`: the bodies of a run in one file that numpy opens without this package."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.body.params import PARAM_DIMS, BodyParams
from diffproxy.export.result_meta import read_meta
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.short_repr import short_repr

TEXTS = ("status", "reason")
LARGEST = 1e6  # of a number of a body: metres and radians
STATUSES = ("ok", "doubtful", "one_view", "filled", "no_person", "failed")
UNOBSERVED = 0.1
"""A joint whose `joint_observed` is less than this is called unobserved."""
CONVENTIONS = {
    "units": "metres, radians, seconds",
    "place": "x_world = scale * x_body + transl; with scale 1 this is SMPL-X",
    "rotations": "axis-angle, relative to the parent joint",
    "hands": "15 x 3 rotations a hand, relative to the flat hand (flat_hand_mean=True), no PCA",
    "joint_std": "standard deviation of the joint position in metres",
    "joint_observed": "0: no pixel of any view supports the joint, its place comes from the priors; 1: fully supported",
    "status": "doubtful: a body, with reasons not to trust it in `reason`",
    "missing": "frames without a body hold NaN; status says why",
}


@checked
@dataclass(frozen=True)
class Result:
    """F frames in rising order; metres and radians, the rig's world. Frames without a body contain NaN.

    Args:
        frame_ids: (F,) frame numbers.
        status: (F,) text: ok, doubtful, one_view, filled, no_person or failed.
        params: One (F, n) array per field of `BodyParams`.
        joints: (F, J, 3) metres.
        joint_std: (F, J) standard deviation of each joint's position, metres.
        joint_names: J names.
        meta: JSON values: body file and topology, up axis, generator weights, settings, timings.
        reason: (F,) one sentence about the status.
        joint_observed: (F, J) support by pixels, in [0, 1]; None in files of true bodies.
        vertices: (F, N, 3) metres, if they were saved.
        faces: (Nf, 3) triangles, with `vertices`.
    """

    frame_ids: Int[np.ndarray, " F"]
    status: np.ndarray
    params: Mapping[str, np.ndarray]
    joints: Float[np.ndarray, "F J 3"]
    joint_std: Float[np.ndarray, "F J"]
    joint_names: tuple[str, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    reason: np.ndarray | None = None
    joint_observed: Float[np.ndarray, "F J"] | None = None
    vertices: Float[np.ndarray, "F N 3"] | None = None
    faces: Int[np.ndarray, "Nf 3"] | None = None

    __repr__ = short_repr

    @property
    def has_body(self) -> np.ndarray:
        """(F,) bool: frames without NaN."""
        numbers = [self.joints.reshape(len(self.joints), -1), *(self.params[k] for k in PARAM_DIMS)]
        return np.all([np.isfinite(values).all(axis=1) for values in numbers], axis=0)

    def body_params(self, rows: np.ndarray | slice = slice(None)) -> BodyParams:
        """Parameters of the chosen rows as one batch."""
        return BodyParams(**{k: torch.from_numpy(np.asarray(self.params[k][rows], "f4")) for k in PARAM_DIMS})


@checked
def save_result(result: Result, path: str | Path) -> None:
    """Write `result.npz` atomically; the conventions are added to `meta`.

    Args:
        result: The result.
        path: File to write.

    Raises:
        InputError: arrays of different length.
    """
    frames = len(result.frame_ids)
    if missing := sorted(PARAM_DIMS.keys() - result.params.keys()):
        raise InputError(f"params with {', '.join(PARAM_DIMS)}", f"no {', '.join(missing)}", "add them")
    if (result.vertices is None) != (result.faces is None):
        raise InputError("vertices and faces, or neither", "one of them", "give both, or leave both out")
    arrays: dict[str, np.ndarray] = {k: np.asarray(result.params[k], dtype=np.float32) for k in PARAM_DIMS}
    arrays |= {
        "frame_ids": np.asarray(result.frame_ids, dtype=np.int64),
        "status": np.asarray(result.status, dtype=np.str_),
        "reason": np.asarray([""] * frames if result.reason is None else result.reason, dtype=np.str_),
        "joints": np.asarray(result.joints, dtype=np.float32),
        "joint_std": np.asarray(result.joint_std, dtype=np.float32),
        "joint_names": np.asarray(result.joint_names, dtype=np.str_),
    }
    if result.joint_observed is not None:
        arrays["joint_observed"] = np.asarray(result.joint_observed, dtype=np.float32)
    if result.vertices is not None and result.faces is not None:
        arrays |= {
            "vertices": np.asarray(result.vertices, dtype=np.float32),
            "faces": np.asarray(result.faces),
        }
    try:
        arrays["meta"] = np.array(json.dumps({**CONVENTIONS, **result.meta}))
    except (TypeError, ValueError) as error:
        raise InputError(
            "JSON values in meta", str(error), "write texts, numbers, lists and dicts"
        ) from error
    _check(arrays, "the result to write")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options
    write_atomic(Path(path), buffer.getvalue())


@checked
def load_result(path: str | Path) -> Result:
    """Read `result.npz`.

    Args:
        path: The file.

    Returns:
        The result.

    Raises:
        InputError: a missing or damaged file, or arrays that are missing or of the wrong shape.
    """
    path = Path(path)
    if not path.is_file():
        fix = "name the folder that the fit was given as out, such as out/fit"
        raise InputError("a result.npz", f"no file {path}", fix)
    arrays = read_npz(path, "a whole result.npz")
    _check(arrays, f"{path}")
    for key in {*_shapes(arrays)} - {*TEXTS}:
        values = arrays[key]
        if (np.isfinite(values) & (np.abs(values) > LARGEST)).any():
            found = f"{values[np.isfinite(values)].max():g}"
            raise InputError(f"numbers up to {LARGEST:g} for {key} in {path}", found, "fit the take again")
    meta = read_meta(str(arrays["meta"]), f"the meta of a whole result.npz in {path}")
    return Result(
        frame_ids=arrays["frame_ids"],
        status=arrays["status"],
        params={k: arrays[k] for k in PARAM_DIMS},
        joints=arrays["joints"],
        joint_std=arrays["joint_std"],
        joint_names=tuple(str(n) for n in arrays["joint_names"]),
        meta=meta,
        reason=arrays.get("reason"),
        joint_observed=arrays.get("joint_observed"),
        vertices=arrays.get("vertices"),
        faces=arrays.get("faces"),
    )


def _check(arrays: Mapping[str, np.ndarray], where: str) -> None:
    needed = [*PARAM_DIMS, "frame_ids", "status", "joints", "joint_std", "joint_names", "meta"]
    missing = [key for key in needed if key not in arrays]
    if missing:
        raise InputError(
            f"{', '.join(needed)} in {where}", f"no {', '.join(missing)}", "write it with `save_result`"
        )
    ids = arrays["frame_ids"]
    whole = ids.dtype.kind in "iu" and ids.ndim == 1
    if not whole or (np.diff(ids) <= 0).any() or (abs(ids) >= 10**Limits.NUMBER_DIGITS).any():
        found = " ".join(str(ids).split())[:60]
        raise InputError(f"frame_ids as whole numbers in rising order in {where}", found, "write it again")
    if arrays["joint_names"].ndim != 1:
        raise InputError(
            f"a list of joint_names in {where}", f"{arrays['joint_names'].shape}", "write it again"
        )
    for key, shape in _shapes(arrays).items():
        value = arrays[key]
        if value.shape != shape:
            raise InputError(f"{key} of shape {shape} in {where}", f"{value.shape}", "one row per frame")
        if value.dtype.kind not in ("U" if key in TEXTS else "fiu"):
            kind = "text" if key in TEXTS else "numbers"
            raise InputError(f"{key} as {kind} in {where}", f"type {value.dtype}", "write it again")
    if "faces" in arrays and arrays["faces"].size:
        low, high, count = arrays["faces"].min(), arrays["faces"].max(), arrays["vertices"].shape[1]
        if not 0 <= low <= high < count:
            raise InputError(
                f"faces of vertices 0 to {count - 1} in {where}", f"{low} to {high}", "write it again"
            )
    strange = sorted(set(np.unique(arrays["status"]).tolist()) - set(STATUSES))
    if strange:
        raise InputError(f"status among {', '.join(STATUSES)} in {where}", f"{strange}", "use one of these")


def _shapes(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """The shape that each array must have, of those that are there."""
    frames, joints = len(arrays["frame_ids"]), len(arrays["joint_names"])
    vertices, faces = (arrays[k].shape if k in arrays else (0, 0) for k in ("vertices", "faces"))
    shapes: dict[str, tuple[int, ...]] = {k: (frames, n) for k, n in PARAM_DIMS.items()}
    shapes |= {
        "status": (frames,),
        "reason": (frames,),
        "joints": (frames, joints, 3),
        "joint_std": (frames, joints),
        "joint_observed": (frames, joints),
        "vertices": (frames, *vertices[1:2], 3),
        "faces": (*faces[:1], 3),
    }
    return {key: shape for key, shape in shapes.items() if key in arrays}
