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
from diffproxy.datasets.photometric import photometric
from diffproxy.datasets.shards import FULL, ShardIndex
from diffproxy.single_view.focal_length import EXIF_LOG_STD, USUAL_LOG_STD, usual_focal
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.training.data import IN_FRONT, People
from diffproxy.single_view.training.whole_picture.compose import UNLABELLED, compose
from diffproxy.single_view.training.whole_picture.everybody import Everybody, everybody
from diffproxy.utils.errors import InputError

CANVASES = ((384, 288), (288, 384), (384, 224), (352, 352))
"""Width and height of the pictures of a batch."""
LEAST_VISIBLE = 0.15
"""Share of a person that must be seen; of others nothing is said, neither that they are there nor that they are not."""
COMPOSED = -1
"""In place of a row: a picture of people out of crops."""
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
        depth: Of the pelvis of who is seen at each cell of stride 8, metres; 0 for nobody.
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
    owner: np.ndarray
    """Whose each pixel is: 0 nobody, row of the people plus 1, `UNLABELLED`."""
    K: np.ndarray
    usual_focal: float
    people: Everybody

    def mirrored(self) -> _Placed:
        """The picture in a mirror."""
        K = self.K.copy()
        K[0, 2] = self.image.shape[1] - K[0, 2]
        image, owner = (np.ascontiguousarray(a[:, ::-1]) for a in (self.image, self.owner))
        return _Placed(image, owner, K, self.usual_focal, self.people.mirrored())

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Depths of the people at stride 8, and where people without labels are at stride 4."""
        depths = np.zeros(256, np.float32)
        depths[1 : 1 + len(self.people.pelvis)] = self.people.pelvis[:, 2].numpy().clip(0)
        return depths[self.owner[4::8, 4::8]], self.owner[2::4, 2::4] == UNLABELLED


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
        """The pictures of these rows; of `COMPOSED`, a new one of people out of crops."""
        if self.augment:
            width, height = CANVASES[rng.integers(len(CANVASES))]
        else:
            cameras = [self.index.meta(s)["views"][v]["camera"] for s, v in (self.rows[r] for r in rows)]
            width, height = (-(-max(c[side] for c in cameras) // 32) * 32 for side in ("width", "height"))
        crops = [self.rows[r] for r in self.crops]
        placed = []
        for row in rows:
            if row == COMPOSED:
                image, owner, K, people = compose(self.index, crops, self.body, width, height, rng)
                picture = _Placed(
                    photometric(image, rng, self.augment), owner, K, usual_focal(width, height), people
                )
            else:
                picture = self._placed(row, width, height, rng)
            placed.append(picture.mirrored() if self.augment and rng.random() < 0.5 else picture)
        told = [told_camera(p.K, p.usual_focal, rng) for p in placed]
        return _joined(placed, told, self.skeleton)

    def _placed(self, row: int, width: int, height: int, rng: np.random.Generator) -> _Placed:
        """A stored picture on a canvas, scaled and shifted."""
        sample, number = self.rows[row]
        view, people = self.index.view(sample, number), everybody(self.index, sample, number, self.body)
        rgb, owner = view.rgb, view.mask
        if not self.index.labels_everybody(sample):
            owner = np.where(owner > 1, UNLABELLED, owner).astype(np.uint8)
        h, w = rgb.shape[:2]
        scale, offset = min(1.0, width / w, height / h), np.zeros(2)
        if self.augment:
            rgb = photometric(rgb, rng, self.augment)
            scale = min(width / w, height / h) * float(np.exp(rng.uniform(-0.35, 0.45)))
            offset = np.array([width - scale * w, height - scale * h]) * rng.uniform(0, 1, 2)
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]], [0, 0, 1.0]])
        # OpenCV counts from the centre of the first pixel, we count from its corner.
        shifted = matrix[:2] + np.array([[0, 0, 0.5 * scale - 0.5]])
        how = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
        image = cv2.warpAffine(rgb, shifted, (width, height), flags=how)
        owner = cv2.warpAffine(owner, shifted, (width, height), flags=cv2.INTER_NEAREST)
        return _Placed(image, owner, matrix @ view.camera.K, scale * usual_focal(w, h), people)


def _joined(placed: list[_Placed], told: list[list[float]], skeleton: KeypointBody) -> PictureBatch:
    """A batch of pictures of one size."""
    height, width = placed[0].owner.shape
    groups = [p.people for p in placed]
    images = torch.from_numpy(np.stack([p.image for p in placed])).permute(0, 3, 1, 2).float() / 127.5 - 1
    camera = torch.tensor(told, dtype=torch.float32)
    of = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor([len(g.betas) for g in groups]))
    r, betas, scale, pelvis, visible = (torch.cat([getattr(g, k) for g in groups]) for k in vars(groups[0]))
    with torch.no_grad():
        joints, points = (scale[:, None, None] * x for x in skeleton(r, betas))
    focal = torch.tensor([p.K[0, 0] for p in placed], dtype=torch.float32)[of]
    middle = camera[of, 1:3]
    beyond = points + pelvis[:, None]
    pixels = beyond[..., :2] / beyond[..., 2:].clamp_min(IN_FRONT) * focal[:, None, None] + middle[:, None]
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
        torch.from_numpy(np.stack(maps)) for maps in zip(*(p.maps() for p in placed), strict=True)
    )
    return PictureBatch(
        images, camera, people, of, centers, extents, visible, counted, depth, unlabelled
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
