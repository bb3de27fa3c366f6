"""A fitted frame against the truth, in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.body.names import BODY_JOINTS, NUM_JOINTS
from diffproxy.export import load_result
from diffproxy.pipeline.results import FrameResult, frame_result_of_row, posed_vertices
from diffproxy.utils.errors import InputError

FILE = "ground_truth.npz"
HANDS = {"left": (20, slice(25, 40)), "right": (21, slice(40, 55))}  # wrist, finger joints
JOINTS_NOTE = (
    "22 SMPL-X body joints (pelvis to wrists); hand_mpjpe: 15 finger joints a hand, after wrist alignment"
)


def frame_errors(
    found: FrameResult, true: FrameResult, body: BodyModel, vertices: bool = True
) -> dict[str, float]:
    """mpjpe, ra_mpjpe, pa_mpjpe, the same for vertices and mpvpe_REGION, and hand_mpjpe; one number each, mm."""
    from diffproxy.metrics import body_errors, mpjpe, region_errors

    f, t = found.joints.astype(np.float64), true.joints.astype(np.float64)
    joints = f[None, BODY_JOINTS], t[None, BODY_JOINTS]
    if not vertices:
        errors = body_errors(*joints)
    else:
        mesh, true_mesh = (posed_vertices(body, r)[None].astype(np.float64) for r in (found, true))
        errors = body_errors(*joints, mesh, true_mesh)
        errors |= region_errors(mesh, true_mesh, body.regions)
    out = {k: float(v[0]) for k, v in errors.items()}
    hands = [
        mpjpe((f[fingers] - f[wrist])[None], (t[fingers] - t[wrist])[None])
        for wrist, fingers in HANDS.values()
    ]
    return {**out, "hand_mpjpe": float(np.mean(hands))}


def mean_errors(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean of each error over frames, keys ending in `_mm`."""
    return {f"{k}_mm": round(float(np.mean([r[k] for r in rows])), 3) for k in rows[0]} if rows else {}


def check_ground_truth(root: Path | None) -> None:
    """InputError if the rig folder `root` has a `ground_truth.npz` that `ground_truth_errors` could not use."""
    path = (root or Path()) / FILE
    if root is None or not path.exists():
        return
    fix = f"remove {path}, or write it with diffproxy.export.save_result"
    try:
        truth = load_result(path)
    except InputError as error:
        raise InputError(error.expected, error.found, fix) from error
    if truth.joints.shape[1] != NUM_JOINTS:
        raise InputError(f"{NUM_JOINTS} joints in {path}", f"{truth.joints.shape[1]}", fix)
    if not isinstance(truth.meta.get("body"), dict):
        raise InputError(f"the body's name and topology in the meta data of {path}", "none", fix)


def ground_truth_errors(
    path: Path, records: Sequence[FrameResult], body: BodyModel, same_world: bool = True
) -> dict[str, object] | None:
    """Errors against `ground_truth.npz` (laid out as result.npz), mean over frames; None when no frame is in both.

    Vertices are compared only when the truth has the same body topology. Where the cameras were solved, the world is
    another one than the truth's (`same_world=False`): only errors after a similarity transform (PA) mean something.
    """
    truth = load_result(path)
    rows = {int(f): i for i, f in enumerate(truth.frame_ids)}
    pairs = [
        (r, frame_result_of_row(truth, rows[r.frame_id]))
        for r in records
        if r.has_body and r.frame_id in rows
    ]
    if not pairs:
        return None
    same = truth.meta["body"].get("topology") == body.topology_id
    errors = mean_errors([frame_errors(r, t, body, same) for r, t in pairs])
    if not same_world:
        errors = {name: value for name, value in errors.items() if name.startswith("pa_")}
    return {"frames": len(pairs), "joints": JOINTS_NOTE, **errors}
