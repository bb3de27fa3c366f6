"""All losses of one batch, as a function of model, batch and a random generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from diffproxy.body import SurfaceAtlas
from diffproxy.generator import CameraBatch, Conditioning, ProxyGenerator
from diffproxy.generator.network.encoders import MoveNetEncoder
from diffproxy.generator.network.schedule import add_noise, training_target
from diffproxy.training.config import TrainConfig
from diffproxy.training.keypoint_matching import KeypointMatching
from diffproxy.training.losses import allowed_labels, dense_loss, diffusion_loss, scale_loss

COLOR_WIDTH = 0.1  # RGB distance beyond which a decoded colour is no palette colour
PALETTE_WEIGHT = 0.1
UV_WEIGHT = 5.0  # UV errors are about 0.05 where cross-entropy is about 1
SCALE_WEIGHT = 0.1


def proxy_images(
    labels: UInt8[Tensor, "N P P"], uv: Float[Tensor, "N 2 P P"], colors: Float[Tensor, "L 3"]
) -> tuple[Float[Tensor, "N 3 P P"], Float[Tensor, "N 3 P P"]]:
    """Segmentation (palette colours) and UV (u, v, 1) images that the diffusion model learns; background black."""
    seg = colors.to(uv)[labels.long()].permute(0, 3, 1, 2)
    foreground = (labels > 0).to(uv)[:, None]
    return seg, torch.cat([uv * foreground, foreground], 1)


class TrainingObjective(nn.Module):
    """Wraps the generator so that one `forward` gives all losses (what accelerate and DDP expect)."""

    colors: Tensor
    metres_per_uv: Tensor

    def __init__(self, generator: ProxyGenerator, atlas: SurfaceAtlas, config: TrainConfig):
        super().__init__()
        self.generator, self.config = generator, config
        palette = atlas.palette
        self.scheduler = generator.scheduler
        self.body_ids, self.hand_ids = list(palette.body_ids), list(palette.hand_ids)
        self.register_buffer("colors", torch.as_tensor(palette.colors, dtype=torch.float32), persistent=False)
        self.register_buffer("metres_per_uv", torch.as_tensor(atlas.metres_per_uv), persistent=False)
        trained = config.encoder_lr and not config.freeze_conditioning and config.stage == "generator"
        if trained and config.keypoint_matching and isinstance(generator.encoder, MoveNetEncoder):
            self.keypoint_matching: KeypointMatching | None = KeypointMatching()
        else:
            self.keypoint_matching = None

    def condition(self, batch: dict[str, Tensor]) -> Conditioning:
        cameras = CameraBatch.from_arrays(
            batch["K"], batch["R_cam_world"], batch["t_cam_world"], self.generator.config.image_size
        )
        return self.generator.condition(batch["images"], cameras, batch["kinds"])

    def allowed(self, batch: dict[str, Tensor]) -> Bool[Tensor, "N L"]:
        """Labels of the palette of each (flattened) view."""
        is_hand = batch["kinds"].flatten() > 0
        return allowed_labels(is_hand, self.body_ids, self.hand_ids, self.generator.config.num_labels)

    def forward(self, batch: dict[str, Tensor], rngs: Sequence[torch.Generator]) -> dict[str, Tensor]:
        """Losses of a batch of S samples with V views: `total` and its parts, all scalars.

        Args:
            batch: Stacked samples of `ProxySamples`.
            rngs: One random generator for each sample, so that a sample's noise depends on nothing else.
        """
        cfg = self.config
        if cfg.stage == "decoder":
            return self.decoder(batch)
        cond = self.condition(batch)
        losses: dict[str, Tensor] = {}
        total = batch["images"].new_zeros(())
        logits, uv = cond.adapter.dense_logits, cond.adapter.dense_uv
        if cfg.dense_weight and logits is not None and uv is not None and not cfg.freeze_conditioning:
            parts = dense_loss(
                logits, uv, batch["labels"].flatten(0, 1),
                batch["uv"].flatten(0, 1), self.allowed(batch), cfg.foreground_weight, len(batch["labels"]),
            )  # fmt: skip
            losses |= {f"dense_{k}": v for k, v in parts.items()}
            total = total + cfg.dense_weight * (parts["label"] + UV_WEIGHT * parts["uv"])
            if (log_scale := cond.adapter.dense_log_scale) is not None:
                losses["dense_scale"] = scale_loss(
                    log_scale,
                    uv,
                    batch["labels"].flatten(0, 1),
                    batch["uv"].flatten(0, 1),
                    self.metres_per_uv,
                    len(batch["labels"]),
                )
                total = total + cfg.dense_weight * SCALE_WEIGHT * losses["dense_scale"]
        if self.keypoint_matching is not None:
            losses["keypoints"] = self.keypoint_matching(batch["images"].flatten(0, 1), cond.joint_maps)
            total = total + cfg.keypoint_matching * losses["keypoints"]
        if cfg.diffusion_weight:
            if cfg.condition_dropout:
                kept = torch.cat([torch.rand(1, generator=r) for r in rngs]) >= cfg.condition_dropout
                cond = drop_conditioning(cond, kept)
            losses["diffusion"] = self.diffusion(batch, cond, rngs)
            total = total + cfg.diffusion_weight * losses["diffusion"]
        return losses | {"total": total}

    def diffusion(
        self, batch: dict[str, Tensor], cond: Conditioning, rngs: Sequence[torch.Generator]
    ) -> Float[Tensor, ""]:
        """Paper Eq. 1 with the prediction type of the generator; one timestep for all views of a sample."""
        gen, cfg = self.generator, self.config
        S, V = batch["labels"].shape[:2]
        images = torch.stack(
            proxy_images(batch["labels"].flatten(0, 1), batch["uv"].flatten(0, 1), self.colors), 1
        )
        with torch.no_grad():
            x0 = gen.codec.encode(images.flatten(0, 1)).unflatten(0, (S, V, 2))
        noise = torch.stack([torch.randn(x0.shape[1:], generator=r) for r in rngs]).to(x0)
        steps = self.scheduler.config.num_train_timesteps
        u = torch.cat([torch.rand(1, generator=r) for r in rngs])
        t = ((1 - u**cfg.timestep_sampling_power) * steps).long().clamp(0, steps - 1).to(x0.device)
        xt = add_noise(self.scheduler, x0, noise, t)
        prediction, target = gen.denoise(xt, t, cond), training_target(self.scheduler, x0, noise, t)
        near = F.adaptive_max_pool2d((batch["labels"] > 0).float(), x0.shape[-2:])  # (S, V, h, w)
        weight = 1 + (cfg.foreground_weight - 1) * near
        return diffusion_loss(prediction, target, weight[:, :, None, None])

    def decoder(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Reconstruction loss of the codec: L1 of both images, and cross-entropy over the palette's colours."""
        labels, uv = batch["labels"].flatten(0, 1), batch["uv"].flatten(0, 1)
        seg, uv_image = proxy_images(labels, uv, self.colors)
        with torch.no_grad():
            latents = self.generator.codec.encode(torch.cat([seg, uv_image]))
        found, found_uv = self.generator.codec.decode(latents).float().chunk(2)
        near = (found.permute(0, 2, 3, 1)[..., None, :] - self.colors).square().sum(-1)  # (N, P, P, L)
        allowed = self.allowed(batch)[:, None, None]
        logits = (-near / COLOR_WIDTH**2).masked_fill(~allowed, -1e4)
        losses = {
            "seg": (found - seg).abs().mean(),
            "uv": (found_uv - uv_image).abs().mean(),
            "palette": F.cross_entropy(logits.flatten(0, 2), labels.flatten().long()),
        }
        return losses | {"total": losses["seg"] + losses["uv"] + PALETTE_WEIGHT * losses["palette"]}


def drop_conditioning(cond: Conditioning, keep: Bool[Tensor, " G"]) -> Conditioning:
    """Set adapter features and image tokens of groups not in `keep` to zero; prompts and geometry stay."""
    rows = keep.repeat_interleave(cond.views).to(cond.image_tokens.device)
    features = [f * rows[:, None, None, None].to(f.dtype) for f in cond.adapter.features]
    tokens = cond.image_tokens * rows[:, None, None].to(cond.image_tokens.dtype)
    return replace(cond, adapter=replace(cond.adapter, features=features), image_tokens=tokens)
