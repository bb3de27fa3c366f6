"""Held-out numbers during training: the direct head and a few-step sample, in the units users care about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from diffproxy.body import BodyModel
from diffproxy.generator import ProxyGenerator, sample_proxies
from diffproxy.metrics import proxy_scores
from diffproxy.training.config import TrainConfig
from diffproxy.training.dataset import ProxySamples
from diffproxy.training.losses import allowed_labels
from diffproxy.viz import proxy_grid


@torch.no_grad()
def validate(
    generator: ProxyGenerator, data: ProxySamples, body: BodyModel, config: TrainConfig, picture: Path
) -> dict:
    """Part accuracy, foreground IoU and UV error (UV units, mm) over `val_samples`; draws a grid of the first ones."""
    generator.eval()
    palette = body.atlas.palette
    predictions: dict[str, list] = {"dense": [], "sample": []}
    truth, images = [], []
    for i in range(min(config.val_samples, len(data.index))):
        batch = {k: v[None] for k, v in data[i].items()}
        cond = generator.condition(
            batch["images"], batch["K"], batch["R_cam_world"], batch["t_cam_world"], batch["is_hand"]
        )
        truth.append((batch["labels"][0].numpy(), batch["uv"][0].permute(0, 2, 3, 1).numpy()))
        images.append(batch["images"][0])
        if cond.dense_logits is not None:
            allowed = allowed_labels(
                batch["is_hand"][0], palette.body_ids, palette.hand_ids, cond.dense_logits.shape[1]
            )
            labels = cond.dense_logits.float().masked_fill(~allowed[:, :, None, None], -1e4).argmax(1)
            uv = cond.dense_uv.float().clamp(0, 1).permute(0, 2, 3, 1)
            predictions["dense"].append((labels.byte().numpy(), uv.numpy()))
        if config.diffusion_weight:
            predictions["sample"].append(
                sample_proxies(generator, cond, palette, batch["is_hand"][0], seed=i)
            )
    generator.train()
    scores = {}
    for name, maps in predictions.items():
        if maps:
            labels, uv = (np.concatenate([m[k] for m in maps]) for k in (0, 1))
            true_labels, true_uv = (np.concatenate([t[k] for t in truth]) for k in (0, 1))
            result = proxy_scores(labels, uv, true_labels, true_uv, body)
            scores |= {f"{name}_{k}": round(float(v), 4) for k, v in result.items()}
    last = predictions["sample"] or predictions["dense"]
    proxy_grid(images[:6], [t[0] for t in truth[:6]], [m[0] for m in last[:6]], palette, picture)
    return scores
