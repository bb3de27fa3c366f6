"""Left read as right: what pixels would show if the side of their part were exchanged.

Networks take a left leg for a right one more often than anything else, one part in one view at a time (paper Fig. 7).
Such pixels are not lost: with the side exchanged they agree with the other views again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.flip import flipped_labels
from diffproxy.cameras import Camera
from diffproxy.fitting.initialization.rays import pixel_rays
from diffproxy.fitting.initialization.register_segments import KERNEL
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.geometry.robust import geman_mcclure

OWN, PIECE = 4.0, 8.0
"""Log odds that a pixel's side was misread, per unit of loss (0 to 1) that exchanging saves: its own, its piece's."""
DOUBT = 3.0
"""Log odds against, before anything is known."""


class ReflectedSurface:
    """Surface point → its mirror image (x → -x at rest), by geometry alone, so that it serves any body file."""

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
    if body not in _SURFACES:
        _SURFACES[body] = ReflectedSurface(body)
    return _SURFACES[body]


@dataclass(frozen=True)
class LabelFlips:
    """The correspondences as read, and with sides exchanged; `sided` is False where a part has no side."""

    own: Correspondences
    twin: Correspondences
    sided: Bool[np.ndarray, " N"]
    group: Int[np.ndarray, " N"]
    """One number per piece and view: what is misread together."""

    @staticmethod
    def of(found: Correspondences, body: BodyModel, driving_joint: Int[np.ndarray, " N"]) -> LabelFlips:
        label = flipped_labels(dict(body.atlas.palette.names))[found.label]
        sided = label > 0
        face, bary = found.face.copy(), found.bary.copy()
        if sided.any():
            face[sided], bary[sided] = reflected_surface(body)(found.face[sided], found.bary[sided])
        twin = replace(found, label=np.where(sided, label, found.label), face=face, bary=bary)
        group = np.unique(found.view * 64 + driving_joint, return_inverse=True)[1]
        return LabelFlips(found, twin, sided, group)

    def flipped_labels_by(
        self, own_loss: Float[np.ndarray, " N"], twin_loss: Float[np.ndarray, " N"]
    ) -> Bool[np.ndarray, " N"]:
        """Pixels that agree with the body better after an exchange; losses in [0, 1]."""
        saved = np.where(self.sided, own_loss - twin_loss, 0.0)
        mass = np.maximum(np.bincount(self.group, self.own.weight), 1e-12)
        together = (np.bincount(self.group, self.own.weight * saved) / mass)[self.group]
        return self.sided & (OWN * saved + PIECE * together > DOUBT)

    def doubled(self, other: float) -> Correspondences:
        """Every pixel twice: as stated, then exchanged, with `other` times the weight."""
        weight = np.where(self.sided, other * self.twin.weight, 0.0)
        return Correspondences.cat([self.own, replace(self.twin, weight=weight)])

    def read(self, flipped: Bool[np.ndarray, " N"]) -> Correspondences:
        """The correspondences with the sides of some exchanged."""
        wide = flipped[:, None]
        return replace(
            self.own,
            label=np.where(flipped, self.twin.label, self.own.label),
            face=np.where(flipped, self.twin.face, self.own.face),
            bary=np.where(wide, self.twin.bary, self.own.bary),
        )


def robust_loss(
    body: BodyModel, found: Correspondences, cameras: tuple[Camera, ...], params: BodyParams
) -> Float[np.ndarray, " N"]:
    """Per pixel, 0 where its ray meets its point of the posed body, towards 1 where it misses by far."""
    bary = torch.from_numpy(found.bary)[None].to(params.betas)
    points = body.surface_points(params, torch.from_numpy(found.face)[None].to(bary.device), bary)
    e = pixel_rays(cameras, found.view, found.pixel).away(points[0].double().cpu().numpy())
    return geman_mcclure(np.einsum("ni,ni->n", e, e) / KERNEL**2, 1.0)[0]


def flipped_labels_by(
    sides: LabelFlips, body: BodyModel, cameras: tuple[Camera, ...], params: BodyParams
) -> Bool[np.ndarray, " N"]:
    """Pixels whose side a posed body says to be the other one."""
    own, twin = (robust_loss(body, f, cameras, params) for f in (sides.own, sides.twin))
    return sides.flipped_labels_by(own, twin)
