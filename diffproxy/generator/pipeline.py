"""`ProxyPipeline`: cropped images and their cameras in, `ProxyMaps` out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.generator.checkpoint import hub_folder, load_saved_generator, save_generator
from diffproxy.generator.codec import kind_ids
from diffproxy.generator.config import MODALITIES
from diffproxy.generator.inputs import check_inputs
from diffproxy.generator.network.camera_conditioning import CameraBatch
from diffproxy.generator.network.network import Conditioning, ProxyGenerator
from diffproxy.generator.network.schedule import make_scheduler
from diffproxy.proxies.aggregate import aggregate_samples, maps_from_samples, vote_samples
from diffproxy.proxies.codec import decode_rgb
from diffproxy.proxies.flip import MIRROR_KIND, MirrorTable, mirror_camera
from diffproxy.proxies.interfaces import palette_ids
from diffproxy.proxies.maps import Kind, ProxyMaps
from diffproxy.utils.errors import InputError

PACKAGED = Path(__file__).parent / "weights"
Precision = Literal["auto", "fp32", "bf16"]


class ProxyPipeline:
    """Sampling with a trained generator. `precision="auto"`: bfloat16 where the processor computes in it."""

    def __init__(
        self,
        generator: ProxyGenerator,
        palette: Any,
        precision: Precision = "auto",
        channels_last: bool = True,
    ):
        self.generator = generator.eval()
        if channels_last:  # torch's stubs do not know the argument
            self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.palette = palette
        self.autocast = precision == "bf16" or (precision == "auto" and computes_in_bf16(self.device))

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def to(self, device: torch.device | str) -> ProxyPipeline:
        self.generator.to(device)
        return self

    @torch.inference_mode()
    def __call__(
        self,
        images: Float[Tensor, "V 3 H W"],
        cameras: Sequence[Camera],
        kinds: Sequence[Kind],
        samples: int = 1,
        steps: int | None = None,
        seed: int = 0,
        mirror: MirrorTable | None = None,
    ) -> ProxyMaps:
        """Proxies of V views of one subject. `images` are square RGB crops in [0, 1] as seen by pinhole `cameras`.

        `samples` > 1 draws that many from the noise and aggregates them as `config.sample_weights` says: by paper
        Eq. 2-5, or by votes. `steps` is the number of denoising steps (default: the config's); 0 takes the adapter's
        direct prediction, without diffusion. Weight of a foreground pixel: of several samples their agreement, or the
        share that voted for its label; of one sample 1, as in the paper; of the direct prediction, in which nothing
        is random, the probability of its label (see `direct`).
        With `mirror` (`mirror_table(body)`) every view is seen mirrored as well, which evens out left-right mistakes:
        twice the samples, or the mean of two direct predictions.
        """
        check_inputs(images, cameras, kinds, samples, steps)
        steps = self.generator.config.steps if steps is None else steps
        size = self.generator.config.proxy_size
        crops = tuple(c.resize(size, size) for c in cameras)
        if steps == 0:
            if samples > 1:
                raise InputError(
                    "steps >= 1 to draw several samples",
                    f"samples={samples} of the direct prediction (steps=0), which has no chance in it",
                    "add generator.steps=4, or leave samples=1",
                )
            labels, uv, weight = self.direct(images, cameras, kinds, mirror)
            return ProxyMaps(labels.numpy(), uv.numpy(), weight.numpy(), tuple(kinds), crops)
        seg, rgb = self.sample(images, cameras, kinds, samples, steps, seed)
        votes = self.generator.config.sample_weights == "votes"
        if mirror is None and not votes:
            return maps_from_samples(seg, rgb, self.palette, tuple(kinds), crops)
        labels, uv = decode_rgb(seg, rgb, self.palette, tuple(kinds))
        if mirror is not None:
            twin = [MIRROR_KIND[k] for k in kinds]
            seen = self.sample(
                images.flip(-1), [mirror_camera(c) for c in cameras], twin, samples, steps, seed
            )
            back, back_uv = mirror.apply_batch(*decode_rgb(*seen, self.palette, tuple(twin)))
            labels, uv = torch.cat([labels, back]), torch.cat([uv, back_uv])
        labels, uv, weight = vote_samples(labels, uv) if votes else aggregate_samples(labels, uv)
        return ProxyMaps(labels.numpy(), uv.numpy(), weight.numpy(), tuple(kinds), crops)

    @torch.inference_mode()
    def sample(
        self,
        images: Float[Tensor, "V 3 H W"],
        cameras: Sequence[Camera],
        kinds: Sequence[Kind],
        samples: int,
        steps: int,
        seed: int,
    ) -> tuple[Float[Tensor, "K V 3 P P"], Float[Tensor, "K V 3 P P"]]:
        """Segmentation and UV images in [0, 1] of each of K samples, on the CPU."""
        config = self.generator.config
        shape = (samples, len(kinds), len(MODALITIES), config.latent_channels, *[config.latent_grid] * 2)
        # Drawn on the CPU: the same seed gives the same noise on every device.
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(self.device)
        scheduler = make_scheduler(config)
        scheduler.set_timesteps(steps)
        with self.precision():
            conditioning = self.condition(images, cameras, kinds)
            for t in scheduler.timesteps:
                output = self.generator.denoise(latents, t.to(self.device), conditioning).float()
                latents = scheduler.step(output, t, latents).prev_sample
            rgb = self.generator.codec.decode(latents.flatten(0, 2)).float().cpu().unflatten(0, shape[:3])
        return rgb[:, :, 0], rgb[:, :, 1]

    @torch.inference_mode()
    def direct(
        self,
        images: Float[Tensor, "V 3 H W"],
        cameras: Sequence[Camera],
        kinds: Sequence[Kind],
        mirror: MirrorTable | None = None,
    ) -> tuple[UInt8[Tensor, "V P P"], Float[Tensor, "V P P 2"], Float[Tensor, "V P P"]]:
        """Labels, UV and weight of the adapter's dense head, each view with the labels of its kind.

        Weight: the softmax probability of the winning label among the background and the labels of the view's kind
        (the set the head is trained on), 0 on the background. With `mirror`, the mean over the view and its mirror
        image of the probabilities, and of the UV by the probability that each gives to the winner.
        """
        probability, uv = self._direct(images, cameras, kinds)
        if mirror is None:
            weight, winner = probability.max(1)
        else:
            twin = [MIRROR_KIND[k] for k in kinds]
            seen, seen_uv = self._direct(images.flip(-1), [mirror_camera(c) for c in cameras], twin)
            other = torch.from_numpy(mirror.label_map).long()[: probability.shape[1]]
            back = seen.flip(-1)[:, other]
            weight, winner = ((probability + back) / 2).max(1)
            share, back_share = (p.gather(1, winner[:, None])[:, 0, ..., None] for p in (probability, back))
            _, back_uv = mirror.apply_batch(other[winner].flip(-1).to(torch.uint8), seen_uv)
            uv = (share * uv + back_share * back_uv) / (share + back_share)
        foreground = winner > 0
        return winner.to(torch.uint8), uv * foreground[..., None], weight * foreground

    def _direct(
        self, images: Float[Tensor, "V 3 H W"], cameras: Sequence[Camera], kinds: Sequence[Kind]
    ) -> tuple[Float[Tensor, "V C P P"], Float[Tensor, "V P P 2"]]:
        """Label probabilities and UV of the dense head, on the CPU."""
        with self.precision():
            adapter = self.condition(images, cameras, kinds).adapter
        if adapter.dense_logits is None or adapter.dense_uv is None:
            raise InputError(
                "steps >= 1", "steps=0", f"{self.generator.config.name} has no direct prediction"
            )
        logits = adapter.dense_logits.float().cpu()
        for v, kind in enumerate(kinds):
            barred = torch.ones(logits.shape[1], dtype=torch.bool)
            barred[palette_ids(self.palette, kind)] = False
            logits[v, barred] = -torch.inf
        return logits.softmax(1), adapter.dense_uv.float().cpu().clamp(0, 1).permute(0, 2, 3, 1)

    def precision(self) -> torch.autocast:
        """The context in which the network computes."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast)

    def condition(
        self, images: Float[Tensor, "V 3 H W"], cameras: Sequence[Camera], kinds: Sequence[Kind]
    ) -> Conditioning:
        """What does not change over steps and samples, of one group of views. Images are resized as needed."""
        size = self.generator.config.image_size
        images = images.to(self.device, torch.float32)
        if images.shape[-1] != size:
            images = F.interpolate(
                images, (size, size), mode="bilinear", align_corners=False, antialias=True
            ).clamp(0, 1)
        batch = CameraBatch.from_cameras([cameras])
        return self.generator.condition(images[None], batch, kind_ids(tuple(kinds))[None].to(self.device))

    def save_pretrained(self, folder: Path | str, half: bool = False) -> Path:
        return save_generator(self.generator, self.palette, folder, half)

    @staticmethod
    def from_pretrained(
        folder: Path | str,
        sources: dict[str, Path | str] | None = None,
        allow_download: bool = False,
        precision: Precision = "auto",
    ) -> ProxyPipeline:
        """A saved generator: a folder, or the id of a hub repository (from the cache unless `allow_download`)."""
        path = Path(folder)
        if not path.exists() and isinstance(folder, str) and folder.count("/") == 1:
            path = hub_folder(folder, allow_download)
        generator, palette = load_saved_generator(path, sources, allow_download)
        return ProxyPipeline(generator, palette, precision)


def load_generator(source: str | Path = "nano", **options: Any) -> ProxyPipeline:
    """A pipeline by name ("nano": weights in the package), folder or hub id; options as `from_pretrained`."""
    if str(source) == "nano":
        source = PACKAGED / "nano"
    return ProxyPipeline.from_pretrained(source, **options)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is native (a processor without it would emulate it, slowly)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and native is not None and bool(native())
