"""Left-right ambiguity: surface points that pixels would show if left and right were exchanged in their labels.

The most frequent mistake of networks is to label a left leg as a right one, or the reverse, one part in one view at a
time (paper Fig. 7). Such pixels remain usable: with left and right exchanged they agree with the other views.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.flip import flipped_labels
from diffproxy.cameras import Camera
from diffproxy.fitting.rays import ray_loss
from diffproxy.fitting.terms.correspondences import Correspondences

PIXEL_LOG_ODDS, SEGMENT_LOG_ODDS = 4.0, 8.0
"""Log odds that a label is flipped, per unit of loss (0 to 1) that a flip saves: of the pixel, and of its segment."""
PRIOR_LOG_ODDS = 3.0
"""Log odds that a label is right, before any loss is known."""


class ReflectedSurface:
    """Surface point → its mirror image (x → -x at rest), by geometry alone, so that it works for any body file."""

    def __init__(self, body: BodyModel):
        vertices = body.v_template.detach().double().cpu().numpy()
        self.corners = vertices[body.faces.cpu().numpy()]
        self.tree = cKDTree(self.corners.mean(1))

    def __call__(
        self, face: Int[np.ndarray, " N"], bary: Float[np.ndarray, "N 3"]
    ) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, "N 3"]]:
        """Faces and barycentric coordinates of the mirrored points."""
        point = np.einsum("nk,nkc->nc", bary, self.corners[face]) * [-1.0, 1.0, 1.0]
        found = np.asarray(self.tree.query(point)[1], dtype=np.int64)
        a, b, c = np.moveaxis(self.corners[found], 1, 0)
        u, v, w = b - a, c - a, point - a
        uu, uv, vv = (np.einsum("nc,nc->n", p, q) for p, q in ((u, u), (u, v), (v, v)))
        wu, wv = np.einsum("nc,nc->n", w, u), np.einsum("nc,nc->n", w, v)
        area = np.maximum(uu * vv - uv * uv, 1e-18)
        s, t = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
        inside = np.clip(np.stack([1 - s - t, s, t], axis=-1), 0.0, 1.0)
        return found, inside / inside.sum(-1, keepdims=True)


_SURFACES: WeakKeyDictionary[BodyModel, ReflectedSurface] = WeakKeyDictionary()


def reflected_surface(body: BodyModel) -> ReflectedSurface:
    """The reflected surface of a body, computed once for each body."""
    if body not in _SURFACES:
        _SURFACES[body] = ReflectedSurface(body)
    return _SURFACES[body]


@dataclass(frozen=True)
class LabelFlips:
    """The correspondences as labelled, and with left and right exchanged."""

    stated: Correspondences
    counterpart: Correspondences
    sided: Bool[np.ndarray, " N"]
    """False where a body part has no counterpart (head, trunk)."""
    group: Int[np.ndarray, " N"]
    """One number per body segment and view: labels flip together within it."""

    @staticmethod
    def of(pixels: Correspondences, body: BodyModel, driving_joint: Int[np.ndarray, " N"]) -> LabelFlips:
        label = flipped_labels(dict(body.atlas.palette.names))[pixels.label]
        sided = label > 0
        face, bary = pixels.face.copy(), pixels.bary.copy()
        if sided.any():
            face[sided], bary[sided] = reflected_surface(body)(pixels.face[sided], pixels.bary[sided])
        counterpart = replace(pixels, label=np.where(sided, label, pixels.label), face=face, bary=bary)
        group = np.unique(pixels.view * 64 + driving_joint, return_inverse=True)[1]
        return LabelFlips(pixels, counterpart, sided, group)

    def flipped(
        self, stated_loss: Float[np.ndarray, " N"], counterpart_loss: Float[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        """Pixels that agree with the body better as their counterparts; losses in [0, 1]."""
        saved = np.where(self.sided, stated_loss - counterpart_loss, 0.0)
        mass = np.maximum(np.bincount(self.group, self.stated.weight), 1e-12)
        mean_saved = (np.bincount(self.group, self.stated.weight * saved) / mass)[self.group]
        return self.sided & (PIXEL_LOG_ODDS * saved + SEGMENT_LOG_ODDS * mean_saved > PRIOR_LOG_ODDS)

    def both(self, other: float) -> Correspondences:
        """Every pixel twice: as stated, then as its counterpart with `other` times the weight."""
        weight = np.where(self.sided, other * self.counterpart.weight, 0.0)
        return Correspondences.cat([self.stated, replace(self.counterpart, weight=weight)])

    def apply(self, flipped: Bool[np.ndarray, " N"]) -> Correspondences:
        """The correspondences with some labels flipped."""
        wide = flipped[:, None]
        return replace(
            self.stated,
            label=np.where(flipped, self.counterpart.label, self.stated.label),
            face=np.where(flipped, self.counterpart.face, self.stated.face),
            bary=np.where(wide, self.counterpart.bary, self.stated.bary),
        )


def flipped_pixels(
    flips: LabelFlips, body: BodyModel, cameras: tuple[Camera, ...], params: BodyParams
) -> Bool[np.ndarray, " N"]:
    """Pixels that a posed body explains better with left and right exchanged."""
    stated, counterpart = (ray_loss(body, p, cameras, params) for p in (flips.stated, flips.counterpart))
    return flips.flipped(stated, counterpart)
