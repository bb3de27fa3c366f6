"""Rendered whole frames with everybody in them, as batches: scaled, shifted, cut, mirrored, with other light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.datasets.shards import FULL, ShardIndex, ShardView
from diffproxy.single_view.focal_length import EXIF_LOG_STD, USUAL_LOG_STD, usual_focal
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.training.data import IN_FRONT, People
from diffproxy.single_view.training.whole_picture.everybody import Everybody, everybody
from diffproxy.training.photometric import photometric
from diffproxy.utils.errors import InputError

CANVASES = ((384, 288), (288, 384), (384, 224), (352, 352))
"""Width and height of the pictures of a batch."""
LEAST_VISIBLE = 0.15
"""Share of a person that must be seen; of others nothing is said, neither that they are there nor that they are not."""
LEAST_KEYPOINTS = 3
"""In the picture; the same."""


@dataclass(frozen=True)
class PictureBatch:
    """B pictures with T people in all.

    Attributes:
        images: RGB in [-1, 1].
        camera: What the network is told (see `WholePictureNetwork.forward`).
        people: Everybody; pixels are those of the images minus the principal point, plus `size` / 2.
        of: Picture of each person.
        centers: Of the boxes around each person's keypoints in the picture, pixels.
        extents: Longer side of these boxes, pixels.
        visible: Share of each person that nothing hides.
        counted: Enough of the person is seen.
        depth: Metres at the cells of stride 8 that show people, else 0.
        unlabelled: Cells of stride 4 that show people of whom nothing is known.
    """

    images: Float[Tensor, "B 3 H W"]
    camera: Float[Tensor, "B 4"]
    people: People
    of: Tensor
    centers: Float[Tensor, "T 2"]
    extents: Float[Tensor, " T"]
    visible: Float[Tensor, " T"]
    counted: Bool[Tensor, " T"]
    depth: Float[Tensor, "B p q"]
    unlabelled: Bool[Tensor, "B P Q"]


class _Placed(NamedTuple):
    """A picture on a canvas."""

    image: np.ndarray
    focal: float
    told: list[float]
    people: Everybody
    depth: np.ndarray
    unlabelled: np.ndarray


class Pictures:
    """The whole frames of shards, and their body crops; every batch depends on its random numbers only.

    Args:
        where: Folder of shards.
        body: Body model.
        augment: Strength of photometric changes; 0: pictures as they are, in the middle of a canvas.
    """

    def __init__(self, where: str, body: BodyModel, augment: float = 0.5):
        self.index, self.body, self.augment = ShardIndex(where), body, augment
        self.skeleton = KeypointBody(body)
        kinds = [(s, v, k) for s in range(len(self.index)) for v, k in enumerate(self.index.kinds(s))]
        self.rows = [(s, v) for s, v, _ in kinds]
        self.frames = [row for row, (_, _, k) in enumerate(kinds) if k == FULL]
        self.crops = [row for row, (_, _, k) in enumerate(kinds) if k == "body"]
        if not self.frames:
            found, fix = (
                f"none in {where}",
                "render some: python -m render_synth full_frames=4 body_crops=false",
            )
            raise InputError("whole frames", found, fix)

    def batch(self, rows: list[int], rng: np.random.Generator) -> PictureBatch:
        """The pictures of these rows."""
        views = [self.index.view(*self.rows[r], extras=("depth",)) for r in rows]
        if self.augment:
            width, height = CANVASES[rng.integers(len(CANVASES))]
        else:
            width, height = (-(-max(v.rgb.shape[a] for v in views) // 32) * 32 for a in (1, 0))
        placed = [self._placed(r, v, width, height, rng) for r, v in zip(rows, views, strict=True)]
        return self._joined(placed, width, height)

    def _placed(
        self, row: int, view: ShardView, width: int, height: int, rng: np.random.Generator
    ) -> _Placed:
        camera, rgb = view.camera, view.rgb
        people = everybody(self.index, *self.rows[row], self.body)
        h, w = rgb.shape[:2]
        scale, offset = min(1.0, width / w, height / h), np.zeros(2)
        mirror = False
        if self.augment:
            rgb = photometric(rgb, rng, self.augment)
            scale = min(width / w, height / h) * float(np.exp(rng.uniform(-0.35, 0.45)))
            room = np.array([width - scale * w, height - scale * h])
            offset = room * rng.uniform(0, 1, 2)
            mirror = bool(rng.random() < 0.5)
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]], [0, 0, 1.0]])
        if mirror:
            matrix = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1.0]]) @ matrix
            people = people.mirrored()
        K = matrix @ camera.K
        K[0, 0] = abs(K[0, 0])
        # OpenCV counts from the centre of the first pixel, we count from its corner.
        shifted = matrix[:2].copy()
        shifted[:, 2] += 0.5 * matrix[:2, :2].sum(1) - 0.5
        how = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
        image = cv2.warpAffine(rgb, shifted, (width, height), flags=how)
        depth, mask = (
            cv2.warpAffine(a, shifted, (width, height), flags=cv2.INTER_NEAREST)
            for a in (view.extras.get("depth", np.zeros((h, w), np.float32)), view.mask)
        )
        known = self.index.labels_everybody(self.rows[row][0])
        depth = np.where(mask > 0, depth, 0)[4::8, 4::8]
        unlabelled = np.zeros_like(mask[2::4, 2::4], bool) if known else mask[2::4, 2::4] > 1
        told = told_camera(K, scale * usual_focal(w, h), rng)
        return _Placed(image, float(K[0, 0]), told, people, depth, unlabelled)

    def _joined(self, placed: list[_Placed], width: int, height: int) -> PictureBatch:
        groups = [p.people for p in placed]
        images = torch.from_numpy(np.stack([p.image for p in placed])).permute(0, 3, 1, 2).float() / 127.5 - 1
        camera = torch.tensor([p.told for p in placed], dtype=torch.float32)
        of = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor([len(g.betas) for g in groups]))
        r, betas, scale, pelvis, visible = (
            torch.cat([getattr(g, k) for g in groups]) for k in vars(groups[0])
        )
        with torch.no_grad():
            joints, points = (scale[:, None, None] * x for x in self.skeleton(r, betas))
        focal = torch.tensor([p.focal for p in placed], dtype=torch.float32)[of]
        middle = camera[of, 1:3]
        beyond = points + pelvis[:, None]
        pixels = (
            beyond[..., :2] / beyond[..., 2:].clamp_min(IN_FRONT) * focal[:, None, None] + middle[:, None]
        )
        limits = torch.tensor([width, height], dtype=torch.float32)
        seen = (beyond[..., 2] > IN_FRONT) & (pixels >= 0).all(-1) & (pixels < limits).all(-1)
        far = torch.full_like(pixels, torch.inf)
        low, high = (
            torch.where(seen[..., None], pixels, far).amin(1),
            torch.where(seen[..., None], pixels, -far).amax(1),
        )
        counted = (visible >= LEAST_VISIBLE) & (seen.sum(1) >= LEAST_KEYPOINTS)
        some = seen.any(1, keepdim=True)
        centers = torch.where(some, (low + high) / 2, limits / 2)
        extents = torch.where(some, high - low, torch.ones(2)).amax(1).clamp_min(8.0)
        people = People(r, betas, scale, pelvis, joints, points, pixels, seen, 2 * middle, focal, camera[of])
        depth, unlabelled = (
            torch.from_numpy(np.stack([getattr(p, name) for p in placed])) for name in ("depth", "unlabelled")
        )
        return PictureBatch(
            images, camera, people, of, centers, extents, visible, counted, depth.float(), unlabelled
        )  # fmt: skip


def told_camera(K: Float[np.ndarray, "3 3"], usual: float, rng: np.random.Generator) -> list[float]:
    """Focal length, principal point, deviation: half of the cameras are known, some from EXIF, of others the usual one.

    Args:
        K: Of the picture.
        usual: Focal length of usual lenses for this picture, pixels.
        rng: Random numbers.
    """
    focal, kind = float(K[0, 0]), rng.random()
    if kind < 0.5:
        return [focal, K[0, 2], K[1, 2], 0.0]
    if kind < 0.6:
        return [focal * float(np.exp(EXIF_LOG_STD * rng.normal())), K[0, 2], K[1, 2], EXIF_LOG_STD]
    return [usual, K[0, 2], K[1, 2], USUAL_LOG_STD]
