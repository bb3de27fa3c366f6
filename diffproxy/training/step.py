"""One training step's loss, as a pure function of model, batch and a random generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diffproxy.body import Palette
from diffproxy.generator import ProxyGenerator
from diffproxy.proxies import encode_labels_rgb
from diffproxy.training.config import TrainConfig
from diffproxy.training.losses import allowed_labels, dense_loss, diffusion_loss


class TrainingObjective(nn.Module):
    """Wraps the generator so that one `forward` gives all losses (what accelerate and DDP expect)."""

    def __init__(self, generator: ProxyGenerator, palette: Palette, config: TrainConfig):
        super().__init__()
        self.generator, self.config, self.palette = generator, config, palette

    def forward(self, batch: dict[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
        """Losses of a batch of S samples with V slots: `total` plus its parts, all scalars."""
        cfg, gen = self.config, self.generator
        with torch.set_grad_enabled(torch.is_grad_enabled() and not cfg.freeze_conditioning):
            cond = gen.condition(
                batch["images"], batch["K"], batch["R_cam_world"], batch["t_cam_world"], batch["is_hand"]
            )
        losses: dict[str, Tensor] = {}
        total = batch["images"].new_zeros(())
        labels, uv = batch["labels"].flatten(0, 1), batch["uv"].flatten(0, 1)
        if cfg.dense_weight and cond.dense_logits is not None and not cfg.freeze_conditioning:
            allowed = allowed_labels(
                batch["is_hand"].flatten(),
                self.palette.body_ids,
                self.palette.hand_ids,
                cond.dense_logits.shape[1],
            )
            parts = dense_loss(cond.dense_logits, cond.dense_uv, labels, uv, allowed, cfg.foreground_weight)
            losses |= {f"dense_{k}": v for k, v in parts.items()}
            total = total + cfg.dense_weight * (parts["label"] + 5.0 * parts["uv"])
        if cfg.diffusion_weight:
            losses["diffusion"] = self.diffusion(batch, cond, rng)
            total = total + cfg.diffusion_weight * losses["diffusion"]
        losses["total"] = total
        return losses

    def diffusion(self, batch: dict[str, Tensor], cond: object, rng: torch.Generator) -> Tensor:
        """Paper Eq. 1 with the generator's own prediction type; the same t for all views of a sample."""
        gen, cfg = self.generator, self.config
        S, V = batch["labels"].shape[:2]
        seg, uv = encode_labels_rgb(batch["labels"].flatten(0, 1), batch["uv"].flatten(0, 1), self.palette)
        x0 = gen.encode(torch.stack([seg, uv], 1).unflatten(0, (S, V)))  # (S, V, 2, C, h, w)
        noise = torch.randn(x0.shape, generator=rng).to(x0)
        u = torch.rand(S, generator=rng).to(x0.device)
        steps = gen.schedule.num_train_timesteps
        t = ((1 - u**cfg.t_power) * steps).long().clamp(0, steps - 1)
        noisy = gen.schedule.add_noise(x0, noise, t)
        prediction = gen.denoise(noisy, t, cond)
        foreground = (batch["labels"] > 0).float()[:, :, None, None]
        weight = 1 + (cfg.foreground_weight - 1) * nn.functional.adaptive_max_pool2d(
            foreground[:, :, 0], x0.shape[-2:]
        )
        return diffusion_loss(prediction, gen.schedule.target(x0, noise, t), weight[:, :, None])
