"""Held-out numbers during training: the direct head and a sample, in the units users care about."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from diffproxy.body import BodyModel, Palette
from diffproxy.generator import Conditioning
from diffproxy.metrics.proxies import proxy_scores
from diffproxy.proxies.codec import decode_rgb
from diffproxy.proxies.maps import KINDS
from diffproxy.training.dataset import ProxySamples
from diffproxy.training.step import TrainingObjective

Maps = tuple[UInt8[np.ndarray, "V P P"], Float[np.ndarray, "V P P 2"]]


def direct_maps(objective: TrainingObjective, batch: dict[str, Tensor], cond: Conditioning) -> Maps:
    """Labels and UV of the adapter's dense head, each view within its own palette."""
    adapter = cond.adapter
    assert adapter.dense_logits is not None and adapter.dense_uv is not None  # the caller looked
    logits = adapter.dense_logits.float().masked_fill(~objective.allowed(batch)[:, :, None, None], -1e4)
    uv = adapter.dense_uv.float().clamp(0, 1).permute(0, 2, 3, 1)
    return logits.argmax(1).byte().cpu().numpy(), uv.cpu().numpy()


def sampled_maps(
    objective: TrainingObjective, batch: dict[str, Tensor], cond: Conditioning, palette: Palette, seed: int
) -> Maps:
    """One sample with the configured number of steps."""
    gen, scheduler = objective.generator, objective.scheduler
    V, c = batch["labels"].shape[1], gen.config
    shape = (1, V, 2, c.latent_channels, c.latent_grid, c.latent_grid)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(batch["images"])
    scheduler.set_timesteps(max(1, c.steps))
    for t in scheduler.timesteps:
        output = gen.denoise(latents, t.to(latents.device), cond).float()
        latents = scheduler.step(output, t, latents).prev_sample
    rgb = gen.codec.decode(latents.flatten(0, 2)).float().cpu().unflatten(0, (V, 2))
    labels, uv = [], []
    for v, kind in enumerate(batch["kinds"][0].tolist()):
        one = decode_rgb(rgb[v : v + 1, 0], rgb[v : v + 1, 1], palette, KINDS[kind])
        labels.append(np.asarray(one[0])[0])
        uv.append(np.asarray(one[1])[0])
    return np.stack(labels), np.stack(uv)


@torch.no_grad()
def validate(
    objective: TrainingObjective, data: ProxySamples, body: BodyModel, limit: int, picture: Path
) -> dict:
    """Scores over `limit` held-out samples, for the dense head (`dense_`) and for samples (`sample_`); draws a grid."""
    objective.eval()
    truth: list[Maps] = []
    predictions: dict[str, list[Maps]] = {"dense": [], "sample": []}
    images = []
    for i in range(min(limit, len(data.index))):
        batch = {k: v[None].to(objective.colors.device) for k, v in data[i].items()}
        cond = objective.condition(batch)
        truth.append((batch["labels"][0].cpu().numpy(), batch["uv"][0].permute(0, 2, 3, 1).cpu().numpy()))
        images.append(batch["images"][0].cpu())
        if cond.adapter.dense_logits is not None:
            predictions["dense"].append(direct_maps(objective, batch, cond))
        if objective.config.diffusion_weight:
            predictions["sample"].append(sampled_maps(objective, batch, cond, body.atlas.palette, seed=i))
    objective.train()
    scores: dict[str, float] = {}
    for name, maps in predictions.items():
        if maps:
            labels, uv = (np.concatenate([m[k] for m in maps]) for k in (0, 1))
            true_labels, true_uv = (np.concatenate([m[k] for m in truth]) for k in (0, 1))
            result = proxy_scores(labels, uv, true_labels, true_uv, body)
            scores |= {f"{name}_{k}": round(float(v), 4) for k, v in result.items()}
    last = predictions["sample"] or predictions["dense"]
    colors = objective.colors.cpu().numpy()
    rows = [grid_row(images[i], truth[i], last[i], colors) for i in range(min(6, len(truth)))]
    picture.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(picture), np.concatenate(rows)[..., ::-1])
    return scores


def grid_row(
    images: Float[Tensor, "V 3 S S"], truth: Maps, predicted: Maps, colors: Float[np.ndarray, "L 3"]
) -> np.ndarray:
    """Per view: image, true labels, predicted labels, predicted UV, side by side; views in a row."""
    cells, side = [], images.shape[-1]
    for v in range(images.shape[0]):
        rgb = (images[v].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        (t, _), (p, uv) = truth, predicted
        uv_rgb = np.concatenate([uv[v], np.ones_like(uv[v][..., :1])], -1) * (p[v] > 0)[..., None]
        maps = [(m * 255).astype(np.uint8) for m in (colors[t[v]], colors[p[v]], uv_rgb)]
        big = [cv2.resize(m, (side, side), interpolation=cv2.INTER_NEAREST) for m in maps]
        cells.append(np.concatenate([np.concatenate([rgb, big[0]], 1), np.concatenate(big[1:], 1)]))
    return np.concatenate(cells, 1)
