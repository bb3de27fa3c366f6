"""Errors of a body that one picture shows: place, focal length, silhouette and parts, as BLADE defines them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from diffproxy.body import BodyModel
from diffproxy.body.smpl_parts import NUM_PARTS, face_parts
from diffproxy.cameras import Camera
from diffproxy.evaluation.true_body import BodySurface
from diffproxy.geometry.boxes import Box
from diffproxy.proxies.surface import render_surface

DISTANCES = (0.8, 1.2, 2.0, 4.0)
DISTANCE_NAMES = ("< 0.8 m", "0.8-1.2 m", "1.2-2 m", "2-4 m", "> 4 m")
SIDE = 256
"""Pixels of the square in which silhouettes and parts are compared."""


@dataclass(frozen=True)
class SeenBody:
    """A body in the axes of its camera, which may have a wrong focal length."""

    vertices: Float[np.ndarray, "Nv 3"]
    surface: BodySurface
    camera: Camera


def surface_of(body: BodyModel) -> BodySurface:
    """The triangles and parts of a body model."""
    faces = body.faces.cpu().numpy().astype(np.int64)
    return BodySurface(faces, face_parts(faces, body.weights.detach().cpu().numpy()))


def distance_name(depth: float) -> str:
    """The range of distances that a depth (metres) counts in."""
    return DISTANCE_NAMES[int(np.searchsorted(DISTANCES, depth))]


def place_errors(
    pelvis: Float[np.ndarray, "3"], true: Float[np.ndarray, "3"], focal: float, true_focal: float
) -> dict[str, float]:
    """Errors of the pelvis and of the focal length.

    Args:
        pelvis: In the camera's axes, metres.
        true: The true one.
        focal: Pixels of the picture.
        true_focal: The true one.

    Returns:
        `tz_m` |Tz - Tz*|, `tz_percent` |Tz - Tz*| / Tz*, `tz_signed_percent` (positive: too far), `inv_tz`
        |1/Tz - 1/Tz*|, `xy_m` distance of (Tx, Ty), `f_percent` |f - f*| / f*, `f_signed_percent`.
    """
    off = float(pelvis[2] - true[2])
    f = 100 * (focal / true_focal - 1)
    return {
        "tz_m": abs(off),
        "tz_percent": 100 * abs(off) / float(true[2]),
        "tz_signed_percent": 100 * off / float(true[2]),
        "inv_tz": float(abs(1 / pelvis[2] - 1 / true[2])),
        "xy_m": float(np.hypot(*(pelvis[:2] - true[:2]))),
        "f_percent": abs(f),
        "f_signed_percent": f,
    }


def overlap_errors(found: SeenBody, true: SeenBody, box: Box, side: int = SIDE) -> dict[str, float]:
    """IoU of the silhouettes (`miou`), and of the parts together (`pmiou`), both from 0 to 1.

    The parts' intersections are added up and divided by the sum of their unions: large parts count more.

    Args:
        found: The estimated body.
        true: The true one.
        box: The part of the picture that is looked at; both bodies should lie in it.
        side: Pixels of the square that it is drawn in.
    """
    mine, theirs = (part_image(seen, box, side) for seen in (found, true))
    both = (mine > 0) & (theirs > 0)
    union = int(np.count_nonzero((mine > 0) | (theirs > 0)))
    same = int(np.count_nonzero(both & (mine == theirs)))
    parts = int(np.count_nonzero(mine) + np.count_nonzero(theirs)) - same
    return {"miou": int(np.count_nonzero(both)) / max(union, 1), "pmiou": same / max(parts, 1)}


def part_image(seen: SeenBody, box: Box, side: int) -> Int[np.ndarray, "side side"]:
    """Part of each pixel of the box, from 1 to 24; 0 outside the body."""
    (view,) = render_surface(
        seen.vertices.astype(np.float32), seen.surface.faces, [seen.camera.crop(box, (side, side))]
    )
    out = np.zeros((side, side), dtype=np.int64)
    out[view.visible] = 1 + seen.surface.part[view.face[view.visible]]
    assert out.max() <= NUM_PARTS
    return out


def common_box(bodies: list[SeenBody]) -> Box:
    """The part of the picture that holds all bodies: the box around their pixels, within the picture."""
    pixels = np.concatenate([b.camera.project(b.vertices.astype(np.float64)) for b in bodies])
    pixels = pixels[np.isfinite(pixels).all(-1)]
    size = (bodies[0].camera.width, bodies[0].camera.height)
    (x0, y0), (x1, y1) = np.clip(pixels.min(0), 0, size), np.clip(pixels.max(0), 0, size)
    side = max(x1 - x0, y1 - y0, 1.0)  # square pixels
    x, y = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    return float(x), float(y), float(x + side), float(y + side)
