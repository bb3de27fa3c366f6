"""`DiffProxyPipeline`: crops of a subject and their cameras to proxies, with the interface of diffusers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.generator.checkpoint import (
    hub_folder,
    load_saved_generator,
    save_generator,
)
from diffproxy.generator.config import MODALITIES
from diffproxy.generator.dense_prediction import Maps, dense_std, predict_dense
from diffproxy.generator.inputs import check_images, check_inputs
from diffproxy.generator.keypoints import view_keypoints
from diffproxy.generator.network.camera_conditioning import CameraBatch
from diffproxy.generator.network.encoders import MoveNetEncoder
from diffproxy.generator.network.network import Conditioning, ProxyGenerator
from diffproxy.generator.network.schedule import make_scheduler
from diffproxy.generator.output import DiffProxyOutput
from diffproxy.generator.prompts import kind_ids
from diffproxy.proxies.aggregate import aggregate_samples, vote_samples
from diffproxy.proxies.codec import decode_rgb
from diffproxy.proxies.flip import FLIPPED_KIND, FlipTable, flip_camera
from diffproxy.proxies.maps import Kind, ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

Views = tuple[Tensor, Sequence[Camera], tuple[Kind, ...]]

PACKAGED = Path(__file__).parent / "weights"
Precision = Literal["auto", "fp32", "bf16"]


@checked
class DiffProxyPipeline:
    """Predicts proxies with a trained generator.

    Args:
        network: the generator; it is put into evaluation mode.
        palette: ids and colours of the labels that the generator was trained with.
        precision: "auto" computes in bfloat16 where the processor supports it natively.
        channels_last: memory format of the network's weights.
    """

    def __init__(
        self,
        network: ProxyGenerator,
        palette: Any,
        precision: Precision = "auto",
        channels_last: bool = True,
    ):
        self.network = network.eval()
        if channels_last:  # torch's stubs do not know the argument
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.palette = palette
        self.autocast = precision == "bf16" or (precision == "auto" and computes_in_bf16(self.device))

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def to(self, device: torch.device | str) -> DiffProxyPipeline:
        """Move the network; InputError for a device that this torch or this machine does not have."""
        try:
            self.network.to(device)
        except (
            RuntimeError,
            AssertionError,
        ) as error:  # torch's own for unknown names, and for builds without CUDA
            found = f"{device}: {str(error).splitlines()[0]}"
            raise InputError("a device that torch has here", found, 'write pipe.to("cpu")') from error
        return self

    def encoding_once(self) -> AbstractContextManager[None]:
        """Context for several calls on the same images, as of one frame: no view of a body is encoded twice.

        The encoder's features of these views stay in memory until it ends (3.5 MB an image with MoveNet). Hands, of
        which there are twice as many, are seen in the last call only.
        """
        encoder = self.network.encoder
        return encoder.encoding_once() if isinstance(encoder, MoveNetEncoder) else nullcontext()

    @torch.inference_mode()
    def __call__(
        self,
        images: Float[Tensor, "V 3 H W"],
        cameras: Sequence[Camera],
        kinds: Sequence[Kind] | None = None,
        num_inference_steps: int | None = None,
        num_samples: int = 1,
        generator: torch.Generator | None = None,
        flip: FlipTable | None = None,
    ) -> DiffProxyOutput:
        """Predict the proxies of V views of one subject.

        Args:
            images: square RGB crops in [0, 1]; any side, resized to the generator's `image_size`.
            cameras: the pinhole camera of each crop (`Camera.crop`), of the same pixel size.
            kinds: "body", "left_hand" or "right_hand" for each view; all "body" if left out.
            num_inference_steps: denoising steps; None takes the number of the generator's configuration. 0 returns
                the dense regression head's prediction, without diffusion.
            num_samples: samples drawn and aggregated as `config.sample_weights` says: by paper Eq. 2-5, or by votes.
                Must be 1 with 0 steps, whose prediction is deterministic.
            generator: source of the noise, on the CPU, so that a seed gives the same noise on every device. None
                stands for a new one with seed 0.
            flip: labels and UV of the mirrored body (`flip_table(body)`). With it every view is also predicted
                mirrored, and both predictions are combined: test-time augmentation against left-right mistakes.

        Returns:
            The proxies, and the encoder's keypoints if it predicts any. The weight of a foreground pixel is, with 0
            steps, the probability of its label (see `predict_dense`); with one sample 1, as in the paper; with more
            samples their agreement, or the share of them that voted for its label. It is 0 on the background.

        Raises:
            InputError: if the arguments do not fit together or have the wrong range.
        """
        body: Kind = "body"
        view_kinds = (body,) * len(cameras) if kinds is None else tuple(kinds)
        check_inputs(images, cameras, view_kinds, num_samples, num_inference_steps)
        config = self.network.config
        steps = config.steps if num_inference_steps is None else num_inference_steps
        self._check_steps(steps, num_samples)
        views: list[Views] = [(images, cameras, view_kinds)]
        if flip is not None:
            mirrored = [flip_camera(c) for c in cameras]
            views.append((images.flip(-1), mirrored, tuple(FLIPPED_KIND[k] for k in view_kinds)))
        conditions = [self.condition(*view) for view in views]
        if steps == 0:
            maps = predict_dense(conditions, view_kinds, self.palette, flip)
        else:
            latents = self.initial_latents(num_samples, len(view_kinds), generator)
            samples = [self.denoise(condition, latents, steps) for condition in conditions]
            maps = self._aggregate(samples, [view[2] for view in views], flip)
        crops = tuple(c.resize(config.proxy_size, config.proxy_size) for c in cameras)
        labels, uv, weight = maps
        proxies = ProxyMaps(labels.numpy(), uv.float().numpy(), weight.float().numpy(), view_kinds, crops)
        if steps == 0 and (std := dense_std(conditions)) is not None:
            proxies = replace(proxies, std=std.numpy() * (proxies.labels > 0))
        return DiffProxyOutput(
            proxies, view_keypoints(conditions, view_kinds, config.proxy_size), (0,) * len(view_kinds)
        )

    @torch.inference_mode()
    def keypoints(
        self, images: Float[Tensor, "V 3 H W"], flip: bool = True
    ) -> Float[np.ndarray, "V 17 4"] | None:
        """The keypoints of `__call__` alone, without any proxies: the encoder is all that runs.

        Args:
            images: As for `__call__`, of bodies.
            flip: Average with the keypoints of the mirrored crops.

        Returns:
            COCO keypoints in pixels of `images`; None if the encoder predicts none.
        """
        check_images(images)
        side = images.shape[-1]
        kinds: list[Kind] = ["body"] * len(images)
        images = self._resized(images)
        with self.precision():
            outputs = [self.network.encoder(x) for x in ((images, images.flip(-1)) if flip else (images,))]
        return view_keypoints(outputs, kinds, side)

    def initial_latents(
        self, num_samples: int, num_views: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "K V 2 C h w"]:
        """Noise of K samples of V views, drawn on the CPU: a seed gives the same noise on every device."""
        config = self.network.config
        shape = (num_samples, num_views, len(MODALITIES), config.latent_channels, *[config.latent_grid] * 2)
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        return torch.randn(shape, generator=generator).to(self.device)

    @torch.inference_mode()
    def denoise(
        self, condition: Conditioning, latents: Float[Tensor, "K V 2 C h w"], num_inference_steps: int
    ) -> tuple[Float[Tensor, "K V 3 P P"], Float[Tensor, "K V 3 P P"]]:
        """Segmentation and UV images in [0, 1] of each of K samples, on the CPU."""
        scheduler = make_scheduler(self.network.config)
        scheduler.set_timesteps(num_inference_steps)
        shape = latents.shape[:3]
        with self.precision():
            for t in scheduler.timesteps:
                output = self.network.denoise(latents, t.to(self.device), condition).float()
                latents = scheduler.step(output, t, latents).prev_sample
            rgb = self.network.codec.decode(latents.flatten(0, 2)).float().cpu().unflatten(0, shape)
        return rgb[:, :, 0], rgb[:, :, 1]

    def _aggregate(
        self,
        samples: Sequence[tuple[Tensor, Tensor]],
        kinds: Sequence[tuple[Kind, ...]],
        flip: FlipTable | None,
    ) -> Maps:
        """One prediction from the samples of the views and, with `flip`, of the mirrored views."""
        votes = self.network.config.sample_weights == "votes"
        labels, uv = decode_rgb(*samples[0], self.palette, kinds[0])
        if flip is not None:
            flipped = flip.apply_batch(*decode_rgb(*samples[1], self.palette, kinds[1]))
            labels, uv = (torch.cat(pair) for pair in zip((labels, uv), flipped, strict=True))
        elif not votes:  # as in the paper, over all three channels of the UV images
            uv = samples[0][1].movedim(2, -1).clamp(0, 1)
        return vote_samples(labels, uv) if votes else aggregate_samples(labels, uv)

    def precision(self) -> torch.autocast:
        """The autocast context of the network."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast)

    @torch.inference_mode()
    def condition(
        self, images: Float[Tensor, "V 3 H W"], cameras: Sequence[Camera], kinds: Sequence[Kind]
    ) -> Conditioning:
        """Results of one group of views that do not depend on step and sample; images are resized as needed."""
        images = self._resized(images)
        batch = CameraBatch.from_cameras([cameras])
        with self.precision():
            return self.network.condition(images[None], batch, kind_ids(tuple(kinds))[None].to(self.device))

    def _check_steps(self, steps: int, num_samples: int) -> None:
        """InputError for several samples of the deterministic dense head, and for steps without a UNet."""
        if steps == 0 and num_samples > 1:
            raise InputError(
                "num_inference_steps >= 1 to draw several samples",
                f"{num_samples} samples of the dense head (0 steps), whose prediction is deterministic",
                "add generator.steps=4, or leave samples=1",
            )
        if steps > 0 and self.network.unet is None:
            raise InputError(
                "num_inference_steps=0, the dense head, of a pipeline without its UNet",
                f"{steps} steps",
                "load it with DiffProxyPipeline.from_pretrained(..., denoiser=True)",
            )

    def _resized(self, images: Float[Tensor, "V 3 H W"]) -> Float[Tensor, "V 3 S S"]:
        size = self.network.config.image_size
        images = images.to(self.device, torch.float32)
        if images.shape[-1] == size:
            return images
        sides = (size, size)
        return F.interpolate(images, sides, mode="bilinear", align_corners=False, antialias=True).clamp(0, 1)

    def save_pretrained(self, folder: Path | str, half: bool = False, difference: bool = False) -> Path:
        """Write the generator to a folder that `from_pretrained` reads.

        Args:
            folder: where to write; created if needed.
            half: store float16 instead of float32.
            difference: store of a fine-tuned encoder the rounded difference to the packaged one.

        Returns:
            The folder.

        Raises:
            InputError: `difference`, and the encoder is none of the package or far from the packaged one.
        """
        return save_generator(self.network, self.palette, folder, half, difference)

    @staticmethod
    def from_pretrained(
        name_or_folder: Path | str = "nano",
        sources: Mapping[str, Path | str] | None = None,
        allow_download: bool = False,
        precision: Precision = "auto",
        denoiser: bool | None = True,
    ) -> DiffProxyPipeline:
        """Load a saved generator.

        Args:
            name_or_folder: "nano" (weights in the package), a folder, or the id of a hub repository.
            sources: local folders of public parts that the saved generator only refers to.
            allow_download: fetch a hub repository or public parts that are not in the hub's cache.
            precision: "auto" computes in bfloat16 where the processor supports it natively.
            denoiser: load the UNet too; without it the pipeline opens sooner, for `num_inference_steps=0` only. None:
                if the generator's own number of steps needs it.

        Returns:
            The pipeline, on the CPU.

        Raises:
            InputError: if there is no such generator, or a file is missing, damaged or of another network.
        """
        folder = generator_folder(name_or_folder, allow_download)
        network, palette = load_saved_generator(folder, sources, allow_download, denoiser)
        return DiffProxyPipeline(network, palette, precision)


def generator_folder(name_or_folder: Path | str, allow_download: bool = False) -> Path:
    """Where a saved generator lies; arguments as of `DiffProxyPipeline.from_pretrained`."""
    path = PACKAGED / "nano" if str(name_or_folder) == "nano" else Path(name_or_folder)
    if not path.exists() and isinstance(name_or_folder, str) and name_or_folder.count("/") == 1:
        return hub_folder(name_or_folder, allow_download)
    return path


def computes_in_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is native (a processor without it would emulate it, slowly)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and native is not None and bool(native())
