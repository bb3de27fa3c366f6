"""The page: bodies as skinned glTF, cameras and pictures as JSON inside the HTML, drawn by our own WebGL script.

viser's client would do it too, but it is 0.8 MB of foreign code in every file, and one more dependency; three.js is
larger than our bodies. Skinning, lines and pictures take `page.js`.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.cameras import Camera
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export.gltf import gltf_animation_bytes
from diffproxy.export.motion import BodyMotion
from diffproxy.export.result import UNOBSERVED
from diffproxy.utils.errors import InputError

HERE = Path(__file__).parent
BODY_COLOR = (0.85, 0.66, 0.54)
NO_BODY = ("no_person", "failed")
NO_PICTURES: Mapping[str, Sequence[tuple[int, bytes]]] = {}


@dataclass(frozen=True)
class ViewerBody:
    """One person over the frames of the page.

    Args:
        name: Shown where there are several.
        motion: F frames.
        status: F words, as in `result.npz`; a frame without a body is not drawn.
        reason: F sentences about the status.
        joint_std: (F, 55) metres.
        joint_observed: (F, 55) support by pixels, in [0, 1]; None: not stated, nothing is grey.
        color: RGB in [0, 1].
    """

    name: str
    motion: BodyMotion
    status: Sequence[str]
    reason: Sequence[str]
    joint_std: Float[np.ndarray, "F 55"]
    joint_observed: Float[np.ndarray, "F 55"] | None = None
    color: tuple[float, float, float] = BODY_COLOR


def viewer_html(
    title: str,
    bodies: Sequence[ViewerBody],
    frame_ids: Sequence[int],
    fps: float,
    cameras: Sequence[Camera] = (),
    up_axis: str = "+Y",
    pictures: Mapping[str, Sequence[tuple[int, bytes]]] = NO_PICTURES,
) -> str:
    """The page as text.

    Args:
        title: Shown at the top.
        bodies: People, each with F frames.
        frame_ids: F frame numbers to show.
        fps: Frames per second of the playback.
        cameras: Pinhole cameras of the pictures, in the world of `up_axis`.
        up_axis: Up axis of the cameras' world.
        pictures: Camera -> (row, JPEG) in rising order; a row without a picture shows the one before.

    Raises:
        InputError: no body, or bodies of other lengths than `frame_ids`.
    """
    if not bodies or any(len(b.motion) != len(frame_ids) for b in bodies):
        raise InputError(
            f"at least one body, each with {len(frame_ids)} frames",
            f"{[len(b.motion) for b in bodies]}",
            "one row per frame",
        )
    turned = [b.motion.with_up_axis("+Y") for b in bodies]
    rows = np.concatenate([m.joints[m.known] if m.known.any() else m.joints for m in turned])
    low, high = rows.reshape(-1, 3).min(axis=0), rows.reshape(-1, 3).max(axis=0)
    R_yup_world = rotation_to_y_up(up_axis)
    shown_cameras = [_camera(c, R_yup_world) for c in cameras]
    extent = float(np.linalg.norm(high - low))
    data = {
        "frame_ids": [int(i) for i in frame_ids],
        "fps": fps,
        "unobserved_below": UNOBSERVED,
        "bodies": [_body(b) for b in bodies],
        "cameras": shown_cameras,
        "pictures": {
            name: [[row, base64.b64encode(jpeg).decode()] for row, jpeg in rows]
            for name, rows in pictures.items()
        },
        "center": (0.5 * (low + high)).tolist(),
        "floor": float(low[1]),
        "distance": 1.6 * extent + 1.5,
        "frustum": _frustum_depth(cameras, R_yup_world, 0.5 * (low + high)),
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    page = (HERE / "page.html").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    for mark, value in (("@TITLE@", html.escape(title)), ("@SCRIPT@", script), ("@DATA@", text)):
        page = page.replace(mark, value)
    return page


def _body(body: ViewerBody) -> dict[str, Any]:
    has_body = [bool(k) and s not in NO_BODY for k, s in zip(body.motion.known, body.status, strict=True)]
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
        "shown": has_body,
    }


def _camera(camera: Camera, R_yup_world: Float[np.ndarray, "3 3"]) -> dict[str, Any]:
    return {
        "name": camera.name,
        "width": camera.width,
        "height": camera.height,
        "K": camera.K.tolist(),
        "R": (camera.R_cam_world @ R_yup_world.T).tolist(),
        "t": camera.t_cam_world.tolist(),
    }


def _frustum_depth(
    cameras: Sequence[Camera], R_yup_world: Float[np.ndarray, "3 3"], center: Float[np.ndarray, "3"]
) -> float:
    """Length of the drawn cameras: a fixed share of their median distance of the cameras from the people, metres."""
    distances = [np.linalg.norm(R_yup_world @ c.center_world - center) for c in cameras]
    return 0.15 * float(np.median(distances)) if distances else 0.3


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.round(array).astype(np.uint8).tobytes()).decode()
