"""Rotation matrices as rotation vectors."""

from __future__ import annotations

import numpy as np


def rotation_vectors(matrices: np.ndarray) -> np.ndarray:
    """(..., 3) axis times angle of (..., 3, 3) rotations, float32."""
    import cv2

    flat = np.asarray(matrices, np.float64).reshape(-1, 3, 3)
    vectors = np.stack([cv2.Rodrigues(R)[0][:, 0] for R in flat])
    return vectors.reshape(*matrices.shape[:-2], 3).astype(np.float32)
