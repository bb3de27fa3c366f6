"""The packaged pose statistics and their builder."""

import numpy as np
import pytest

from diffproxy.fitting.pose_statistics import marginals, pose_penalty, pose_statistics
from diffproxy.utils.errors import InputError
from tools.build_pose_statistics import FLOOR, build, precision_root


def test_root_inverts_the_floored_covariance():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(9, 6))
    root = precision_root((A @ A.T).astype(np.float32)).astype(np.float64)
    assert np.allclose(np.linalg.inv(root.T @ root), A @ A.T + FLOOR**2 * np.eye(9), rtol=1e-3)


def test_marginals_are_blocks_of_the_covariance():
    root = np.diag([1.0, 2.0, 4.0, 1.0, 1.0, 0.5])
    mean, precision = marginals(np.arange(6.0), root)
    assert np.allclose(mean, [[0, 1, 2], [3, 4, 5]])
    assert np.allclose(precision[0], np.diag([1, 4, 16]))


def test_hands_mirror_each_other():
    stats = pose_statistics()
    mirror = np.tile([1.0, -1.0, -1.0], 15)
    assert np.allclose(stats["left_mean"], mirror * stats["right_mean"])
    left, right = (stats[f"{s}_root"].T @ stats[f"{s}_root"] for s in ("left", "right"))
    assert np.allclose(left, mirror[:, None] * right * mirror, atol=1e-2)


def test_knees_bend_one_way():
    penalty = pose_penalty()
    bend = np.array([[[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]] for a in (1.2, -1.2)])
    forward, backward = penalty(4, bend)
    assert forward < 1 < backward


def test_building_from_a_bank_file(tmp_path):
    moments = {
        "body_mean": np.zeros(63),
        "body_cov": np.eye(63),
        "hand_mean": np.ones(45),
        "hand_cov": np.eye(45),
    }
    np.savez(tmp_path / "bank.npz", **moments)
    build(tmp_path / "bank.npz", tmp_path / "prior.npz")
    with np.load(tmp_path / "prior.npz") as out:
        assert out["left_mean"][:3].tolist() == [1, -1, -1]
        assert np.allclose(out["body_root"], np.eye(63) / np.sqrt(1 + FLOOR**2), atol=1e-5)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["bank.npz", "prior.npz"]
    np.savez(tmp_path / "empty.npz", body_mean=np.zeros(63))
    with pytest.raises(InputError, match="hand_cov"):
        build(tmp_path / "empty.npz", tmp_path / "prior.npz")
