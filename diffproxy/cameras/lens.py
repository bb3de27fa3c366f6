"""Lens distortion of normalised image coordinates: OpenCV's two models, forward with Jacobian and inverse.

A normalised point is (x, y) = (X/Z, Y/Z) in the camera frame, without unit. Source of the formulas: the
OpenCV manual, "Camera Calibration and 3D Reconstruction" and "Fisheye camera model".
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.utils.errors import InputError

Lens = Literal["opencv", "fisheye"]
LENSES: tuple[Lens, ...] = ("opencv", "fisheye")
LARGEST = 1e6
"""Of a distortion coefficient: lenses stay far below."""


def clean_coefficients(distortion, lens: Lens) -> Float[np.ndarray, " D"]:
    """Flat float64 coefficients, trailing zeros kept; an all-zero OpenCV lens becomes empty (a pinhole).

    OpenCV order: k1 k2 p1 p2 [k3 [k4 k5 k6 [s1 s2 s3 s4 [tx ty]]]]; one to three numbers are padded with
    zeros. Fisheye: k1 k2 k3 k4 (all zero is still a fisheye). InputError on any other count or a NaN.
    """
    if lens not in LENSES:
        raise InputError(f"a lens of {LENSES}", f"{lens!r}", "use one of these")
    d = np.asarray(distortion, dtype=np.float64).reshape(-1)
    if not (np.abs(d) <= LARGEST).all():
        raise InputError(
            f"finite distortion coefficients up to {LARGEST:g}",
            f"{d.tolist()}",
            "calibrate this camera again",
        )
    if lens == "fisheye":
        if d.size > 4:
            raise InputError("4 fisheye coefficients k1 k2 k3 k4", f"{d.size} numbers", 'use lens "opencv"')
        return np.pad(d, (0, 4 - d.size))
    if d.size == 14 and not d[12:].any():
        d = d[:12]
    if d.size not in (0, 1, 2, 3, 4, 5, 8, 12):
        tilted = " with a tilted sensor" if d.size == 14 else ""
        raise InputError(
            "0, 4, 5, 8 or 12 OpenCV distortion coefficients",
            f"{d.size} numbers{tilted}",
            "calibrate with one of these OpenCV models",
        )
    return np.zeros(0) if not d.any() else np.pad(d, (0, max(0, 4 - d.size)))


def distort(
    xy: Float[np.ndarray, "*N 2"], d: Float[np.ndarray, " D"], lens: Lens
) -> tuple[Float[np.ndarray, "*N 2"], Float[np.ndarray, "*N 2 2"]]:
    """Apply lens distortion.

    Args:
        xy: (..., 2) ideal normalised coordinates X/Z, Y/Z.
        d: Coefficients as returned by `clean_coefficients`.
        lens: "opencv" or "fisheye".

    Returns:
        (..., 2) distorted coordinates, and the derivative (..., 2, 2) of distorted by ideal coordinates.
    """
    return _distort_fisheye(xy, d) if lens == "fisheye" else _distort_opencv(xy, d)


def _distort_opencv(xy, d):
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = np.pad(d, (0, 12 - d.size))
    x, y = xy[..., 0], xy[..., 1]
    q = x * x + y * y
    top, bottom = 1 + q * (k1 + q * (k2 + q * k3)), 1 + q * (k4 + q * (k5 + q * k6))
    radial = top / bottom
    slope = (
        k1 + q * (2 * k2 + q * 3 * k3) - radial * (k4 + q * (2 * k5 + q * 3 * k6))
    ) / bottom  # d radial / dq
    out = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (q + 2 * x * x) + q * (s1 + s2 * q),
            y * radial + p1 * (q + 2 * y * y) + 2 * p2 * x * y + q * (s3 + s4 * q),
        ],
        axis=-1,
    )
    prism_x, prism_y = 2 * (s1 + 2 * s2 * q), 2 * (s3 + 2 * s4 * q)
    cross = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
    row_x = [radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x + x * prism_x, cross + y * prism_x]
    row_y = [cross + x * prism_y, radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x + y * prism_y]
    return out, np.stack([np.stack(row_x, -1), np.stack(row_y, -1)], axis=-2)


def _distort_fisheye(xy, d):
    r = np.maximum(np.linalg.norm(xy, axis=-1), 1e-12)
    theta = np.arctan(r)
    q = theta * theta
    bent = theta * (1 + q * (d[0] + q * (d[1] + q * (d[2] + q * d[3]))))
    # d distorted theta / d theta
    d_bent = 1 + q * (3 * d[0] + q * (5 * d[1] + q * (7 * d[2] + q * 9 * d[3])))
    scale = bent / r
    unit = xy / r[..., None]
    radial_slope = d_bent / (1 + r * r)  # d distorted theta / dr
    outer = unit[..., :, None] * unit[..., None, :]
    jac = scale[..., None, None] * (np.eye(2) - outer) + radial_slope[..., None, None] * outer
    return xy * scale[..., None], jac


def is_one_to_one(
    xy: Float[np.ndarray, "*N 2"], d: Float[np.ndarray, " D"], lens: Lens
) -> Bool[np.ndarray, "*N"]:
    """Whether the lens model is invertible at ideal points.

    Polynomial models turn back at some radius; points beyond it would be projected into the image.

    Args:
        xy: (..., 2) ideal normalised coordinates.
        d: Coefficients as returned by `clean_coefficients`.
        lens: "opencv" or "fisheye".

    Returns:
        (...) bool.
    """
    turn = turning_radius(d, lens)
    return np.asarray(np.linalg.norm(xy, axis=-1) < turn)


def turning_radius(d: Float[np.ndarray, " D"], lens: Lens) -> float:
    """Smallest ideal radius at which the radial polynomial stops growing; infinity if there is none."""
    if lens == "fisheye":
        roots = np.roots([9 * d[3], 7 * d[2], 5 * d[1], 3 * d[0], 1.0])
        q = _smallest_positive(roots)
        return float(np.tan(np.sqrt(q))) if q < (np.pi / 2) ** 2 else np.inf
    k1, k2, _, _, k3, k4, k5, k6 = np.pad(d, (0, max(0, 8 - d.size)))[:8]
    top, bottom = np.poly1d([k3, k2, k1, 1.0]), np.poly1d([k6, k5, k4, 1.0])
    q_axis = np.poly1d([1.0, 0.0])
    # d(r * top/bottom)/dr with q = r^2: numerator of (top*bottom + 2q(top'*bottom - top*bottom'))
    rising = top * bottom + 2 * q_axis * (top.deriv() * bottom - top * bottom.deriv())
    q = min(_smallest_positive(rising.roots), _smallest_positive(bottom.roots))
    return float(np.sqrt(q))


def _smallest_positive(roots) -> float:
    real = [z.real for z in np.atleast_1d(roots) if abs(z.imag) < 1e-9 * max(1.0, abs(z)) and z.real > 0]
    return min(real, default=np.inf)


def undistort(
    xy: Float[np.ndarray, "*N 2"], d: Float[np.ndarray, " D"], lens: Lens, iterations: int = 30
) -> Float[np.ndarray, "*N 2"]:
    """Remove lens distortion by damped Newton steps.

    Args:
        xy: (..., 2) distorted normalised coordinates.
        d: Coefficients as returned by `clean_coefficients`.
        lens: "opencv" or "fisheye".
        iterations: Maximum number of steps.

    Returns:
        (..., 2) ideal coordinates; NaN where the iteration finds none.
    """
    target = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    guess = target.copy()
    if lens == "fisheye":  # start from the equidistant lens, exact for zero coefficients
        r = np.maximum(np.linalg.norm(target, axis=-1, keepdims=True), 1e-12)
        guess = target * np.tan(np.minimum(r, 1.5)) / r
    turn = turning_radius(d, lens)
    if np.isfinite(turn):  # start inside the part of the model that is one-to-one
        r = np.maximum(np.linalg.norm(guess, axis=-1, keepdims=True), 1e-12)
        guess *= np.minimum(1.0, 0.9 * turn / r)
    error = np.full(len(target), np.inf)
    for _ in range(iterations):
        bent, jac = distort(guess, d, lens)
        gap = target - bent
        error = np.linalg.norm(gap, axis=-1)
        if not (error > 1e-14).any():
            break
        det = jac[..., 0, 0] * jac[..., 1, 1] - jac[..., 0, 1] * jac[..., 1, 0]
        det = np.where(np.abs(det) < 1e-9, 1e-9, det)
        step_x = (jac[..., 1, 1] * gap[..., 0] - jac[..., 0, 1] * gap[..., 1]) / det
        step_y = (jac[..., 0, 0] * gap[..., 1] - jac[..., 1, 0] * gap[..., 0]) / det
        step = np.stack([step_x, step_y], -1)
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        limit = 0.5 * (1.0 + np.linalg.norm(guess, axis=-1, keepdims=True))
        guess = guess + step * np.minimum(1.0, limit / np.maximum(length, 1e-300))
    good = (error < 1e-9) & (np.linalg.norm(guess, axis=-1) < turn)
    return np.where(good[:, None], guess, np.nan).reshape(np.shape(xy))
