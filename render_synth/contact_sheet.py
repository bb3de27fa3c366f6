"""Columns of a contact sheet: a view with its skeleton, labels, UV, mask and extras."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, UInt8

from diffproxy.body.names import PARENTS
from diffproxy.datasets.shards import ShardView

LEFT, RIGHT, MIDDLE = (90, 160, 255), (255, 120, 90), (120, 255, 120)
MASK_COLORS = np.array(
    [[0, 0, 0], [255, 255, 255], [200, 60, 60], [60, 90, 220], [230, 180, 40], [60, 180, 90]], np.uint8
)
VISIBILITY_COLORS = np.array([[0, 0, 0], [255, 255, 255], [255, 120, 0]], np.uint8)
FAR = 8.0  # metres at which depth turns black


def column(
    view: ShardView,
    palette: Float[np.ndarray, "L 3"],
    joints: Float[np.ndarray, "P J 3"],
    size: int,
    title: str = "",
) -> UInt8[np.ndarray, "H W 3"]:
    """One view from top to bottom: image with projected skeletons, labels over it, UV, mask, stored extras."""
    import cv2

    rgb, on = view.rgb, view.labels > 0
    color = (palette[view.labels] * 255).astype(np.uint8)
    overlay = np.where(on[..., None], (0.35 * rgb + 0.65 * color).astype(np.uint8), rgb)
    uv = np.zeros_like(rgb)
    uv[on, :2] = (view.uv[on] * 255).astype(np.uint8)
    uv[on, 2] = 255
    scale = size / max(rgb.shape[:2])
    near = cv2.INTER_NEAREST
    drawn = _sized(rgb, size)
    for i in reversed(range(len(joints))):  # the subject last, over the others
        color = MASK_COLORS[_cycled(np.array(i + 1))] if i else None
        drawn = _skeleton(drawn, view, joints[i], scale, color)
    images = [drawn, _sized(overlay, size)]
    images += [_sized(uv, size, near), _sized(MASK_COLORS[_cycled(view.mask)], size, near)]
    if "depth" in view.extras:
        depth = view.extras["depth"]
        grey = np.where(depth > 0, 255 * (1 - np.minimum(depth, FAR) / FAR), 0)
        images.append(_sized(grey.astype(np.uint8)[..., None].repeat(3, -1), size, near))
    if "normals" in view.extras:
        n = view.extras["normals"]
        lit = np.where((n != 0).any(-1, keepdims=True), (n * [1, -1, -1] * 0.5 + 0.5) * 255, 0)
        images.append(_sized(lit.astype(np.uint8), size, near))
    if "visibility" in view.extras:
        images.append(_sized(VISIBILITY_COLORS[view.extras["visibility"].clip(0, 2)], size, near))
    if title:
        cv2.putText(images[0], title, (2, 9), cv2.FONT_HERSHEY_PLAIN, 0.6, (0, 0, 0), 2, cv2.LINE_AA)
        cv2.putText(images[0], title, (2, 9), cv2.FONT_HERSHEY_PLAIN, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([np.pad(p, ((0, 0), (0, size - p.shape[1]), (0, 0))) for p in images], 0)


def stack(images: list[UInt8[np.ndarray, "_ _ 3"]], axis: int, gap: int = 0) -> UInt8[np.ndarray, "H W 3"]:
    """Side by side (axis 1) or below each other (axis 0), each padded to the largest, `gap` pixels after each."""
    across = 1 - axis
    largest = max(p.shape[across] for p in images)
    padded = []
    for p in images:
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[across], pad[axis] = (0, largest - p.shape[across]), (0, gap)
        padded.append(np.pad(p, pad))
    return np.concatenate(padded, axis)


def _cycled(mask: Integer[np.ndarray, "*H"]) -> UInt8[np.ndarray, "*H"]:
    """Values above the last colour start again at the first bystander's."""
    others = len(MASK_COLORS) - 2
    return np.where(mask >= 2, 2 + (mask.astype(int) - 2) % others, mask).astype(np.uint8)


def _sized(image: UInt8[np.ndarray, "_ _ 3"], size: int, how: int = 3) -> UInt8[np.ndarray, "_ _ 3"]:
    """The long side becomes `size` pixels; by default areas are averaged (OpenCV's INTER_AREA)."""
    import cv2

    scale = size / max(image.shape[:2])
    w, h = (max(round(s * scale), 1) for s in (image.shape[1], image.shape[0]))
    return cv2.resize(image, (w, h), interpolation=how)


def _skeleton(
    image: UInt8[np.ndarray, "_ _ 3"],
    view: ShardView,
    joints: Float[np.ndarray, "J 3"],
    scale: float,
    color: UInt8[np.ndarray, "3"] | None = None,
) -> UInt8[np.ndarray, "_ _ 3"]:
    """Bones and joints as the stored camera projects them, in one `color`, or the person's left blue, right red."""
    import cv2

    image = np.ascontiguousarray(image)
    pixels = view.camera.project(np.asarray(joints, np.float64)) * scale
    shift = 4  # fractional bits: a joint is drawn where it is, not where its pixel is
    drawable = np.asarray(np.isfinite(pixels).all(1) & (np.abs(np.nan_to_num(pixels)) < 4096).all(1))
    ends = np.round((np.nan_to_num(pixels) - 0.5) * 2**shift).astype(int)
    for j, parent in enumerate(PARENTS[: len(joints)]):
        if not drawable[j]:
            continue
        side = joints_side(j) if color is None else tuple(int(c) for c in color)
        end = (int(ends[j, 0]), int(ends[j, 1]))
        if parent >= 0 and drawable[parent]:
            begin = (int(ends[parent, 0]), int(ends[parent, 1]))
            cv2.line(image, begin, end, side, 1, cv2.LINE_AA, shift)
        cv2.circle(image, end, (2 if j < 22 else 1) << shift, side, -1, cv2.LINE_AA, shift)
    return image


def joints_side(joint: int) -> tuple[int, int, int]:
    """Colour of a joint by the side of the body it belongs to."""
    from diffproxy.body.names import JOINT_NAMES

    name = JOINT_NAMES[joint]
    return LEFT if name.startswith("left") else RIGHT if name.startswith("right") else MIDDLE
