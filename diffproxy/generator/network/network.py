"""`ProxyGenerator`: the conditional denoiser. One class for `nano` and `sd21`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from diffproxy.generator.coarse_posterior import CoarsePosterior
from diffproxy.generator.codec import PatchCodec, build_codec
from diffproxy.generator.config import MODALITIES, GeneratorConfig
from diffproxy.generator.network.adapter import build_adapter
from diffproxy.generator.network.adapter_output import AdapterOutput, MultiviewBatch
from diffproxy.generator.network.backends import Mask, check_backend, prepare_mask
from diffproxy.generator.network.blocks import ViewContext, wrap_blocks
from diffproxy.generator.network.camera_conditioning import CameraBatch, plucker_rays
from diffproxy.generator.network.encoders import MoveNetEncoder, build_encoder
from diffproxy.generator.network.epipolar import epipolar_mask
from diffproxy.generator.network.schedule import DDIM, make_scheduler, signal_and_noise
from diffproxy.generator.prompts import PromptTable, prompt_ids
from diffproxy.proxies.maps import KINDS
from diffproxy.utils.short_repr import short_repr

M = len(MODALITIES)
BODY = KINDS.index("body")


@dataclass(frozen=True)
class Conditioning:
    """Results that are computed once for G groups of V views and reused for steps, modalities and samples.

    `masks` are made when the UNet first asks for them, since the dense head needs none: those of 24 views take a tenth
    of the seconds that its prediction takes, and 40 MB.
    """

    groups: int
    views: int
    adapter: AdapterOutput  # rows: (group, view)
    image_tokens: Float[Tensor, "N T D"]  # rows: (group, view)
    prompt_ids: Int[Tensor, "N 2"]  # rows: (group, view)
    masks: Callable[[], dict[int, Mask]]  # per latent grid, in the form of the attention backend
    rays: dict[int, Float[Tensor, "G 1 L 6"]]
    joint_maps: dict[str, Tensor] = field(default_factory=dict)  # rows: (group, view); see EncoderOutput

    __repr__ = short_repr


@dataclass(frozen=True)
class PosteriorMoments:
    """Mean and deviation of the coarse posterior in latents, and the UNet's input made of them.

    The UNet predicts the clean latents as `mean + deviation * output`.
    """

    mean: Float[Tensor, "S V 2 C h w"]
    deviation: Float[Tensor, "S V 2 C h w"]
    input: Float[Tensor, "S V 2 2*C h w"]  # the noise if `mean` were correct, and `mean`


class ProxyGenerator(nn.Module):
    """Images and cameras to proxy latents; `codec` turns latents into proxy images. Frozen parts: `config.frozen`.

    Without `denoiser` there is no UNet (`unet` is None): enough for the dense head, and diffusers, whose import takes
    most of the time that a small generator needs to open, is not imported.
    """

    def __init__(self, config: GeneratorConfig, denoiser: bool = True):
        super().__init__()
        check_backend(config.attention.backend)
        self.config = config
        self.codec = build_codec(config)
        self.encoder = build_encoder(config)
        self.adapter = build_adapter(config, self.encoder.pyramid_channels, for_unet=denoiser)
        self.prompts = PromptTable(config.prompt_tokens, config.unet["cross_attention_dim"])
        self.unet: Any = _build_unet(config, self.encoder.token_dim) if denoiser else None
        self.freeze()

    @cached_property
    def scheduler(self) -> DDIM:
        """The noise schedule of training; sampling uses a copy with its own timesteps."""
        return make_scheduler(self.config)

    def freeze(self) -> None:
        """Disable gradients in `config.frozen`; branches and text attention of a frozen UNet stay trainable."""
        for name in self.parts(self.config.frozen):
            getattr(self, name).requires_grad_(False)
        if "unet" in self.parts(self.config.frozen):
            for name, parameter in self.unet.named_parameters():
                parameter.requires_grad_(is_trained_in_unet(name))

    def use_backend(self, name: str) -> None:
        """Compute the epipolar attention by another of `config.BACKENDS`; the result is the same."""
        check_backend(name)
        self.config = self.config.changed({"attention": {"backend": name}})

    def train(self, mode: bool = True) -> ProxyGenerator:
        super().train(mode)
        for name in self.parts(self.config.frozen):
            getattr(self, name).eval()
        return self

    def parts(self, names: Iterable[str]) -> list[str]:
        """Those of the parts `names` that this generator has: all, or all but the UNet."""
        return [name for name in names if name != "unet" or self.unet is not None]

    def condition(
        self,
        images: Float[Tensor, "G V 3 H W"],
        cameras: CameraBatch | None,
        kinds: Int[Tensor, "G V"],
        valid: Bool[Tensor, "G V"] | None = None,
    ) -> Conditioning:
        """Compute everything that does not depend on step and sample.

        Args:
            images: (G, V, 3, H, W) RGB in [0, 1].
            cameras: Cameras of the images; None: every view attends to all of every other.
            kinds: (G, V) ids of `prompts.KINDS`.
            valid: (G, V) real views; padding views are attended by no other. None: all.
        """
        if images.shape[-2:] != (self.config.image_size,) * 2:
            raise ValueError(
                f"images of {tuple(images.shape[-2:])} pixels, config says {self.config.image_size}"
            )
        groups, views = images.shape[:2]
        flat, kinds = images.flatten(0, 1), kinds.flatten()
        # A fine-tuned encoder is no longer among the frozen parts, yet a later training may leave it as it is.
        trained = any(p.requires_grad for p in self.encoder.parameters())
        with torch.set_grad_enabled(torch.is_grad_enabled() and trained):
            if isinstance(self.encoder, MoveNetEncoder):
                encoded = self.encoder(flat, keep=[k == BODY for k in kinds.tolist()])
            else:
                encoded = self.encoder(flat)
        masks, rays = self._view_geometry(cameras, valid, images.device)
        coarsest = self.config.coarsest_grid
        among = MultiviewBatch(
            groups, views, rays.get(coarsest), _valid_mask(valid, coarsest**2, images.device)
        )
        adapter = self.adapter(
            flat, encoded.pyramid, kinds, among if self.config.attention.epipolar else None
        )
        return Conditioning(
            groups, views, adapter, encoded.tokens, prompt_ids(kinds), masks, rays, encoded.joint_maps
        )

    def denoise(
        self,
        latents: Float[Tensor, "S V 2 C h w"],
        t: Int[Tensor, " S"] | Int[Tensor, ""],
        conditioning: Conditioning,
    ) -> Float[Tensor, "S V 2 C h w"]:
        """One evaluation of the UNet.

        Args:
            latents: (S, V, 2, C, h, w), S = G·K rows: sample k of group g is row g·K + k.
            t: (S,) timesteps, or one for all.
            conditioning: Of the G groups.

        Returns:
            The prediction of the kind `config.scheduler["prediction_type"]`, in the shape of `latents`.
        """
        c, samples = conditioning, latents.shape[0] // conditioning.groups
        rows, start = latents, None
        if c.adapter.coarse_posterior is not None:
            start = self._posterior_moments(c.adapter.coarse_posterior.expand(samples, c.groups), latents, t)
            rows = start.input
        rows = rows.flatten(0, 2)

        def spread(x: Tensor) -> Tensor:
            """(group, view) rows to (group, sample, view, modality) rows."""
            x = x.unflatten(0, (c.groups, 1, c.views, 1))
            return x.expand(-1, samples, -1, M, *x.shape[4:]).flatten(0, 3)

        prompts = c.prompt_ids.unflatten(0, (c.groups, 1, c.views)).expand(-1, samples, -1, -1).flatten()
        backend = self.config.attention.backend
        views = ViewContext(c.groups, samples, c.views, M, spread(c.image_tokens), c.masks(), c.rays, backend)
        prediction = self.unet(
            rows,
            t if t.ndim == 0 else t.repeat_interleave(c.views * M),
            self.prompts(prompts).to(rows.dtype),
            class_labels=prompts if self.config.unet.get("num_class_embeds") else None,
            cross_attention_kwargs={"views": views},
            # A new list each time: the UNet empties it. An empty one adds nothing (Table 2's network without adapter).
            down_intrablock_additional_residuals=[spread(f) for f in c.adapter.features],
        ).sample.unflatten(0, latents.shape[:3])
        if start is not None:
            prediction = start.mean + start.deviation * prediction
        return prediction

    def _posterior_moments(
        self,
        coarse: CoarsePosterior,
        latents: Float[Tensor, "S V 2 C h w"],
        t: Int[Tensor, " S"] | Int[Tensor, ""],
    ) -> PosteriorMoments:
        """Moments of `coarse`, whose rows are those of `latents`: (group, sample, view)."""
        codec = self.codec
        assert isinstance(codec, PatchCodec)  # ensured by the configuration
        signal, sigma = signal_and_noise(self.scheduler, t.expand(len(latents)), latents)
        shape = latents.shape[:3]
        noisy = codec.unfold(latents.flatten(0, 2)).unflatten(0, (-1, M))
        each = [x.expand(-1, shape[1], *x.shape[2:]).flatten(0, 1)[..., 0] for x in (signal, sigma)]
        mean, deviation = coarse.posterior(noisy, *each)
        moments = mean, deviation.expand_as(mean)
        mean, deviation = (codec.fold(x.flatten(0, 1)).unflatten(0, shape) for x in moments)
        return PosteriorMoments(mean, deviation, torch.cat([(latents - signal * mean) / sigma, mean], 3))

    def _view_geometry(
        self,
        cameras: CameraBatch | None,
        valid: Bool[Tensor, "G V"] | None,
        device: torch.device,
    ) -> tuple[Callable[[], dict[int, Mask]], dict[int, Tensor]]:
        attention = self.config.attention
        if not attention.epipolar:
            return dict, {}
        scene = cameras.in_scene_frame(valid) if cameras is not None else None
        rays: dict[int, Tensor] = {}
        if scene is not None:
            # The adapter's layers over all views need the rays of its coarsest map, with or without a branch there.
            with torch.no_grad():
                for n in {*attention.epipolar_grids, self.config.coarsest_grid}:
                    rays[n] = plucker_rays(scene, n).flatten(1, 2)[:, None].to(device)

        @cache
        @torch.no_grad()
        def masks() -> dict[int, Mask]:
            made: dict[int, Mask] = {}
            for n in attention.epipolar_grids:
                if scene is not None and n > attention.dense_below:
                    made[n] = prepare_mask(epipolar_mask(scene, n, valid, device), attention.backend)
                elif (mask := _valid_mask(valid, n * n, device)) is not None:
                    made[n] = prepare_mask(mask, attention.backend)
            return made

        return masks, rays


def _build_unet(config: GeneratorConfig, token_dim: int) -> nn.Module:
    """The UNet of diffusers with the branches of `config.attention`, random weights."""
    from diffusers import UNet2DConditionModel

    unet: Any = UNet2DConditionModel(**config.unet)
    wrap_blocks(unet, config.attention, token_dim)
    if config.adapter == "pyramid" and config.adapter_args.get("draft") == "posterior":
        for parameter in unet.conv_out.parameters():
            nn.init.zeros_(parameter)
    return unet


def _valid_mask(
    valid: Bool[Tensor, "G V"] | None, cells: int, device: torch.device
) -> Bool[Tensor, "G 1 L L"] | None:
    """Every token may attend to those of valid views and of its own view; None: to all."""
    if valid is None:
        return None
    own = torch.eye(valid.shape[1], dtype=torch.bool, device=device)
    allowed = (valid.to(device)[:, None] | own).repeat_interleave(cells, 1)
    return allowed.repeat_interleave(cells, 2)[:, None]


def is_trained_in_unet(name: str) -> bool:
    """Whether a parameter of a frozen UNet is trained: new branches and text cross-attention (paper)."""
    branch = any(f".{b}." in name for b in ("epipolar", "cross_modality", "image"))
    return branch or ".block.attn2." in name or ".block.norm2." in name


def build_generator(config: GeneratorConfig) -> ProxyGenerator:
    """A generator with random weights; for `efficientnet_lite0`, call `encoder.net.load_imagenet()` before training."""
    return ProxyGenerator(config)
