"""How each view's proxies lie against the projected body: turned, shifted or scaled as a whole.

Errors of the network scatter over the pixels and average out; a camera that is rolled or panned against its
calibration, or an image of another camera, moves all pixels of its view together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

ITERATIONS = 10
ENOUGH = 100
"""Fewer pixels than this say nothing of a view as a whole."""

# A body view is misplaced if its residual is large, it is turned or displaced as a whole, and its outline is not in
# place. Where the outline is in place, the network has misread what is inside.
MISPLACED_MM, MISPLACED_RATIO = 40.0, 2.0
"""Least median residual of a misplaced view: millimetres, and as a multiple of the other views' median."""
TURN_DEG, SHIFT_MM = 5.0, 50.0
"""Least rotation (degrees) or displacement (millimetres) of a misplaced view as a whole."""
MISPLACED_OVERLAP = 0.5
"""Largest overlap (IoU) of the silhouettes of a misplaced view."""

# A view has moved if a rotation and a shift of the whole view explain its residual and bring the body's outline into
# place. That tells a camera with a wrong calibration, to which the body has partly adapted, from a view that the
# network misreads, where the outline was in place before. Chosen on the 116 subjects of
# docs/results/hostile_inputs.md, none of which is in the training data.
MOVED_REST, MOVED_ZOOM, MOVED_GAIN = 0.9, 1.2, 0.04
"""Of a moved view: largest share of the median residual that is left, largest scale, least gain in overlap (IoU)."""
MOVED_TURN_DEG = 2.5
"""A view that has moved is called turned from this many degrees on, else displaced."""
MISREAD_TURN_DEG = 6.0
"""A view that is turned by more, though it has not moved, is one that the network has misread."""

# The keypoints of the encoder are a second witness: of a misplaced view they lie apart as the proxies do. Where they
# lie at the body, or the network is sure of hardly any, the proxies of the view are misread. Chosen on the 80 of these
# subjects that are of the recipe of the held-out sets.
LEAST_KEYPOINTS = 6
KEYPOINTS_MM, KEYPOINTS_TURN_DEG = 30.0, 1.0
"""Of a misplaced view: least median distance (millimetres) or rotation (degrees) of its keypoints from the body's."""


@dataclass(frozen=True)
class ViewAlignment:
    """The similarity from projected body points to proxy pixels; NaN for views with too few pixels.

    `turn_deg`: rotation in the image, degrees, positive from x to y. `shift`: displacement of `middle`, the middle of
    the body, both (x, y) in pixels. `zoom`: scale. `rest`: median distance that is left after it, pixels.
    """

    turn_deg: float
    shift: tuple[float, float]
    zoom: float
    rest: float
    middle: tuple[float, float]

    def moved(self, mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
        """A mask of the body, moved as the proxies lie; as it is where the similarity is unknown."""
        if not np.isfinite(self.turn_deg):
            return mask
        import cv2

        angle = np.radians(self.turn_deg)
        A = self.zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array(self.middle) - 0.5  # OpenCV has pixel centres at whole numbers
        M = np.column_stack([A, middle + self.shift - A @ middle])
        H, W = mask.shape
        return cv2.warpAffine(mask.astype(np.uint8), M, (W, H), flags=cv2.INTER_NEAREST) > 0


def align_view(
    projected: Float[np.ndarray, "N 2"], pixels: Float[np.ndarray, "N 2"], least: int = ENOUGH
) -> ViewAlignment:
    """The robust similarity (Geman-McClure weights at the median distance) from `projected` to `pixels`.

    Args:
        projected: (N, 2) projected body points of the pixels, in pixels.
        pixels: (N, 2) their proxy pixels.
        least: fewer points than this give NaN.

    Returns:
        The similarity about the middle of `projected`.
    """
    if len(projected) < least:
        nan = float("nan")
        return ViewAlignment(nan, (nan, nan), nan, nan, (nan, nan))
    z, w = projected[:, 0] + 1j * projected[:, 1], pixels[:, 0] + 1j * pixels[:, 1]
    middle = np.median(z.real) + 1j * np.median(z.imag)
    z, w = z - middle, w - middle
    a, b = 1.0 + 0j, 0j
    for _ in range(ITERATIONS):
        distance = np.abs(a * z + b - w)
        scale = max(float(np.median(distance)), 1e-3)
        weight = 1.0 / (1.0 + (distance / (2.0 * scale)) ** 2) ** 2
        weight /= weight.sum()
        zm, wm = (weight * z).sum(), (weight * w).sum()
        spread = (weight * np.abs(z - zm) ** 2).sum()
        a = (weight * np.conj(z - zm) * (w - wm)).sum() / max(spread, 1e-12)
        b = wm - a * zm
    rest = float(np.median(np.abs(a * z + b - w)))
    return ViewAlignment(
        float(np.degrees(np.angle(a))),
        (float(b.real), float(b.imag)),
        float(np.abs(a)),
        rest,
        (float(middle.real), float(middle.imag)),
    )


def misplaced_views(views: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which body views lie turned or displaced as a whole against the body on which the others agree.

    Args:
        views: `ViewQuality.to_json` of each view.

    Returns:
        A sentence for each such view: its calibration is wrong, or it shows another person or moment.
    """
    found = []
    for view, others in _with_others(views):
        moved = _has_moved(view)
        if _misplaced(view, others):
            turn, shift = abs(view.get("turn_deg", 0.0)), view.get("shift_mm", 0.0)
            said = [f"turned by {turn:.0f} degrees"] * (turn > (MOVED_TURN_DEG if moved else TURN_DEG))
            said += [f"displaced by {shift:.0f} mm"] * (shift > SHIFT_MM or (moved and not said))
            if said:
                found.append(f"{view['camera']} is {' and '.join(said)} against the body of the other views")
    return found


def misread_views(views: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which body views the network has misread: turned against the body, but not misplaced.

    Args:
        views: `ViewQuality.to_json` of each view.

    Returns:
        A sentence for each such view. Its pixels are outliers of the fit, so that the body rests on the other views.
    """
    return [
        f"{view['camera']} is misread: it states a body turned by {abs(view['turn_deg']):.0f} degrees"
        for view, others in _with_others(views)
        if abs(view.get("turn_deg", 0.0)) > MISREAD_TURN_DEG and not _misplaced(view, others)
    ]


def far_and_near(views: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Cameras whose proxies lie far from the body in comparison with the other views', and the others.

    Args:
        views: `ViewQuality.to_json` of each view.
    """
    far: list[str] = []
    near: list[str] = []
    for view, others in _with_others(views):
        (far if _is_far(view, others) else near).append(view["camera"])
    return far, near


def _with_others(
    views: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], list[float]]]:
    """The body views with enough pixels, each with the residuals of the other ones; none if it is alone."""
    body = [v for v in views if v["kind"] == "body" and v["pixels"] >= ENOUGH]
    return [(v, [o["residual_mm"] for o in body if o is not v]) for v in body] if len(body) > 1 else []


def _misplaced(view: Mapping[str, Any], others: Sequence[float]) -> bool:
    return (_has_moved(view) or _badly_placed(view, others)) and _keypoints_apart(view)


def _keypoints_apart(view: Mapping[str, Any]) -> bool:
    """Whether the keypoints lie apart from the body's as well; True where the generator predicts none."""
    if (count := view.get("keypoints")) is None:
        return True
    far = view.get("keypoint_mm", 0.0) > KEYPOINTS_MM
    return count >= LEAST_KEYPOINTS and (far or abs(view.get("keypoint_turn_deg", 0.0)) > KEYPOINTS_TURN_DEG)


def _badly_placed(view: Mapping[str, Any], others: Sequence[float]) -> bool:
    return _is_far(view, others) and (view.get("overlap") or 0.0) < MISPLACED_OVERLAP


def _is_far(view: Mapping[str, Any], others: Sequence[float]) -> bool:
    return view["residual_mm"] > max(MISPLACED_MM, MISPLACED_RATIO * float(np.median(others)))


def _has_moved(view: Mapping[str, Any]) -> bool:
    zoom = view.get("zoom", np.inf)
    explained = view.get("rest_mm", np.inf) < MOVED_REST * view["residual_mm"]
    gain = (view.get("moved_overlap") or 0.0) - (view.get("overlap") or 0.0)
    return explained and 1 / MOVED_ZOOM < zoom < MOVED_ZOOM and gain > MOVED_GAIN
