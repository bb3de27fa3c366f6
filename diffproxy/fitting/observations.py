"""Correspondences of several subjects as one padded batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.reprojection import Observations

LIMBS = ((1, 4, 7, 10), (2, 5, 8, 11), (16, 18, 20, *range(25, 40)), (17, 19, 21, *range(40, 55)))
"""Joints of both legs and both arms, fingers included."""
_LIMBS: WeakKeyDictionary[BodyModel, np.ndarray] = WeakKeyDictionary()


def limb_of_faces(body: BodyModel) -> Int[np.ndarray, " Nf"]:
    """Which of `LIMBS` each face hangs on; their number where it is none alone."""
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


def batch_observations(
    found: list[Correspondences],
    cameras: list[tuple[Camera, ...]],
    centers: list[Float[np.ndarray, "3"]],
    information: Sequence[float | np.ndarray],
    on_hand: list[np.ndarray],
    body: BodyModel,
    given_sigma: list[np.ndarray] | None = None,
) -> Observations:
    """Rows ordered by limb, each limb padded to that of the subject who shows most of it.

    `information[b]` multiplies the weights of subject b. Label 0 marks outlines and keypoints. `given_sigma[b]`: see
    `Observations`. World points are meant relative to
    `centers[b]`: single precision then serves however far away the origin is.
    """
    B = len(found)
    limb = [limb_of_faces(body)[f.face] for f in found]
    counts = np.stack([np.bincount(k, minlength=len(LIMBS) + 1) for k in limb])
    sizes = counts.max(0)
    first, N = np.cumsum(sizes) - sizes, int(sizes.sum())
    faces, bary = np.zeros((B, N), dtype=np.int64), np.full((B, N, 3), 1 / 3)
    pixels, weight = np.zeros((B, N, 2)), np.zeros((B, N))
    hand, outline = np.zeros((B, N), dtype=bool), np.zeros((B, N), dtype=bool)
    sigma = np.zeros((B, N))
    view = np.full((B, N), -1, dtype=np.int64)
    P, unit = np.tile(np.eye(3, 4), (B, N, 1, 1)), np.ones((B, N))
    for b, f in enumerate(found):
        order = np.argsort(limb[b], kind="stable")
        at = np.empty(len(f), dtype=np.int64)
        at[order] = np.arange(len(f)) + np.repeat(first - (np.cumsum(counts[b]) - counts[b]), counts[b])
        faces[b, at], bary[b, at], pixels[b, at] = f.face, f.bary, f.pixel
        weight[b, at] = f.weight * information[b]
        from_center = projections(cameras[b])
        from_center[:, :, 3] += from_center[:, :, :3] @ centers[b]
        P[b, at] = from_center[f.view]
        hand[b, at], outline[b, at], view[b, at] = on_hand[b], f.label == 0, f.view
        if given_sigma is not None:
            sigma[b, at] = given_sigma[b]
        unit[b, at] = metres_per_pixel(cameras[b], centers[b])[f.view]
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
        on_hand=torch.as_tensor(hand, device=like.device),
        view=torch.as_tensor(view, device=like.device),
        outline=torch.as_tensor(outline, device=like.device),
        given_sigma=tensor(sigma) if given_sigma is not None else None,
        blocks=tuple(int(n) for n in sizes if n),
    )


# One subject's correspondences as tensors, every row taken as a point that a pixel shows.


def subject_observations(
    found: Correspondences,
    cameras: tuple[Camera, ...],
    center: Float[np.ndarray, "3"],
    weight: Float[np.ndarray, " N"],
    like: Tensor,
) -> Observations:
    """World points are meant relative to `center` (metres); `weight` takes the place of the correspondences' own."""
    P = projections(cameras)
    P[:, :, 3] += P[:, :, :3] @ center

    def tensor(a: np.ndarray) -> Tensor:
        return torch.as_tensor(a, dtype=like.dtype, device=like.device)[None]

    no = torch.zeros(1, len(found), dtype=torch.bool, device=like.device)
    return Observations(
        faces=torch.as_tensor(found.face, device=like.device)[None],
        bary=tensor(found.bary),
        pixels=tensor(found.pixel),
        weight=tensor(weight),
        P=tensor(P[found.view]),
        metres_per_pixel=tensor(metres_per_pixel(cameras, center)[found.view]),
        on_hand=no,
        view=torch.as_tensor(found.view, device=like.device)[None],
        outline=no,
    )
