"""Check that the charts of a body are one-to-one: `python -m tools.bake_body.chart_check [body]`."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from diffproxy.body.atlas import SurfaceAtlas

log = logging.getLogger(__name__)
LEVELS = 65535  # of 16-bit proxies


@dataclass(frozen=True)
class ChartReport:
    """Of one label. `folded`: triangles of no area or of the minority's sense; `off_mm`: rest distance (millimetres)
    between sampled points and what their 16-bit (label, u, v) is looked up as; `doubled`: share of the samples that
    another triangle covers too; `stretch`: (median, largest) millimetres of surface per 0.01 of u, v, by area."""

    name: str
    folded: int
    off_mm: np.ndarray
    doubled: float
    stretch: tuple[float, float]

    def __str__(self) -> str:
        over = " ".join(f"{100 * (self.off_mm > mm).mean():8.3f}" for mm in (1, 2))
        return (
            f"{self.name:18s} {self.folded:5d} {over} {100 * self.doubled:8.3f} {self.off_mm.max():8.2f}"
            f" {self.stretch[0]:8.2f} {self.stretch[1]:9.1f}"
        )


HEAD = (
    f"{'label':18s} {'folds':>5s} {'>1mm %':>8s} {'>2mm %':>8s} {'double %':>8s} {'worst mm':>8s}"
    f" {'mm/.01':>8s} {'worst':>9s}"
)


def check_charts(atlas: SurfaceAtlas, samples: int) -> list[ChartReport]:
    """Sample the rest surface of every label evenly by area, encode, round to 16 bits, look up, compare."""
    rng = np.random.default_rng(0)
    reports = []
    tables: tuple[tuple[Any, Any, Literal["body", "left_hand"]], ...] = (
        (atlas.face_part, atlas.uv_corners, "body"),
        (atlas.face_hand_part, atlas.hand_uv_corners, "left_hand"),
    )
    for part, uv_corners, kind in tables:
        for label in np.unique(part[part > 0]):
            mine = np.flatnonzero(part == label)
            corners, uv = atlas.template[mine].astype(np.float64), uv_corners[mine].astype(np.float64)
            normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            area = np.linalg.norm(normal, axis=1) / 2
            pick = rng.choice(len(mine), samples, p=area / area.sum())
            bary = rng.dirichlet([1, 1, 1], samples).astype(np.float32)
            labels, at = atlas.encode(mine[pick], bary, kind)
            found, found_bary, _ = atlas.lookup(labels, np.round(at * LEVELS).astype(np.float32) / LEVELS)
            here = np.einsum("nk,nkc->nc", bary, corners[pick])
            there = np.einsum("nk,nkc->nc", found_bary, atlas.template[found])
            reports.append(
                ChartReport(
                    name=atlas.palette.names[int(label)],
                    folded=folded(uv),
                    off_mm=1000 * np.linalg.norm(here - there, axis=1),
                    doubled=doubled(uv, pick, at),
                    stretch=_stretch(corners, uv, area),
                )
            )
    return reports


def signed_area(uv: np.ndarray) -> np.ndarray:
    """Twice the area (T,) of chart triangles (T, 3, 2), positive if counter-clockwise."""
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def folded(uv: np.ndarray) -> int:
    """How many chart triangles (T, 3, 2) have no area or the other sense than most."""
    area = signed_area(uv)
    return int((area * np.sign(area.sum()) <= 1e-10).sum())


def doubled(uv: np.ndarray, own: np.ndarray, at: np.ndarray) -> float:
    """Share of the points `at` (N, 2), each of triangle `own` (N,), that lie well inside another triangle too."""
    low, high = uv.min(axis=1), uv.max(axis=1)
    hit = np.zeros(len(at), dtype=bool)
    area = signed_area(uv)
    edge, far = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    for start in range(0, len(at), 500):
        p = at[start : start + 500].astype(np.float64)
        point, triangle = np.nonzero(((p[:, None] > low) & (p[:, None] < high)).all(axis=-1))
        d = p[point] - uv[triangle, 0]
        v = (d[:, 0] * far[triangle, 1] - d[:, 1] * far[triangle, 0]) / area[triangle]
        w = (edge[triangle, 0] * d[:, 1] - edge[triangle, 1] * d[:, 0]) / area[triangle]
        # a thousandth of the triangle's size inside: float32 leaves points on edges on either side
        inside = (np.minimum(np.minimum(v, w), 1 - v - w) > 1e-3) & (triangle != own[start + point])
        hit[start + point[inside]] = True
    return float(hit.mean())


def _stretch(corners: np.ndarray, uv: np.ndarray, area: np.ndarray) -> tuple[float, float]:
    """Largest singular value of the map from chart to surface: median by area, and maximum."""
    edges_uv = np.stack([uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]], axis=-1)
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)
    solid = np.abs(np.linalg.det(edges_uv)) > 1e-12
    jacobian = edges[solid] @ np.linalg.inv(edges_uv[solid])
    largest = 10 * np.linalg.svd(jacobian, compute_uv=False)[:, 0]  # 1000 mm * 0.01
    order = np.argsort(largest)
    half = np.searchsorted(np.cumsum(area[solid][order]), area[solid].sum() / 2)
    return float(largest[order][half]), float(largest.max())


def main() -> None:
    from diffproxy.body import load_body

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("body", nargs="?", default="anny", help="name or path of a body")
    parser.add_argument("--samples", type=int, default=5000, help="points per label")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log.info(HEAD)
    for report in check_charts(load_body(arguments.body).atlas, arguments.samples):
        log.info("%s", report)


if __name__ == "__main__":
    main()
