"""What the manifest of exported models says, checked before anything is computed with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.errors import InputError

FIX = "write them: python -m diffproxy.single_view export out=DIR"
ENTRIES = {
    "files": dict, "crop": dict, "whole_picture": dict, "keypoints": dict, "usual_focal": dict, "body": dict,
    "joints": dict, "params": dict, "pose": list, "conventions": dict, "generator": str, "diffproxy": str,
}  # fmt: skip
"""What the manifest says, and as which type."""
TEXTS = {"body": ("path", "name", "topology")}
NUMBERS = {
    ("crop", "size"): (16, 4096), ("crop", "margin"): (0.1, 10), ("keypoints", "least_confidence"): (0, 1),
    ("whole_picture", "least_peak"): (0, 1), ("usual_focal", "of_diagonal"): (0.01, 100),
    ("usual_focal", "log_std"): (1e-6, 10),
}  # fmt: skip
WIDTHS = {"betas": 10, "expression": 10, "transl": 3, "scale": 1}
KEYPOINTS = 17


def check_manifest(manifest: Mapping[str, Any], path: Path) -> None:
    """InputError for entries that are missing, of another kind, or do not fit each other.

    Args:
        manifest: The content of `path`, of any kind.
        path: Where it is from, for errors.
    """
    other = [name for name, kind in ENTRIES.items() if not isinstance(manifest.get(name), kind)]
    other += [
        f"{group}.{name}"
        for group, names in TEXTS.items()
        for name in names
        if group not in other and not isinstance(manifest[group].get(name), str)
    ]
    if other:
        raise InputError(f"{', '.join(other)} in {path}", "none, or of another kind", FIX)
    for (group, name), (low, high) in NUMBERS.items():
        value = float(_numbers(manifest, group, name, (), path))
        if not low <= value <= high:
            raise InputError(f"{group}.{name} between {low:g} and {high:g} in {path}", f"{value:g}", FIX)
    _check_keypoints(manifest, path)
    _check_body(manifest, path)


def _check_keypoints(manifest: Mapping[str, Any], path: Path) -> None:
    bins = len(_numbers(manifest, "keypoints", "confidence", (None,), path))
    _numbers(manifest, "keypoints", "deviation", (bins,), path)
    order = _numbers(manifest, "keypoints", "flip_order", (KEYPOINTS,), path)
    if sorted(order.tolist()) != [*range(KEYPOINTS)]:
        raise InputError(f"flip_order of {KEYPOINTS} keypoints in {path}", f"{order.tolist()}", FIX)
    places = manifest["keypoints"].get("places")
    if not isinstance(places, dict):
        raise InputError(f"keypoints.places in {path}", "none", FIX)
    for name in ("near", "frame"):
        rows = as_numbers(places.get(name), (KEYPOINTS,), f"places.{name} in {path}", FIX)
        if rows.min() < 0 or rows.max() >= len(manifest["joints"].get("parents", ())):
            raise InputError(f"joints of the body for places.{name} in {path}", f"{rows.tolist()}", FIX)
    as_numbers(places.get("offset"), (KEYPOINTS, 3), f"places.offset in {path}", FIX)


def _check_body(manifest: Mapping[str, Any], path: Path) -> None:
    names = manifest["joints"].get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"joints.names in {path}", "none, or no texts", FIX)
    parents = _numbers(manifest, "joints", "parents", (len(names),), path)
    if not (parents[:1] == -1).all() or ((parents < 0) | (parents >= np.arange(len(names))))[1:].any():
        raise InputError(f"joints.parents in {path}, each before its child", f"{parents.tolist()[:8]}", FIX)
    params, pose = manifest["params"], manifest["pose"]
    known = {k: v for k, v in params.items() if type(v) is int and 1 <= v <= 1000}
    missing = {k for k, n in WIDTHS.items() if known.get(k) != n} | {
        k for k in map(str, pose) if k not in known
    }
    if missing or len(known) < len(params) or sum(known[k] for k in pose) != 3 * len(names):
        found = f"params {params}"[:100]
        raise InputError(f"parameters of a body of {len(names)} joints in {path}", found, FIX)


def _numbers(
    manifest: Mapping[str, Any], group: str, name: str, shape: tuple[int | None, ...], path: Path
) -> np.ndarray:
    return as_numbers(manifest[group].get(name), shape, f"{group}.{name} in {path}", FIX)
