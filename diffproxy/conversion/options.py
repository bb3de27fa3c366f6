"""The options of `python -m diffproxy.conversion`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from diffproxy.proxies.render import Renderer
from diffproxy.utils.options import at_least, one_of, option, within
from diffproxy.utils.shared_options import BODY

FORMATS = ("bedlam", "synbody")
RENDERERS: tuple[Renderer, ...] = get_args(Renderer)


@dataclass
class ConversionOptions:
    """All options of a conversion."""

    format: str = option("", "layout of the renders", "|".join(FORMATS), "Input")
    path: str = option("", "folder of the renders, as downloaded", "DIR", "Input")
    models: str = option("", "folder with smplx/SMPLX_NEUTRAL.npz and so on", "DIR", "Input")
    body: str = BODY()
    gender: str = option(
        "", "model of all people; default: what the labels say", "neutral|female|male", "Input"
    )
    every: int = option(1, "take every n-th image of a sequence", section="Input")
    limit: int = option(0, "at most so many subjects; 0: all", section="Input")
    size: int = option(256, "side of a crop, pixels", section="Views")
    hands: bool = option(True, "crops of the hands, too", section="Views")
    renderer: str = option(
        "raycast",
        "of the proxies: rays on the CPU, or PyTorch3D's rasterizer on a GPU (docs/proxy_format.md)",
        "|".join(RENDERERS),
        "Views",
    )
    per_shard: int = option(100, "subjects in a shard", section="Output")
    out: str = option("", "folder of the shards", "DIR", "Output")

    def __post_init__(self) -> None:
        one_of("format", self.format, FORMATS)
        if self.gender:
            one_of("gender", self.gender, ("neutral", "female", "male"))
        one_of("renderer", self.renderer, RENDERERS)
        within("size", self.size, 16, 4096)
        at_least("every", self.every, 1)
        at_least("limit", self.limit, 0)
        at_least("per_shard", self.per_shard, 1)
