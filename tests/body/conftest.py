"""A small file in the layout of the official SMPL-X download, with made-up numbers, and random parameters."""

import numpy as np
import pytest
import torch

from diffproxy.body import NUM_JOINTS, PARAM_DIMS, PARENTS, BodyParams


@pytest.fixture(scope="session")
def official_arrays():
    """Arrays as in SMPLX_NEUTRAL.npz: 300 + 100 shape directions, pose correctives, an unsigned kinematic table."""
    rng = np.random.default_rng(0)
    nv = 200
    v = rng.normal(size=(nv, 3))
    weights = rng.random((nv, NUM_JOINTS)) ** 8
    regressor = rng.random((NUM_JOINTS, nv)) ** 4
    parents = np.array([PARENTS, range(NUM_JOINTS)], dtype=np.int64).astype(np.uint32)  # -1 wraps around
    return {
        "v_template": v,
        "f": rng.integers(0, nv, (300, 3)).astype(np.uint32),
        "shapedirs": 0.05 * rng.normal(size=(nv, 3, 400)),
        "posedirs": 0.02 * rng.normal(size=(nv, 3, 9 * (NUM_JOINTS - 1))),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": parents,
        "vt": rng.random((250, 2)),
        "ft": rng.integers(0, 250, (300, 3)).astype(np.uint32),
        "hands_componentsl": np.eye(45),
        "hands_componentsr": np.eye(45),
        "hands_meanl": rng.normal(size=45),
        "hands_meanr": rng.normal(size=45),
        "lmk_faces_idx": np.zeros(51, dtype=np.int64),
        "lmk_bary_coords": np.full((51, 3), 1 / 3),
    }


@pytest.fixture(scope="session")
def official_file(official_arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "SMPLX_NEUTRAL.npz"
    np.savez(path, **official_arrays)
    return path


@pytest.fixture(scope="session")
def random_params():
    """Factory: random parameters of a batch, every field away from zero."""

    def make(batch: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> BodyParams:
        generator = torch.Generator().manual_seed(seed)
        draw = {
            k: torch.randn(batch, n, generator=generator, dtype=torch.float64) for k, n in PARAM_DIMS.items()
        }
        draw |= {k: 0.5 * x for k, x in draw.items() if k not in ("betas", "expression")}
        draw["scale"] = 1 + 0.1 * draw["scale"]
        return BodyParams(**draw).to(dtype)

    return make
