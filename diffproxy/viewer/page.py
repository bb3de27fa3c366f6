"""The page: bodies as skinned glTF, cameras and pictures as JSON inside the HTML, drawn by our own WebGL script.

viser's client would do it too, but it is 0.8 MB of foreign code in every file, and one more dependency; three.js is
larger than our bodies. Skinning, lines and pictures take `page.js`.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.cameras import Camera
from diffproxy.export.gltf import gltf_animation_bytes
from diffproxy.export.result import UNOBSERVED
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.viewer.scene import (
    DEVIATION_COLORS,
    DEVIATION_RED,
    GRADE_COLORS,
    GRADES,
    UNOBSERVED_COLOR,
    Scene,
    ViewerBody,
)

HERE = Path(__file__).parent
NO_PICTURES: Mapping[str, Sequence[tuple[int, bytes]]] = {}


@checked
def viewer_html(scene: Scene, pictures: Mapping[str, Sequence[tuple[int, bytes]]] = NO_PICTURES) -> str:
    """The page as text.

    Args:
        scene: What it shows.
        pictures: Camera -> (row, JPEG) in rising order; a row without a picture shows the one before.
    """
    if strange := sorted(pictures.keys() - {c.name for c in scene.cameras}):
        raise InputError("pictures of the scene's cameras", f"{strange}", "name the cameras alike")
    data = {
        "frame_ids": [int(i) for i in scene.frame_ids],
        "fps": scene.fps,
        "unobserved_below": UNOBSERVED,
        "unobserved_color": UNOBSERVED_COLOR,
        "deviation_colors": DEVIATION_COLORS,
        "deviation_red": 1000 * DEVIATION_RED,
        "grades": GRADES,
        "grade_colors": GRADE_COLORS,
        "bodies": [_body(b) for b in scene.bodies],
        "cameras": [_camera(c) for c in scene.upright_cameras],
        "pictures": {
            name: [[row, base64.b64encode(jpeg).decode()] for row, jpeg in rows]
            for name, rows in pictures.items()
        },
        "center": scene.center.tolist(),
        "floor": float(scene.bounds[0][1]),
        "distance": scene.distance,
        "frustum": scene.frustum_depth,
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    page = (HERE / "page.html").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    for mark, value in (("@TITLE@", html.escape(scene.title)), ("@SCRIPT@", script), ("@DATA@", text)):
        page = page.replace(mark, value)
    return page


def _body(body: ViewerBody) -> dict[str, Any]:
    observed = np.ones_like(body.joint_std) if body.joint_observed is None else body.joint_observed
    return {
        "name": body.name,
        "color": body.color,
        "glb": _base64(np.frombuffer(gltf_animation_bytes(body.motion), dtype=np.uint8)),
        "nearest": _base64(nearest_joints(body.motion.body)),
        "observed": _base64(255 * np.nan_to_num(observed, nan=1.0).clip(0, 1)),
        "deviation": _base64(1000 * np.nan_to_num(body.joint_std).clip(0, 0.255)),
        "status": [str(s) for s in body.status],
        "reason": [str(r) for r in body.reason],
        "shown": [body.is_shown(row) for row in range(len(body.motion))],
    }


def _camera(camera: Camera) -> dict[str, Any]:
    return {
        "name": camera.name,
        "width": camera.width,
        "height": camera.height,
        "K": camera.K.tolist(),
        "R": camera.R_cam_world.tolist(),
        "t": camera.t_cam_world.tolist(),
    }


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.round(array).astype(np.uint8).tobytes()).decode()
