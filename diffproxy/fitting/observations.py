"""Rows of the data term of several subjects as one padded batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.reprojection import Observations

LIMBS = ((1, 4, 7, 10), (2, 5, 8, 11), (16, 18, 20, *range(25, 40)), (17, 19, 21, *range(40, 55)))
"""Joints of both legs and both arms, fingers included."""
_LIMBS: WeakKeyDictionary[BodyModel, np.ndarray] = WeakKeyDictionary()


def limb_of_faces(body: BodyModel) -> Int[np.ndarray, " Nf"]:
    """Index in `LIMBS` of the limb that alone moves each face; `len(LIMBS)` where none does."""
    if body not in _LIMBS:
        bones = (body.weights[body.faces] > 0).any(1).cpu().numpy()
        limb = np.full(len(bones), len(LIMBS))
        for k, joints in enumerate(LIMBS):
            chain, j = set(joints), joints[0]
            while j > 0:
                j = int(body.parents[j])
                chain.add(j)
            others = [j for j in range(bones.shape[1]) if j not in chain]
            limb[bones[:, joints].any(1) & ~bones[:, others].any(1)] = k
        _LIMBS[body] = limb
    return _LIMBS[body]


def projections(cameras: tuple[Camera, ...]) -> Float[np.ndarray, "V 3 4"]:
    """`K [R | t]` of every camera."""
    return np.stack([c.K @ np.concatenate([c.R_cam_world, c.t_cam_world[:, None]], axis=1) for c in cameras])


def metres_per_pixel(cameras: tuple[Camera, ...], center: Float[np.ndarray, "3"]) -> Float[np.ndarray, " V"]:
    """Size of a pixel of each map at the depth of `center` (world, metres); at least at 10 cm."""
    depth = np.array([(c.R_cam_world @ center + c.t_cam_world)[2] for c in cameras])
    focal = np.array([np.sqrt(abs(c.K[0, 0] * c.K[1, 1])) for c in cameras])
    return np.maximum(depth, 0.1) / focal


@dataclass(frozen=True)
class ObservationRows:
    """Rows of the data term of one subject, from any source: pixels, silhouettes, keypoints.

    Attributes:
        correspondences: Pixels and surface points. Label 0 marks silhouettes and keypoints.
        factor: Factors on the weights.
        on_hand: Rows on hands, whose noise is estimated apart from the rest.
        sigma: Standard deviations of rows that state one, metres; 0 where it is estimated.
        only_along: Unit vectors in the image along which alone a row measures; 0 where it measures both directions.
    """

    correspondences: Correspondences
    factor: Float[np.ndarray, " N"]
    on_hand: Bool[np.ndarray, " N"]
    sigma: Float[np.ndarray, " N"]
    only_along: Float[np.ndarray, "N 2"]

    @staticmethod
    def of(
        correspondences: Correspondences,
        factor: float | Float[np.ndarray, " N"] = 1.0,
        on_hand: bool | Bool[np.ndarray, " N"] = False,
        sigma: float | Float[np.ndarray, " N"] = 0.0,
        only_along: float | Float[np.ndarray, "N 2"] = 0.0,
    ) -> ObservationRows:
        """Rows with one value for all where a number is given."""
        n = len(correspondences)
        return ObservationRows(
            correspondences,
            np.broadcast_to(np.asarray(factor, dtype=np.float64), n),
            np.broadcast_to(np.asarray(on_hand, dtype=bool), n),
            np.broadcast_to(np.asarray(sigma, dtype=np.float64), n),
            np.broadcast_to(np.asarray(only_along, dtype=np.float64), (n, 2)),
        )

    @staticmethod
    def cat(items: Sequence[ObservationRows]) -> ObservationRows:
        """All rows of one subject."""
        return ObservationRows(
            Correspondences.cat([x.correspondences for x in items]),
            np.concatenate([x.factor for x in items]),
            np.concatenate([x.on_hand for x in items]),
            np.concatenate([x.sigma for x in items]),
            np.concatenate([x.only_along for x in items]),
        )


def effective_weights(
    pixels: Correspondences, on_hand: Bool[np.ndarray, " N"], config: FitConfig
) -> Float[np.ndarray, " N"]:
    """Factors under which a view counts as at most `independent_pixels`, and its hands as `independent_hand_pixels`.

    They are spread evenly over the pixels of all views.
    """
    factor = np.ones(len(pixels))
    for group, most in ((~on_hand, config.independent_pixels), (on_hand, config.independent_hand_pixels)):
        if group.any():
            factor[group] = np.minimum(np.bincount(pixels.view[group]), most).sum() / group.sum()
    return factor


def batch_observations(
    rows: Sequence[ObservationRows],
    cameras: Sequence[tuple[Camera, ...]],
    centers: Sequence[Float[np.ndarray, "3"]],
    body: BodyModel,
    by_limb: bool = True,
) -> Observations:
    """Rows of B subjects as tensors, padded with rows of weight 0.

    Args:
        rows: Rows of each subject.
        cameras: Pinhole cameras of each subject's views.
        centers: Origin of each subject's world points, metres: single precision then suffices far from the world's.
        body: Body model whose faces the rows refer to.
        by_limb: Order rows by limb and pad limb by limb, so that each block depends on few joints. Else the rows keep
            their order, as one block.
    """
    B = len(rows)
    limb = [
        limb_of_faces(body)[r.correspondences.face] if by_limb else np.zeros(len(r.factor), dtype=np.int64)
        for r in rows
    ]
    counts = np.stack([np.bincount(k, minlength=len(LIMBS) + 1) for k in limb])
    sizes = counts.max(0)
    first, N = np.cumsum(sizes) - sizes, int(sizes.sum())
    faces, bary = np.zeros((B, N), dtype=np.int64), np.full((B, N, 3), 1 / 3)
    pixels, weight, sigma = np.zeros((B, N, 2)), np.zeros((B, N)), np.zeros((B, N))
    only_along = np.zeros((B, N, 2))
    on_hand, is_silhouette = np.zeros((B, N), dtype=bool), np.zeros((B, N), dtype=bool)
    view = np.full((B, N), -1, dtype=np.int64)
    P, unit = np.tile(np.eye(3, 4), (B, N, 1, 1)), np.ones((B, N))
    for b, r in enumerate(rows):
        c = r.correspondences
        order = np.argsort(limb[b], kind="stable")
        at = np.empty(len(c), dtype=np.int64)
        at[order] = np.arange(len(c)) + np.repeat(first - (np.cumsum(counts[b]) - counts[b]), counts[b])
        faces[b, at], bary[b, at], pixels[b, at], view[b, at] = c.face, c.bary, c.pixel, c.view
        weight[b, at], sigma[b, at] = c.weight * r.factor, r.sigma
        on_hand[b, at], is_silhouette[b, at], only_along[b, at] = r.on_hand, c.label == 0, r.only_along
        from_center = projections(cameras[b])
        from_center[:, :, 3] += from_center[:, :, :3] @ centers[b]
        P[b, at] = from_center[c.view]
        unit[b, at] = metres_per_pixel(cameras[b], centers[b])[c.view]
    like = body.v_template

    def tensor(a: np.ndarray) -> Tensor:
        return torch.as_tensor(a, dtype=like.dtype, device=like.device)

    return Observations(
        faces=torch.as_tensor(faces, device=like.device),
        bary=tensor(bary),
        pixels=tensor(pixels),
        weight=tensor(weight),
        P=tensor(P),
        metres_per_pixel=tensor(unit),
        on_hand=torch.as_tensor(on_hand, device=like.device),
        view=torch.as_tensor(view, device=like.device),
        is_silhouette=torch.as_tensor(is_silhouette, device=like.device),
        given_sigma=tensor(sigma) if sigma.any() else None,
        whitening=tensor(_measured(only_along)) if only_along.any() else None,
        blocks=tuple(int(n) for n in sizes if n),
    )


def _measured(only_along: Float[np.ndarray, "B N 2"]) -> Float[np.ndarray, "B N 2 2"]:
    """Projections onto the directions that rows measure; the identity where these are both."""
    projection = only_along[..., :, None] * only_along[..., None, :]
    one = np.any(only_along, axis=-1, keepdims=True)[..., None]
    return np.where(one, projection, np.eye(2))


def subject_observations(
    correspondences: Correspondences,
    cameras: tuple[Camera, ...],
    center: Float[np.ndarray, "3"],
    weight: Float[np.ndarray, " N"],
    body: BodyModel,
) -> Observations:
    """One subject's rows in their own order; `weight` replaces the weights of the correspondences."""
    rows = ObservationRows.of(replace(correspondences, weight=weight))
    return batch_observations([rows], [cameras], [center], body, by_limb=False)
