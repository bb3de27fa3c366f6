"""Validation during training: part accuracy, surface error and body error (mm) on held-out subjects."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.generator import DiffProxyPipeline
from diffproxy.generator.pipeline import Precision
from diffproxy.metrics.points import body_errors
from diffproxy.metrics.proxies import proxy_scores
from diffproxy.proxies.maps import KINDS, ProxyMaps
from diffproxy.training.config import TrainConfig
from diffproxy.training.dataset import ProxySamples
from diffproxy.training.step import TrainingObjective
from diffproxy.utils.errors import InputError
from diffproxy.visualization.maps import draw_labels, draw_uv
from diffproxy.visualization.sheet import contact_sheet

DRAWN = 6  # subjects in the image
STEPS = 4  # denoising steps of a sample, where the default is the dense head
NOISES = 4  # draws of time and noise for the loss of one subject, the same for every network


def validate(
    objective: TrainingObjective, data: ProxySamples, body: BodyModel, config: TrainConfig
) -> tuple[dict[str, float], UInt8[np.ndarray, "Hs Ws 3"]]:
    """Scores over `config.val_samples` held-out subjects.

    Returns:
        The scores, and an image of the first subjects. `dense_*`: the dense head, if there is one; `sample_*`: one
        sample with the configured number of steps, once the UNet is trained, and `sample_loss`, its training loss at
        fixed times and noise; `*_mpjpe`, `*_mpvpe` (mm): bodies fitted to the proxies of the first `config.val_fit`
        subjects.
    """
    precision: Precision = "fp32" if config.precision == "no" else "auto"
    generator = objective.generator
    pipe = DiffProxyPipeline(generator, body.atlas.palette, precision, channels_last=config.channels_last)
    modes = {"dense": 0} if generator.config.adapter == "pyramid" else {}
    if config.diffusion_weight:
        modes["sample"] = generator.config.steps or STEPS
    truth: list[ProxyMaps] = []
    found: dict[str, list[ProxyMaps]] = {name: [] for name in modes}
    errors: dict[str, list[dict[str, float]]] = {name: [] for name in modes}
    tiles: list[list[list[np.ndarray]]] = []
    losses: list[float] = []
    for i in range(min(config.val_samples, len(data.index))):
        item = data[i]
        exact, cameras = exact_maps(item), crop_cameras(item)
        truth.append(exact)
        if "sample" in modes:
            losses += diffusion_losses(objective, item, i)
        for name, steps in modes.items():
            noise = torch.Generator().manual_seed(i)
            maps = pipe(item["images"].to(pipe.device), cameras, exact.kind, steps, 1, noise).proxies
            found[name].append(maps)
            if i < config.val_fit:
                errors[name].append(fit_errors(maps, body, data, i))
        if i < DRAWN and modes:
            tiles.append(rows(item, exact, found[list(modes)[-1]][-1], body))
    objective.train()
    scores: dict[str, float] = {"sample_loss": round(float(np.mean(losses)), 5)} if losses else {}
    for name, drawn in found.items():
        labels, uv = np.concatenate([m.labels for m in drawn]), np.concatenate([m.uv for m in drawn])
        true_labels, true_uv = (
            np.concatenate([m.labels for m in truth]),
            np.concatenate([m.uv for m in truth]),
        )
        result = proxy_scores(labels, uv, true_labels, true_uv, body)
        scores |= {f"{name}_{k}": round(float(v), 4) for k, v in result.items()}
        for key in ("mpjpe", "mpvpe"):
            if fitted := [e[key] for e in errors[name] if key in e]:
                scores[f"{name}_{key}"] = round(float(np.mean(fitted)), 1)
        if errors[name]:
            scores[f"{name}_unfitted"] = sum(not e for e in errors[name])
    return scores, sheet(tiles)


@torch.no_grad()
def diffusion_losses(objective: TrainingObjective, item: dict[str, Tensor], seed: int) -> list[float]:
    """Diffusion loss of one subject for `NOISES` draws of time and noise, which depend on `seed` only."""
    batch = {k: v[None].to(objective.colors.device) for k, v in item.items()}
    cond = objective.condition(batch)
    draws = [torch.Generator().manual_seed(NOISES * seed + k) for k in range(NOISES)]
    return [float(objective.diffusion(batch, cond, [rng])) for rng in draws]


def crop_cameras(item: dict[str, Tensor]) -> list[Camera]:
    """Cameras of the crops of one sample."""
    size = item["images"].shape[-1]
    K, R, t = (item[k].double().numpy() for k in ("K", "R_cam_world", "t_cam_world"))
    return [Camera(f"view{v}", size, size, K[v], R[v], t[v]) for v in range(len(K))]


def exact_maps(item: dict[str, Tensor]) -> ProxyMaps:
    """The true proxies of one item of `ProxySamples`, with the cameras of its crops."""
    labels, uv = item["labels"].numpy(), item["uv"].permute(0, 2, 3, 1).contiguous().numpy()
    size = labels.shape[-1]
    whole = [c.resize(size, size) for c in crop_cameras(item)]
    kinds = tuple(KINDS[k] for k in item["kinds"].tolist())
    return ProxyMaps(labels, uv, (labels > 0).astype(np.float32), kinds, tuple(whole))


def fit_errors(maps: ProxyMaps, body: BodyModel, data: ProxySamples, i: int) -> dict[str, float]:
    """Errors in mm of the body fitted to the proxies of subject i; empty without a body."""
    from diffproxy.fitting import fit

    try:
        result = fit(maps, body)
    except InputError:  # an untrained network may sample images that are no proxies
        return {}
    if not result.has_body:
        return {}
    with torch.no_grad():
        true, got = body(data.index.params(i % len(data.index))), body(result.params)
    points = got.joints, true.joints, got.vertices, true.vertices
    return {k: float(v[0]) for k, v in body_errors(*(p.numpy() for p in points)).items()}


def rows(
    item: dict[str, Tensor], exact: ProxyMaps, found: ProxyMaps, body: BodyModel
) -> list[list[UInt8[np.ndarray, "_ _ 3"]]]:
    """Image, true labels, predicted labels, predicted UV: four rows of V tiles."""
    images = (item["images"].permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    palette = body.atlas.palette
    return [
        list(images),
        [draw_labels(m, palette) for m in exact.labels],
        [draw_labels(m, palette) for m in found.labels],
        [draw_uv(m, c) for m, c in zip(found.labels, found.uv, strict=True)],
    ]


def sheet(subjects: list[list[list[np.ndarray]]]) -> UInt8[np.ndarray, "Hs Ws 3"]:
    """Rows of tiles below each other; cells of missing views are empty."""
    lines = [line for subject in subjects for line in subject]
    if not lines:
        return np.zeros((1, 1, 3), np.uint8)
    columns = max(len(line) for line in lines)
    empty = np.zeros((8, 8, 3), np.uint8)
    return contact_sheet(
        [t for line in lines for t in line + [empty] * (columns - len(line))], None, columns, 128
    )
