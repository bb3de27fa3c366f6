"""How well the fitted body explains the proxies, view by view."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.capture.crops import Box
from diffproxy.proxies import ProxyMaps


@dataclass(frozen=True)
class ViewQuality:
    """`residual_px`: median distance between a pixel and its body point, in pixels of the map; `source_px`: the
    same in the full image; `residual_mm`: at the depth of the body point. `overlap`: IoU of body and foreground
    silhouettes in [0, 1], None for hand crops, which see the forearm as well."""

    camera: str
    kind: str
    pixels: int
    residual_px: float
    source_px: float
    residual_mm: float
    overlap: float | None

    def to_json(self) -> dict[str, Any]:
        return {k: (round(v, 4) if isinstance(v, float) else v) for k, v in asdict(self).items()}


def view_quality(
    maps: ProxyMaps, boxes: tuple[Box, ...] | None, body: BodyModel, vertices: Float[np.ndarray, "Nv 3"]
) -> list[ViewQuality]:
    """One entry a view; `boxes` are the crops in their full images (None: the maps are full images)."""
    from diffproxy.proxies import render_depth_mask

    faces = body.faces.cpu().numpy()
    _, silhouettes = render_depth_mask(body, vertices, list(maps.cameras))
    out = []
    for v, (camera, kind) in enumerate(zip(maps.cameras, maps.kind, strict=True)):
        used = (maps.labels[v] > 0) & (maps.weight[v] > 0)
        rows, cols = np.nonzero(used)
        face, bary, ok = body.atlas.lookup(maps.labels[v][used], maps.uv[v][used])
        rows, cols, face, bary = rows[ok], cols[ok], face[ok], bary[ok]
        px = mm = source = float("nan")
        if rows.size:
            points = np.einsum(
                "nk,nkd->nd", np.asarray(bary, np.float64), vertices[faces[face]].astype(np.float64)
            )
            distance = np.linalg.norm(
                camera.project(points) - np.stack([cols + 0.5, rows + 0.5], axis=1), axis=1
            )
            depth = points @ camera.R_cam_world[2] + camera.t_cam_world[2]
            px = float(np.nanmedian(distance))
            mm = float(np.nanmedian(1000 * distance * depth / camera.K[1, 1]))
            source = px * ((boxes[v][2] - boxes[v][0]) / camera.width if boxes else 1.0)
        overlap = _iou(silhouettes[v], maps.labels[v] > 0) if kind == "body" else None
        out.append(ViewQuality(camera.name, kind, int(rows.size), px, source, mm, overlap))
    return out


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 0.0
