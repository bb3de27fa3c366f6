"""Shards as an endless, random-access stream of augmented samples: item i depends on (seed, i) only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from diffproxy.body import BodyModel
from diffproxy.cameras import stack_cameras
from diffproxy.datasets.shards import ShardIndex
from diffproxy.generator.prompts import kind_ids
from diffproxy.proxies.flip import flip_table
from diffproxy.proxies.maps import Kind
from diffproxy.training.augment import View, augment_view, draw_shown
from diffproxy.training.config import AugmentConfig

# Held-out views: cropped as the pipeline crops, without other augmentation.
EVAL_AUGMENTATION = AugmentConfig(
    crop_scale=(1.2, 1.2), keep_crop=0, shift=0, roll_deg=0, uniform_roll=0, photometric=0, flip=0
)


@dataclass(frozen=True)
class SampleConfig:
    """What samples of training look like."""

    image_size: int  # side of the crops, pixels
    proxy_size: int  # side of the proxy maps, pixels
    views: int = 4  # per sample (paper §4.1)
    hands: bool = True  # beyond 2 to 4 body views, use hand crops
    hand_cameras: str = "any"  # "body": hand crops of the cameras of the chosen body views (paper §3.2)
    seed: int = 0


class ProxySamples(Dataset):
    """`self[i]` is one subject with V views: 2 to 4 body views, the rest hand crops of the same subject.

    Tensors: images (V,3,S,S) in [0,1], labels (V,p,p) uint8, uv (V,2,p,p) float32 in [0,1], K (V,3,3), R_cam_world
    (V,3,3), t_cam_world (V,3), kinds (V,) ids of `proxies.maps.KINDS`.
    """

    def __init__(
        self,
        shards: str | Path,
        body: BodyModel,
        config: SampleConfig,
        augment: AugmentConfig | None,
        length: int = 2**31,
    ):
        self.where, self.index = str(shards), ShardIndex(shards)
        self.config, self.augment, self.length = config, augment, length
        self.flip_table, self.names = flip_table(body), body.atlas.palette.names

    def __len__(self) -> int:
        return self.length

    def slots(self, sample: int, rng: np.random.Generator) -> list[int]:
        """Indices of the stored views of one sample."""
        kinds = self.index.kinds(sample)
        body = [i for i, k in enumerate(kinds) if k == "body"]
        hand = [i for i, k in enumerate(kinds) if k in ("left_hand", "right_hand")]
        n = self.config.views
        n_body = int(rng.integers(min(2, n), n + 1)) if hand and self.config.hands else n
        chosen = list(rng.permutation(body)[:n_body])
        if self.config.hand_cameras == "body":
            places = self.index.camera_places(sample)
            hand = [i for i in hand if any(np.array_equal(places[i], places[j]) for j in chosen)]
        chosen += list(rng.permutation(hand)[: n - n_body])
        while len(chosen) < n:  # too few views: some are used twice, with different augmentation
            chosen.append(int(rng.choice(body)))
        return [int(i) for i in chosen]

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        cfg = self.config
        rng = np.random.default_rng([cfg.seed, i])
        sample = int(rng.integers(len(self.index))) if self.augment else i % len(self.index)
        kinds = self.index.kinds(sample)
        chosen = (
            self.slots(sample, rng)
            if self.augment
            else [j for j, k in enumerate(kinds) if k == "body"][: cfg.views]
        )
        augment = self.augment or EVAL_AUGMENTATION
        flip = self.flip_table if rng.random() < augment.flip else None
        cut = rng.random() < augment.cut
        shown = draw_shown(rng, self.names) if cut else None
        views = []
        for j in chosen:
            v = self.index.view(sample, j)
            view = View(v.rgb, v.labels, v.uv, v.camera, cast(Kind, v.kind))
            cut_view = cut and v.kind == "body"
            views.append(
                augment_view(view, rng, augment, cfg.image_size, cfg.proxy_size, flip, cut_view, shown)
            )
        return collate_views(views)


def collate_views(views: list[View]) -> dict[str, Tensor]:
    """V views of one sample as tensors (see `ProxySamples`)."""
    K, R, t = stack_cameras([v.camera for v in views])
    return {
        "images": torch.from_numpy(np.stack([v.image for v in views])).permute(0, 3, 1, 2).float() / 255,
        "labels": torch.from_numpy(np.stack([v.labels for v in views])),
        "uv": torch.from_numpy(np.stack([v.uv for v in views])).permute(0, 3, 1, 2).float().contiguous(),
        "K": torch.from_numpy(K).float(),
        "R_cam_world": torch.from_numpy(R).float(),
        "t_cam_world": torch.from_numpy(t).float(),
        "kinds": kind_ids([v.kind for v in views]),
    }
