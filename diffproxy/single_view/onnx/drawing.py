"""Bodies and keypoints over a picture, by OpenCV alone, in the colours of `people.json`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.results import Camera, Person
from diffproxy.utils.people_file import rgb_of

ALPHA = 0.75
NEAREST = 0.05
"""Metres before the camera; triangles nearer than this are not drawn."""
SHIFT = 4
"""Fractional bits of the corners that OpenCV draws."""
LIMBS = (
    (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    (0, 1), (0, 2), (1, 3), (2, 4),
)  # fmt: skip
"""Pairs of COCO keypoints."""
CONFIDENT = 0.3
"""Least confidence of a keypoint that is drawn."""


def draw_meshes(
    image: np.ndarray, people: Mapping[int, Person], camera: Camera, models: Models
) -> np.ndarray:
    """The skin of everybody with a body over an RGB picture, those in front over those behind."""
    for person_id in sorted(people, key=lambda k: -np.nan_to_num(people[k].joints[0, 2])):
        if people[person_id].has_body:
            rows = {name: value[None] for name, value in people[person_id].params.items()}
            vertices = models.pose("vertices", rows)[0]
            image = _draw_mesh(image, vertices, camera, models.faces, rgb_of(person_id))
    return image


def draw_keypoints(image: np.ndarray, people: Mapping[int, Person]) -> np.ndarray:
    """Confident keypoints and the limbs between them over an RGB picture."""
    import cv2

    image = image.copy()
    width = max(1, round(max(image.shape[:2]) / 320))
    for person_id, person in people.items():
        color = [round(255 * x) for x in rgb_of(person_id)]
        seen = person.keypoints[:, 2] >= CONFIDENT
        points = np.round(person.keypoints[:, :2]).astype(int).tolist()
        for a, b in LIMBS:
            if seen[a] and seen[b]:
                cv2.line(image, points[a], points[b], color, 2 * width, cv2.LINE_AA)
        for k in np.flatnonzero(seen):
            cv2.circle(image, points[k], 2 * width, (255, 255, 255), -1, cv2.LINE_AA)
    return image


def _draw_mesh(
    image: np.ndarray,
    vertices: np.ndarray,
    camera: Camera,
    faces: np.ndarray,
    color: tuple[float, float, float],
) -> np.ndarray:
    """Triangles that face the camera, the farthest first, lit from the camera."""
    import cv2

    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(1)
    facing = -(normals * middle).sum(1) / np.maximum(
        np.linalg.norm(normals, axis=1) * np.linalg.norm(middle, axis=1), 1e-12
    )
    shown = np.flatnonzero((facing > 0) & (corners[..., 2].min(1) > NEAREST))
    order = shown[np.argsort(-middle[shown, 2], kind="stable")]
    pixels = corners[order] @ camera.K.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    # OpenCV counts from the centre of the first pixel, cameras from its corner
    fixed = np.clip(np.round((pixels - 0.5) * (1 << SHIFT)), -(2**20), 2**20).astype(np.int32)
    shades = 255 * np.asarray(color) * (0.35 + 0.65 * facing[order, None])
    layer = image.copy()
    for triangle, shade in zip(fixed, shades.tolist(), strict=True):
        cv2.fillConvexPoly(layer, triangle, shade, cv2.LINE_8, SHIFT)
    return cv2.addWeighted(layer, ALPHA, image, 1 - ALPHA, 0)
