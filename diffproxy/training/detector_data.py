"""Full-frame views as training samples of the person detector: letterboxed image, person centres, sizes and mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from diffproxy.datasets.shards import ShardIndex
from diffproxy.detector.model import INPUT_SIZE, STRIDE
from diffproxy.training.photometric import photometric
from diffproxy.training.warp import Similarity, warp_image, warp_nearest

GRID = INPUT_SIZE // STRIDE
MIN_SIDE = 6  # pixels of the letterboxed input; smaller people are left out of the loss


@dataclass(frozen=True)
class Targets:
    """Targets of the network on the stride-8 grid. `valid` marks the cells that regress a box."""

    heat: Float[np.ndarray, "G G"]
    mask: Float[np.ndarray, "G G"]
    size: Float[np.ndarray, "2 G G"]
    offset: Float[np.ndarray, "2 G G"]
    valid: Float[np.ndarray, "G G"]


def make_targets(people: UInt8[np.ndarray, "S S"]) -> Targets:
    """Targets from a map with one value per person (0 = nobody) at input resolution."""
    heat, size = np.zeros((GRID, GRID), np.float32), np.zeros((2, GRID, GRID), np.float32)
    offset, valid = np.zeros((2, GRID, GRID), np.float32), np.zeros((GRID, GRID), np.float32)
    centers = (np.arange(GRID) + 0.5) * STRIDE
    for value in np.unique(people[people > 0]):
        rows, cols = np.nonzero(people == value)
        y0, y1, x0, x1 = rows.min(), rows.max() + 1, cols.min(), cols.max() + 1
        w, h = x1 - x0, y1 - y0
        if max(w, h) < MIN_SIDE:
            continue
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        sigma = max(STRIDE * 0.7, 0.08 * max(w, h))
        bump = np.exp(-((centers[None] - cx) ** 2 + (centers[:, None] - cy) ** 2) / (2 * sigma**2))
        i, j = min(int(cy // STRIDE), GRID - 1), min(int(cx // STRIDE), GRID - 1)
        bump[i, j] = 1.0
        near = (bump > 0.4) & (bump >= heat)
        heat = np.maximum(heat, bump.astype(np.float32))
        size[:, near] = np.array([[w], [h]]) / INPUT_SIZE
        offset[0][near] = (cx - np.broadcast_to(centers[None], (GRID, GRID))[near]) / INPUT_SIZE
        offset[1][near] = (cy - np.broadcast_to(centers[:, None], (GRID, GRID))[near]) / INPUT_SIZE
        valid[near] = 1
    mask = (people > 0).astype(np.float32).reshape(GRID, STRIDE, GRID, STRIDE).mean((1, 3))
    return Targets(heat, mask, size, offset, valid)


def separate_bystanders(people: UInt8[np.ndarray, "S S"]) -> UInt8[np.ndarray, "S S"]:
    """Give each bystander an id from 2. Shards of version 1 have 2 for all of them; there, each connected component is
    one.
    """
    if people.max() > 2:
        return people
    _, parts = cv2.connectedComponents((people == 2).astype(np.uint8))
    return np.where(people == 1, 1, np.where(parts > 0, np.minimum(parts + 1, 255), 0)).astype(np.uint8)


class LocatorSamples(Dataset):
    """`self[i]` depends on (seed, i) only: image (3,S,S) in [0,1] and the fields of `Targets`."""

    def __init__(self, shards: str | Path, seed: int = 0, augment: bool = True, length: int = 2**31):
        self.index, self.seed, self.augment = ShardIndex(shards), seed, augment
        self.views = [
            (s, j) for s in range(len(self.index)) for j, k in enumerate(self.index.kinds(s)) if k == "full"
        ]
        self.length = length if augment else len(self.views)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, i])
        sample, j = self.views[int(rng.integers(len(self.views))) if self.augment else i]
        view = self.index.view(sample, j)
        long_side = max(view.rgb.shape[:2])
        zoom, angle, shift = 1.0, 0.0, np.zeros(2)
        if self.augment:
            zoom, angle = float(np.exp(rng.uniform(-0.35, 0.6))), float(np.radians(rng.normal(0, 6)))
            shift = rng.uniform(-0.15, 0.15, 2)
        pad = np.zeros((long_side, long_side, 3), np.uint8)
        pad[: view.rgb.shape[0], : view.rgb.shape[1]] = view.rgb
        people = np.zeros((long_side, long_side), np.uint8)
        people[: view.mask.shape[0], : view.mask.shape[1]] = view.mask
        warp = Similarity.of_square(np.full(2, long_side / 2), long_side / zoom, INPUT_SIZE, angle, shift)
        image = warp_image(pad, warp, INPUT_SIZE)
        people = separate_bystanders(warp_nearest((people,), warp, INPUT_SIZE)[0])
        if self.augment:
            if rng.random() < 0.5:
                image, people = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(people[:, ::-1])
            image = photometric(image, rng)
        out = {k: torch.from_numpy(v) for k, v in vars(make_targets(people)).items()}
        return out | {"image": torch.from_numpy(image).permute(2, 0, 1).float() / 255}
