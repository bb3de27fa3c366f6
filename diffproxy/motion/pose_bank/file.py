"""How a pose bank is stored: 16-bit rotations, a Gaussian summary, one npz whose bytes depend on its content alone."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int16
from numpy import ndarray

from diffproxy.motion.clip import mirror_body

QUANTUM = np.pi / 32767  # radians per step of the stored 16-bit integers
FLOOR = np.radians(3.0)  # standard deviation added to every direction of the summary


def quantise(rotvec: Float[ndarray, "*shape"]) -> Int16[ndarray, "*shape"]:
    """Radians in [-pi, pi] to 16-bit integers of `QUANTUM`."""
    return np.rint(np.clip(rotvec, -np.pi, np.pi) / QUANTUM).astype(np.int16)


def radians(quantised: Int16[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """The inverse of `quantise`, float32."""
    return (quantised * QUANTUM).astype(np.float32)


def summary(body: Float[ndarray, "N 63"], right_hand: Float[ndarray, "M 45"]) -> dict[str, ndarray]:
    """Mean and covariance of body poses with their mirror images, and of right-hand poses.

    `FLOOR` squared is added to every variance: head and neck, or finger hinges, would otherwise make it singular.
    """
    moments = {}
    for name, poses in (("body", np.concatenate([body, mirror_body(body)])), ("hand", right_hand)):
        moments[f"{name}_mean"] = poses.mean(axis=0).astype(np.float32)
        moments[f"{name}_cov"] = (np.cov(poses.T) + FLOOR**2 * np.eye(poses.shape[1])).astype(np.float32)
    return moments


def write_npz(arrays: dict[str, ndarray], out: Path) -> None:
    """Compressed npz under a temporary name, then renamed; the time stamps inside are fixed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".tmp")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED)
    part.replace(out)
