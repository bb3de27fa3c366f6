"""Errors against a `TrueBody`: joint set, root and alignment as a benchmark's protocol wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.body.names import BODY_JOINT_NAMES, BODY_JOINTS
from diffproxy.evaluation.true_body import H36M_17, SMPL_24, TrueBody
from diffproxy.geometry.procrustes import align_points
from diffproxy.metrics import mpjpe, mpvpe, pa_mpjpe, pa_mpvpe
from diffproxy.metrics.points import MM
from diffproxy.pipeline.results import FrameResult, posed_vertices
from diffproxy.utils.bounded_arrays import as_numbers, read_npy, read_npz
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_of, option, refuse_unread

SMPLX_22 = BODY_JOINT_NAMES
H36M_14 = tuple(H36M_17[i] for i in (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10))
"""The LSP-like selection of SPIN and BEDLAM; its root is the pelvis of the 17."""
JOINT_SETS = {"smplx22": SMPLX_22, "smpl24": SMPL_24, "h36m17": H36M_17, "h36m14": H36M_14}


@dataclass
class ProtocolOption:
    """How errors are taken on data sets with bodies of their own."""

    joints: str = option(
        "smplx22",
        "joints that are compared: the model's own first 22, or regressed from vertices (needs regressor)",
        "smplx22|smpl24|h36m17|h36m14",
    )
    regressor: str | None = option(
        None, "joints from vertices, (24 or 17, Nv) as .npy or the matrix of an .npz", "FILE"
    )
    smplx2smpl: str | None = option(
        None, "matrix that takes vertices of the fitted body to those of the truth, (6890, 10475)", "FILE"
    )
    root: str = option("pelvis", "what root alignment makes coincide", "pelvis|hips")
    align_vertices: str = option(
        "vertices", "whose similarity PA-MPVPE uses: that of the vertices or of the joints", "vertices|joints"
    )

    def __post_init__(self) -> None:
        one_of("protocol.joints", self.joints, tuple(JOINT_SETS))
        one_of("protocol.root", self.root, ("pelvis", "hips"))
        one_of("protocol.align_vertices", self.align_vertices, ("vertices", "joints"))
        if self.joints != "smplx22" and self.regressor is None:
            raise InputError(
                f"a regressor for protocol.joints={self.joints}", "none", "add protocol.regressor=FILE.npy"
            )
        if self.joints == "smplx22":
            refuse_unread(self, ("regressor",), "joints of the vertices, such as h36m14,")


class Protocol:
    """Reads the files that the options name, once; `errors` compares one body with its truth."""

    def __init__(self, options: ProtocolOption, body: BodyModel):
        self.options, self.body = options, body
        self.regressor = None if options.regressor is None else read_matrix(options.regressor)
        self.to_truth = None if options.smplx2smpl is None else read_matrix(options.smplx2smpl)
        own = len(body.v_template)
        if self.to_truth is not None and self.to_truth.shape[1] != own:
            found = f"shape {self.to_truth.shape} in {options.smplx2smpl}"
            fix = "give the matrix of the fitted body, or leave smplx2smpl out"
            raise InputError(f"smplx2smpl with a column for each of {own} vertices", found, fix)
        wanted = {"smpl24": 24, "h36m17": 17, "h36m14": 17}.get(options.joints)
        if wanted is not None and self.regressor is not None and len(self.regressor) != wanted:
            found = f"{len(self.regressor)} in {options.regressor}"
            raise InputError(
                f"{wanted} rows of the regressor for {options.joints}", found, "give another file"
            )

    def errors(self, found: FrameResult, truth: TrueBody) -> dict[str, float]:
        """Millimetres: mpjpe, ra_mpjpe (root-aligned), pa_mpjpe; and mpvpe, ra_mpvpe, pa_mpvpe.

        Vertices are compared only if both bodies have the same ones, if need be by the matrix `smplx2smpl`.
        """
        vertices = self.mapped_vertices(found, truth)
        pairs = self.joint_pairs(found, truth, vertices)
        if pairs is None:
            return {}
        (joints, root), (true_joints, true_root) = pairs
        known = np.isfinite(true_joints).all(-1)
        f, t = joints[known][None], true_joints[known][None]
        out = {
            "mpjpe": mpjpe(f, t),
            "ra_mpjpe": mpjpe(f - root, t - true_root),
            "pa_mpjpe": pa_mpjpe(f, t),
        }
        if vertices is not None and truth.vertices is not None:
            v, w = vertices[None], truth.vertices.astype(np.float64)[None]
            out |= {"mpvpe": mpvpe(v, w), "ra_mpvpe": mpvpe(v - root, w - true_root)}
            if self.options.align_vertices == "vertices":
                out["pa_mpvpe"] = pa_mpvpe(v, w)
            else:
                moved = align_points(f, t).apply(v)
                out["pa_mpvpe"] = MM * np.linalg.norm(moved - w, axis=-1).mean(-1)
        return {k: float(v[0]) for k, v in out.items()}

    def mapped_vertices(self, found: FrameResult, truth: TrueBody) -> Float[np.ndarray, "Nv 3"] | None:
        """The fitted body's vertices in the truth's topology; None where there is no way there."""
        if truth.vertices is None:
            return None
        vertices = posed_vertices(self.body, found).astype(np.float64)
        if self.to_truth is not None and self.to_truth.shape == (len(truth.vertices), len(vertices)):
            return self.to_truth @ vertices
        return vertices if len(vertices) == len(truth.vertices) else None

    def joint_pairs(self, found: FrameResult, truth: TrueBody, vertices: np.ndarray | None) -> Any:
        """Joints and root of both sides; None where a side lacks them."""
        predicted: np.ndarray | None
        if self.options.joints == "smplx22":
            true, predicted, full = truth.joints.get("smplx22"), found.joints[BODY_JOINTS], SMPLX_22
        else:
            full = SMPL_24 if self.options.joints == "smpl24" else H36M_17
            predicted = self.regressed(vertices)
            annotated = truth.joints.get("h36m17") if full is H36M_17 else None
            true = self.regressed(truth.vertices) if annotated is None else annotated
        if predicted is None or true is None:
            return None
        chosen = [full.index(n) for n in JOINT_SETS[self.options.joints]]
        sides = (predicted.astype(np.float64), true.astype(np.float64))
        return tuple((side[chosen], self.root_of(side, full)) for side in sides)

    def regressed(self, vertices: np.ndarray | None) -> Float[np.ndarray, "J 3"] | None:
        if vertices is None or self.regressor is None:
            return None
        if self.regressor.shape[1] != len(vertices):
            raise InputError(
                f"a regressor of {len(vertices)} vertices",
                f"{self.regressor.shape[1]} in {self.options.regressor}",
                "give protocol.smplx2smpl=FILE, or a regressor of the truth's vertices",
            )
        return self.regressor @ vertices.astype(np.float64)

    def root_of(self, joints: np.ndarray, names: tuple[str, ...]) -> Float[np.ndarray, " 3"]:
        if self.options.root == "pelvis":
            return joints[names.index("pelvis")]
        return (joints[names.index("left_hip")] + joints[names.index("right_hip")]) / 2


def read_matrix(path: str | Path) -> Float[np.ndarray, "R C"]:
    """A matrix from .npy, or the array `matrix` of an .npz or a .pkl (by the reader that runs nothing in it)."""
    path = Path(path).expanduser()
    fix = "give an .npy file, or an .npz or .pkl with the array `matrix`"
    if path.suffix == ".pkl":
        from diffproxy.body.unpickle import load_restricted

        data = load_restricted(path).get("matrix")
    elif path.suffix == ".npz":
        data = read_npz(path, "a matrix").get("matrix")
    else:
        data = read_npy(path, "a matrix")
    return as_numbers(np.zeros(0) if data is None else data, (None, None), f"a matrix in {path}", fix)
