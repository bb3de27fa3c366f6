"""Drawing of a rig from above and from the side, with squares of 1 m."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.rig import Rig
from diffproxy.utils.io import write_atomic

SIDE = 720  # pixels of one view
COLORS = (
    (220, 60, 50),
    (40, 110, 220),
    (30, 150, 70),
    (200, 130, 0),
    (140, 60, 190),
    (0, 150, 160),
    (120, 120, 120),
)


def draw_layout(rig: Rig) -> UInt8[np.ndarray, "H W 3"]:
    """RGB image (H, W, 3): top view left, side view right; axes are named as in the world frame of the rig."""
    R, middle = rig.R_yup_world, rig.scene_center_world
    reach = np.concatenate([rig.centers_world, middle[None], np.zeros((1, 3))]) @ R.T
    finite = reach[np.abs(reach).max(1) < 1e6] if (np.abs(reach).max(1) < 1e6).any() else np.zeros((1, 3))
    low, high = finite.min(0) - 0.5, finite.max(0) + 0.5
    span = max(float((high - low).max()), 1.0)
    views = []
    for title, rows in (("from above", ((1, 0, 0), (0, 0, 1))), ("from the side", ((1, 0, 0), (0, -1, 0)))):
        P = np.array(rows, dtype=np.float64)  # y-up world to drawing plane, second row downwards
        views.append(_draw_view(rig, R, P, (low + high) / 2, span, title))
    return np.concatenate(views, axis=1)


def write_layout(rig: Rig, path: Path) -> Path:
    """Write `draw_layout` as a PNG file; returns the file."""
    import cv2

    _, data = cv2.imencode(".png", np.ascontiguousarray(draw_layout(rig)[..., ::-1]))
    write_atomic(path, data.tobytes())
    return path


def _draw_view(rig: Rig, R, P, middle_yup, span: float, title: str) -> UInt8[np.ndarray, "H W 3"]:
    import cv2

    image = np.full((SIDE, SIDE, 3), 255, np.uint8)
    scale = (SIDE - 120) / span

    def place(points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 2"]:
        return np.clip((points @ R.T - middle_yup) @ P.T * scale + SIDE / 2, -5000, 5000)

    def line(a, b, color, thickness=1):
        ends = [tuple(int(v) for v in np.round(p)) for p in (a, b)]
        cv2.line(image, ends[0], ends[1], color, thickness, cv2.LINE_AA)

    def write(text, at, color, size=0.5):
        spot = tuple(int(v) for v in np.round(at))
        cv2.putText(image, text, spot, cv2.FONT_HERSHEY_SIMPLEX, size, color, 1, cv2.LINE_AA)

    step = 1.0 if span < 40 else 10.0 ** np.floor(np.log10(span / 2))
    origin = place(np.zeros(3))
    for k in range(-60, 61):
        shade = (190, 190, 190) if k == 0 else (232, 232, 232)
        x, y = origin + k * step * scale
        line((x, 0), (x, SIDE), shade)
        line((0, y), (SIDE, y), shade)
    for k, (name, color) in enumerate(zip("XYZ", ((200, 0, 0), (0, 150, 0), (0, 0, 200)), strict=True)):
        tip = place(np.eye(3)[k] * 0.08 * span)
        if np.linalg.norm(tip - origin) > 8:
            line(origin, tip, color, 2)
            write(name, tip + np.array((4, -4)), color)
    target = place(rig.scene_center_world)
    cv2.circle(image, tuple(int(v) for v in np.round(target)), 5, (0, 0, 0), 1, cv2.LINE_AA)
    write("axes meet", target + np.array((8, -8)), (0, 0, 0), 0.4)
    for v, camera in enumerate(rig.cameras):
        color = COLORS[v % len(COLORS)]
        apex = place(camera.center_world)
        corners = place(_frustum(camera, 0.09 * span))
        for i in range(4):
            line(apex, corners[i], color, 2)
            line(corners[i], corners[(i + 1) % 4], color, 2)
        line(apex, target, tuple((c + 510) // 3 for c in color))
        # distance of the name from the frustum
        outward = (apex - target) / max(float(np.linalg.norm(apex - target)), 1.0)
        write(
            camera.name,
            apex + 14 * outward + np.array((-9.0 * len(camera.name) * (outward[0] < 0), 5)),
            color,
        )
    write(f"{title}; one square {step:g} m", (12, 24), (60, 60, 60), 0.6)
    return image


def _frustum(camera: Camera, depth: float) -> Float[np.ndarray, "4 3"]:
    w, h = camera.width, camera.height
    xy = (np.array([[0, 0], [w, 0], [w, h], [0, h]]) - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]]
    rays = np.concatenate([xy, np.ones((4, 1))], axis=1)
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return (rays * depth - camera.t_cam_world) @ camera.R_cam_world
