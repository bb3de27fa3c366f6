"""Intrinsics of the pinhole camera that replaces one with lens distortion, by which part of its image is kept."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.lens import Lens, undistort
from diffproxy.utils.errors import InputError

BORDER_POINTS = 65
"""Of each side of an image, where the border is undistorted."""


def pinhole_K(
    K: Float[np.ndarray, "3 3"],
    size: tuple[int, int],
    coefficients: Float[np.ndarray, " D"],
    lens: Lens,
    alpha: float | int,
    name: str = "",
) -> Float[np.ndarray, "3 3"]:
    """Intrinsics of a pinhole camera that replaces one with distortion.

    Args:
        K: (3, 3) intrinsics of the camera, pixels.
        size: Its (width, height), pixels.
        coefficients: Its distortion.
        lens: "opencv" or "fisheye".
        alpha: See `Camera.undistorted`.
        name: Name of the camera, for messages.

    Returns:
        (3, 3) intrinsics, pixels.

    Raises:
        InputError: the lens model has no inverse at the border.
    """
    if not 0.0 <= alpha <= 1.0:
        raise InputError("alpha between 0 and 1", f"{alpha}", "0 cuts the borders, 1 keeps every pixel")
    w, h = size
    border = undistorted_border(K, size, coefficients, lens)
    if not all(np.isfinite(points).all() for points in border.values()):
        raise InputError(
            f"a lens model of camera {name} that covers the whole image {w}x{h}",
            f"distortion {coefficients.tolist()}, which has no inverse at the border",
            "check the coefficients and the image size, or calibrate with points near the border",
        )
    x, y = {side: p[:, 0] for side, p in border.items()}, {side: p[:, 1] for side, p in border.items()}
    inner = [x["left"].max(), y["top"].max(), x["right"].min(), y["bottom"].min()]
    outer = [x["left"].min(), y["top"].min(), x["right"].max(), y["bottom"].max()]
    views = []
    for (x0, y0, x1, y1), fit in ((inner, max), (outer, min)):
        if not (x1 > x0 and y1 > y0):
            raise InputError(
                f"moderate distortion of camera {name}",
                "no rectangle without black borders",
                "use a larger alpha",
            )
        zoom = fit(w / (x1 - x0), h / (y1 - y0))
        views.append((np.log(zoom), (x0 + x1) / 2, (y0 + y1) / 2))
    log_zoom, mid_x, mid_y = (1 - alpha) * np.array(views[0]) + alpha * np.array(views[1])
    zoom = np.exp(log_zoom)
    A = np.array([[zoom, 0.0, w / 2 - zoom * mid_x], [0.0, zoom, h / 2 - zoom * mid_y], [0.0, 0.0, 1.0]])
    return A @ K


def undistorted_border(
    K: Float[np.ndarray, "3 3"], size: tuple[int, int], coefficients: Float[np.ndarray, " D"], lens: Lens
) -> dict[str, Float[np.ndarray, "N 2"]]:
    """Where the sides of an image are in a pinhole image with the same `K`, pixels; NaN where the lens has no inverse.

    Args:
        K: (3, 3) intrinsics of the camera, pixels.
        size: Its (width, height), pixels.
        coefficients: Its distortion.
        lens: "opencv" or "fisheye".

    Returns:
        Points of the "left", "right", "top" and "bottom" side.
    """
    w, h = size
    x, y = np.linspace(0.0, w, BORDER_POINTS), np.linspace(0.0, h, BORDER_POINTS)
    zeros = np.zeros(BORDER_POINTS)
    sides = {
        "left": np.stack([zeros, y], -1),
        "right": np.stack([np.full(BORDER_POINTS, float(w)), y], -1),
        "top": np.stack([x, zeros], -1),
        "bottom": np.stack([x, np.full(BORDER_POINTS, float(h))], -1),
    }
    return {
        side: undistort((points - K[:2, 2]) @ np.linalg.inv(K[:2, :2]).T, coefficients, lens) @ K[:2, :2].T
        + K[:2, 2]
        for side, points in sides.items()
    }
