"""Person detector: full images to candidate boxes, by a heat map of person centres, box sizes and a person mask.

EfficientNet-Lite0 features; which candidate is the subject is decided across views by geometry
(`pipeline.multiview_association`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from diffproxy.encoders.efficientnet import PYRAMID_CHANNELS, EfficientNetLite0
from diffproxy.geometry.boxes import box_iou
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path

INPUT_SIZE = 256  # the longer image side, letterboxed to a square
STRIDE = 8


@dataclass(frozen=True)
class Candidate:
    """One possible person: `box` = (x0, y0, x1, y1) in pixels of the image that was passed, `score` in [0, 1]."""

    box: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class LocatorMaps:
    """Output on the letterboxed grid (stride 8): logits of centre and mask; box size as fractions of the input."""

    heat: Float[Tensor, "N h w"]
    mask: Float[Tensor, "N h w"]
    size: Float[Tensor, "N 2 h w"]
    offset: Float[Tensor, "N 2 h w"]  # from the cell's centre to the box centre, fractions of the input


def letterbox(
    image: UInt8[np.ndarray, "H W 3"], size: int = INPUT_SIZE
) -> tuple[UInt8[np.ndarray, "S S 3"], float]:
    """Shrink the longer side to `size` and pad right and bottom with black; returns the image and its scale."""
    import cv2

    scale = size / max(image.shape[:2])
    w, h = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    out = np.zeros((size, size, 3), np.uint8)
    out[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return out, scale


class _Lateral(nn.Module):
    """1x1 to a common width, plus the upsampled coarser level, then a 3x3 with norm."""

    def __init__(self, c_in: int, width: int):
        super().__init__()
        self.lateral = nn.Conv2d(c_in, width, 1)
        self.mix = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.SiLU())

    def forward(self, x: Tensor, coarser: Tensor | None) -> Tensor:
        h = self.lateral(x)
        if coarser is not None:
            h = h + F.interpolate(coarser, size=h.shape[-2:], mode="nearest")
        return self.mix(h)


class Locator(nn.Module):
    """EfficientNet-Lite0 with a small top-down head at stride 8."""

    def __init__(self, width: int = 64):
        super().__init__()
        self.width = width
        self.encoder = EfficientNetLite0()
        self.global_mix = nn.Sequential(
            nn.Conv2d(PYRAMID_CHANNELS[3], width, 1),
            nn.SiLU(),
            nn.Conv2d(width, width, 7, padding=3, groups=width),
        )
        self.c32 = _Lateral(PYRAMID_CHANNELS[3], width)
        self.c16 = _Lateral(PYRAMID_CHANNELS[2], width)
        self.c8 = _Lateral(PYRAMID_CHANNELS[1], width)
        self.head = nn.Conv2d(width, 6, 1)
        nn.init.constant_(self.head.bias[:1], -4.0)  # type: ignore[index]  # centres are rare

    def forward(self, images: Float[Tensor, "N 3 S S"]) -> LocatorMaps:
        """RGB in [0, 1], letterboxed."""
        _, f8, f16, f32 = self.encoder(images * 2 - 1)
        h = self.c32(f32, self.global_mix(f32))
        h = self.c8(f8, self.c16(f16, h))
        out = self.head(h).float()
        return LocatorMaps(out[:, 0], out[:, 1], out[:, 2:4].clamp(-6, 2).exp(), out[:, 4:6])

    @torch.no_grad()
    def maps(self, images: list[UInt8[np.ndarray, "H W 3"]]) -> LocatorMaps:
        batch = np.stack([letterbox(i)[0] for i in images])
        device = self.head.weight.device
        return self(torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float() / 255)

    @torch.no_grad()
    def locate(
        self, images: list[UInt8[np.ndarray, "H W 3"]], top: int = 5, min_score: float = 0.1
    ) -> list[list[Candidate]]:
        """Candidates of every image, best first; an empty list where nobody was found."""
        maps = self.maps(images)
        results = []
        for n, image in enumerate(images):
            scale = INPUT_SIZE / max(image.shape[:2])
            results.append(decode_boxes(maps, n, scale, top, min_score))
        return results


def decode_boxes(maps: LocatorMaps, n: int, scale: float, top: int, min_score: float) -> list[Candidate]:
    """Local maxima of view n's heat map as boxes in original pixels, overlaps suppressed (IoU > 0.6)."""
    heat = maps.heat[n].sigmoid()
    peak = F.max_pool2d(heat[None, None], 3, 1, 1)[0, 0] == heat
    scores, cells = torch.where(peak, heat, torch.zeros_like(heat)).flatten().sort(descending=True)
    kept: list[Candidate] = []
    for score, cell in zip(scores[:50].tolist(), cells[:50].tolist(), strict=True):
        if score < min_score or len(kept) == top:
            break
        i, j = divmod(cell, heat.shape[1])
        cx = (j + 0.5) * STRIDE + maps.offset[n, 0, i, j].item() * INPUT_SIZE
        cy = (i + 0.5) * STRIDE + maps.offset[n, 1, i, j].item() * INPUT_SIZE
        w, h = (maps.size[n, :, i, j] * INPUT_SIZE).tolist()
        box = tuple(v / scale for v in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
        if all(box_iou(box, k.box) < 0.6 for k in kept):
            kept.append(Candidate(box, score))
    return kept


# Weights on disk: half-precision safetensors, with the checksum in config.json.


PACKAGED = Path(__file__).parent / "weights"
WEIGHTS, CONFIG = "locator.safetensors", "config.json"


def save_locator(model: Locator, folder: Path) -> Path:
    """Write weights (float16) and `config.json` with their SHA-256."""
    from safetensors.torch import save_file

    state = {k: v.detach().half().contiguous() for k, v in model.state_dict().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(state, temporary)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    (folder / CONFIG).write_text(json.dumps({"width": model.width, "sha256": digest}, indent=1) + "\n")
    return folder


def load_locator(source: str | Path = "nano") -> Locator:
    """The packaged locator ("nano") or one saved by `save_locator`, in evaluation mode.

    Raises InputError for a missing folder, or a file that is not the one that was saved.
    """
    from safetensors.torch import load_file

    folder = PACKAGED if str(source) == "nano" else Path(source)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise InputError(
            f"a locator folder with {CONFIG} and {WEIGHTS}",
            str(folder),
            "train one: python -m diffproxy.training.detector --help",
        )
    config = json.loads((folder / CONFIG).read_text())
    if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != config["sha256"]:
        raise InputError(
            f"{WEIGHTS} with the SHA-256 of {CONFIG}",
            "a different file (truncated or edited)",
            "install the package again",
        )
    model = Locator(config["width"])
    model.load_state_dict({k: v.to(torch.float32) for k, v in load_file(folder / WEIGHTS).items()})
    return model.eval()
