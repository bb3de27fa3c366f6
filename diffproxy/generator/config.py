"""`GeneratorConfig`: the architecture and defaults of a generator, as plain JSON values."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from diffproxy.utils.bounded_files import read_text
from diffproxy.utils.bounded_text import parse_json
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

MODALITIES = ("seg", "uv")  # order of the modality axis everywhere
BACKENDS = ("sdpa", "flex", "xformers")  # of the masked attention, see backends.py
PROMPTS = ("body-seg", "body-uv", "hand-seg", "hand-uv")  # row order of the prompt table

SIZES = ("image_size", "proxy_size", "codec_factor", "latent_channels", "prompt_tokens", "num_labels")
LARGEST_SIZE = 1 << 16
ALIKE: dict[type, Any] = {dict: Mapping, tuple: (list, tuple)}  # what a value may be given as


@checked
@dataclass(frozen=True)
class AttentionConfig:
    """Switches of the four attention branches, and the grids of the epipolar one."""

    text: bool = True
    image: bool = True
    cross_modality: bool = True
    epipolar: bool = True
    epipolar_grids: tuple[int, ...] = (32, 16, 8, 4)  # latent grid sizes that hold an epipolar branch
    dense_below: int = 4  # grids up to this size attend to every cell of every view: a mask would be all true
    rays: bool = True  # Plücker-ray embedding in the epipolar branch
    backend: str = "sdpa"  # what computes the epipolar branch; a matter of the machine, not of the weights

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise InputError(
                f"attention.backend as one of {BACKENDS}", repr(self.backend), "leave it at sdpa"
            )


@checked
@dataclass(frozen=True)
class GeneratorConfig:
    """One generator. Grids are square; `latent grid = proxy_size / codec factor` must equal `unet["sample_size"]`."""

    name: str
    image_size: int  # RGB input, pixels
    proxy_size: int  # proxy images out, pixels
    codec: Literal["patch", "vae"]
    codec_factor: int  # proxy pixels per latent cell
    latent_channels: int
    encoder: Literal["efficientnet_lite0", "movenet_thunder", "dinov2"]
    adapter: Literal["pyramid", "t2i", "none"]  # "none": the UNet sees the image tokens alone
    unet: dict[str, Any]  # diffusers UNet2DConditionModel arguments
    scheduler: dict[str, Any]  # diffusers DDIMScheduler arguments
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    codec_args: dict[str, Any] = field(default_factory=dict)
    encoder_args: dict[str, Any] = field(default_factory=dict)
    adapter_args: dict[str, Any] = field(default_factory=dict)
    prompt_tokens: int = 4
    prompt_texts: tuple[str, ...] = PROMPTS
    num_labels: int = 43  # background + 30 body parts + 12 hand parts: width of the dense head
    steps: int = 1  # default number of denoising steps
    sample_weights: str = "paper"  # of K samples: "paper" (Eq. 2-5), or "votes": the share that agrees
    frozen: tuple[str, ...] = ("codec", "encoder")  # parts that are not trained
    # public part -> repo, revision, subfolder, sha256 of its weight file
    sources: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def latent_grid(self) -> int:
        return self.proxy_size // self.codec_factor

    @property
    def coarsest_grid(self) -> int:
        """Side, in cells, of the deepest map of UNet and adapter."""
        return self.latent_grid >> (len(self.unet["block_out_channels"]) - 1)

    def references(self, part: str) -> bool:
        """Whether a saved generator refers to the part's public weights instead of storing them."""
        return part in self.sources and part in self.frozen

    def __post_init__(self) -> None:
        for name in SIZES:
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= LARGEST_SIZE:
                raise InputError(
                    f"{name} as a whole number of 1 to {LARGEST_SIZE}",
                    repr(value)[:60],
                    "see docs/generator.md",
                )
        if self.image_size % self.proxy_size:
            raise InputError(
                "image_size divisible by proxy_size",
                f"image_size={self.image_size}, proxy_size={self.proxy_size}",
                f"use a multiple of {self.proxy_size}",
            )
        if self.latent_grid * self.codec_factor != self.proxy_size:
            raise InputError(
                "proxy_size divisible by codec_factor",
                f"proxy_size={self.proxy_size}, codec_factor={self.codec_factor}",
                f"use a multiple of {self.codec_factor}",
            )
        if self.sample_weights not in ("paper", "votes"):
            raise InputError("sample_weights one of paper, votes", repr(self.sample_weights), "leave it out")
        if self.unet.get("sample_size") != self.latent_grid:
            raise InputError(
                f"unet sample_size {self.latent_grid} (= proxy_size / codec_factor)",
                f"unet sample_size {self.unet.get('sample_size')}",
                "change one of the three",
            )
        if (draft := self.adapter_args.get("draft", False)) not in (False, True, "posterior"):
            raise InputError(
                "draft one of false, true, posterior",
                repr(draft),
                "train the UNet of a generator with draft=residual anew, with draft=posterior and in_channels doubled",
            )
        drafted = draft == "posterior" and self.adapter == "pyramid"
        channels, kind = self.unet.get("in_channels"), self.scheduler.get("prediction_type")
        if drafted and (self.codec, kind) != ("patch", "sample"):
            raise InputError(
                'codec="patch" and prediction_type="sample" for draft="posterior"',
                f"{self.codec} and {kind}",
                "pixels of a draft can be corrected only by what predicts pixels",
            )
        if channels != (1 + drafted) * self.latent_channels:
            raise InputError(
                f"unet in_channels {(1 + drafted) * self.latent_channels}",
                f"{channels} (with draft={draft})",
                "a UNet reads the latents, and with draft=posterior an estimate beside them",
            )

    def replace(self, **changes: Any) -> GeneratorConfig:
        return dataclasses.replace(self, **changes)

    def changed(self, changes: Mapping[str, Any]) -> GeneratorConfig:
        """A copy with some fields changed; dictionaries and `attention` are merged. InputError for unknown names."""
        values: dict[str, Any] = {}
        for name, value in changes.items():
            known = {f.name for f in dataclasses.fields(self)}
            if name not in known:
                raise InputError(
                    f"fields of a generator: {', '.join(sorted(known))}", name, "see docs/generator.md"
                )
            old = getattr(self, name)
            if isinstance(old, AttentionConfig):
                switches = {f.name for f in dataclasses.fields(old)}
                if not isinstance(value, Mapping) or not switches >= value.keys():
                    raise InputError(
                        f"attention switches {sorted(switches)}", str(value), "attention: {epipolar: false}"
                    )
                values[name] = dataclasses.replace(old, **with_tuples(value))
            elif not isinstance(value, ALIKE.get(type(old), type(old))):
                kind = "a mapping" if isinstance(old, dict) else f"{type(old).__name__}, as {old}"
                raise InputError(f"{name} as {kind}", repr(value)[:60], "see docs/generator.md")
            elif isinstance(old, dict):
                values[name] = {**old, **value}
            else:
                values[name] = tuple(value) if isinstance(old, tuple) else value
        return self.replace(**values)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    def save(self, path: Path | str) -> None:
        Path(path).write_text(self.to_json() + "\n")

    @staticmethod
    def from_json(text: str) -> GeneratorConfig:
        """Inverse of `to_json`; unknown or missing keys raise InputError."""
        try:
            values = parse_json(text, "a generator config.json")
            if not isinstance(values, dict):
                raise TypeError(f"{type(values).__name__} instead of an object")
            values["attention"] = AttentionConfig(**with_tuples(values["attention"]))
            for key in ("prompt_texts", "frozen"):
                values[key] = tuple(values[key])
            return GeneratorConfig(**values)
        except (KeyError, TypeError) as error:
            raise InputError(
                "a generator config.json of this version",
                str(error),
                "save the generator again with this version",
            ) from error

    @staticmethod
    def load(path: Path | str) -> GeneratorConfig:
        return GeneratorConfig.from_json(read_text(Path(path), "a generator config.json"))


def with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with lists as tuples: JSON and YAML have only lists."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
