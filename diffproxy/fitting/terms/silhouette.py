"""What the foreground says without its labels: the body lies within it, and it lies on the body.

Networks know where a person is far better than which part of him they see. So points of the body that project beside
the foreground are drawn to its nearest pixel, and foreground pixels that no point of the body is near draw the nearest.
Both are pairs of a pixel and a surface point like any others, found anew from time to time (iterated closest points).
Limbs that no view shows take no part: something hides them, and background around what hides them is no evidence.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.fitting.terms.correspondences import Correspondences, driving_joints
from diffproxy.proxies import ProxyMaps

SAMPLES = 500
"""Points spread over the body's surface."""
GRID = 96
"""Cells across a map in which the nearest foreground is looked up."""
UNCOVERED = 0.06
"""Metres: a foreground pixel farther than this from every projected point is not explained by the body."""
VOICE = 30.0
"""A view's outline weighs like this many pixels."""
LEAST_SEEN = 1 / 60
"""Share of the pixels of body views below which a limb counts as hidden."""

Samples = tuple[Int[np.ndarray, " M"], Float[np.ndarray, "M 3"]]
_SAMPLES: WeakKeyDictionary[BodyModel, Samples] = WeakKeyDictionary()


def surface_samples(body: BodyModel) -> Samples:
    """Faces and barycentric coordinates of points spread over the rest body by area; always the same ones."""
    if body not in _SAMPLES:
        corners = body.v_template.detach().double().cpu().numpy()[body.faces.cpu().numpy()]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
        rng = np.random.default_rng(0)
        many = rng.choice(len(area), size=8 * SAMPLES, p=area / area.sum())
        bary = rng.dirichlet(np.ones(3), size=len(many))
        points = np.einsum("nk,nkc->nc", bary, corners[many])
        kept = [0]  # farthest points first: evenly spread
        distance = np.linalg.norm(points - points[0], axis=-1)
        while len(kept) < SAMPLES:
            kept.append(int(distance.argmax()))
            distance = np.minimum(distance, np.linalg.norm(points - points[kept[-1]], axis=-1))
        _SAMPLES[body] = (many[kept].astype(np.int64), bary[kept])
    return _SAMPLES[body]


class Silhouette:
    """The foregrounds of one subject's body views.

    Args:
        maps: Proxies.
        found: Their pixels.
        body: Body model.
        min_pixels: Views with fewer of them take no part.
    """

    def __init__(self, maps: ProxyMaps, found: Correspondences, body: BodyModel, min_pixels: int):
        self.face, self.bary = surface_samples(body)
        counts = np.bincount(found.view, minlength=maps.num_views)
        self.views = [v for v, kind in enumerate(maps.kind) if kind == "body" and counts[v] >= min_pixels]
        self.cameras = maps.cameras
        self.found = found
        limbs = driving_joints(body, body.atlas.face_part[self.face].astype(np.int64))
        pixels = np.bincount(driving_joints(body, found.label), minlength=limbs.max() + 1)
        enough = LEAST_SEEN * np.isin(found.view, self.views).sum()
        self.limb_seen = pixels[limbs] >= enough
        width = maps.labels.shape[2]
        self.step = max(1, round(width / GRID))
        half = self.step // 2
        self.nearest, self.inside, self.valid = {}, {}, {}
        for v in self.views:
            seen = maps.labels[v, half :: self.step, half :: self.step] > 0
            if not seen.any():
                continue
            cells = distance_transform_edt(~seen, return_distances=False, return_indices=True)
            self.inside[v] = seen
            whole = np.ones(seen.shape, dtype=bool)
            self.valid[v] = (
                whole if maps.valid is None else maps.valid[v, half :: self.step, half :: self.step]
            )
            self.nearest[v] = cells[::-1].astype(np.float64) * self.step + half + 0.5  # x, y

    def matches(self, world: Float[np.ndarray, "M 3"]) -> Correspondences:
        """Pairs for the body as posed: `world` are its samples, metres."""
        parts = []
        for v in self.inside:
            pixel, depth = _project(self.cameras[v], world)
            h, w = self.inside[v].shape
            column, row = np.floor(pixel / self.step).astype(np.int64).T
            shown = self.limb_seen & (depth > 0.05) & (column >= 0) & (column < w) & (row >= 0) & (row < h)
            column, row = np.clip(column, 0, w - 1), np.clip(row, 0, h - 1)
            shown &= self.valid[v][row, column]  # beyond the picture nothing is known
            outside = np.flatnonzero(shown & ~self.inside[v][row, column])
            target = self.nearest[v][:, row[outside], column[outside]].T
            parts.append(self._pairs(v, outside, target, np.full(len(outside), VOICE / SAMPLES)))
            if shown.any():
                parts.append(self._uncovered(v, pixel, depth, np.flatnonzero(shown)))
        return Correspondences.cat(parts) if parts else self.found[np.zeros(0, dtype=np.int64)]

    def _uncovered(self, v: int, pixel: np.ndarray, depth: np.ndarray, shown: np.ndarray) -> Correspondences:
        rows = np.flatnonzero(self.found.view == v)
        seen = self.found.pixel[rows]
        far, near = cKDTree(pixel[shown]).query(seen)
        near = shown[near]
        unit = depth[near] / np.sqrt(abs(self.cameras[v].K[0, 0] * self.cameras[v].K[1, 1]))
        alone = far * unit > UNCOVERED
        weight = self.found.weight[rows] * VOICE / max(len(rows), 1)
        return self._pairs(v, near[alone], seen[alone], weight[alone])

    def _pairs(self, v: int, sample: np.ndarray, pixel: np.ndarray, weight: np.ndarray) -> Correspondences:
        n = len(sample)
        return Correspondences(
            view=np.full(n, v, dtype=np.int64),
            pixel=pixel,
            label=np.zeros(n, dtype=np.int64),
            face=self.face[sample],
            bary=self.bary[sample],
            weight=weight,
            rank=np.zeros(n),
        )


def _project(camera: Camera, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = world @ camera.R_cam_world.T + camera.t_cam_world
    h = x @ camera.K.T
    return h[:, :2] / np.maximum(h[:, 2:], 1e-6), x[:, 2]
