"""MoveNet Thunder: MobileNetV2 x1.75 with a feature pyramid, trained by its authors for human keypoints.

The network of https://tfhub.dev/google/movenet/singlepose/thunder/4 (Apache-2.0): backbone of Sandler et al.,
MobileNetV2 (2018), feature pyramid down to stride 4 (Lin et al. 2017), heads of Zhou et al., Objects as Points (2019).
Batch norms are folded into the convolutions in the published graph. `tools/build_movenet.py` makes the weight file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.encoders.efficientnet import InvertedResidual, SameConv2d
from diffproxy.utils.errors import InputError

#: (expansion, stride of the first block, channels, repeats) of the backbone's stages; all kernels are 3x3.
STAGES = (
    (1, 1, 32, 1),
    (6, 2, 40, 2),
    (6, 2, 56, 3),
    (6, 2, 112, 4),
    (6, 1, 168, 3),
    (6, 2, 280, 3),
    (6, 1, 560, 1),
)
STEM_CHANNELS, LAST_CHANNELS = 56, 1280
#: Stages whose output is returned, at strides 4, 8, 16 and 32. The pyramid's lateral at stride 16 uses the stage
#: before (112 channels), the returned features are the deeper ones (168).
FEATURE_STAGES = (1, 2, 4, 5)
LATERAL_STAGES = (1, 2, 3)
FPN_CHANNELS = (24, 32, 64)  # strides 4, 8, 16
NUM_KEYPOINTS = (
    17  # COCO order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left before right
)
HEADS = {"center": 1, "heatmap": NUM_KEYPOINTS, "regression": 2 * NUM_KEYPOINTS, "offset": 2 * NUM_KEYPOINTS}
HEAD_WIDTH = 96
#: Channels of `MoveNetOutput.pyramid` (backbone, FPN and, at stride 4, heat maps), and its strides.
PYRAMID_CHANNELS = (40 + 24 + NUM_KEYPOINTS, 56 + 32, 168 + 64, 280)
PYRAMID_STRIDES = (4, 8, 16, 32)


PACKAGED = Path(__file__).parent / "weights" / "movenet_thunder" / "model.safetensors"


@dataclass(frozen=True)
class MoveNetOutput:
    """Output for N square images of S pixels; maps of stride 4 have P = S / 4 cells a side.

    `pyramid`: features of strides 4, 8, 16, 32 (`PYRAMID_CHANNELS`). `heads`: raw maps at stride 4: `heatmap` and
    `center` are logits; `offset` (y and x of each joint in turn, in cells) refines the cell of a joint;
    `regression` leads from a person's centre to the joints.
    """

    pyramid: list[Float[Tensor, "N _ _ _"]]
    heads: dict[str, Float[Tensor, "N _ P P"]]


class SeparableConv2d(nn.Module):
    """Depthwise 3x3 without bias, pointwise 1x1, ReLU."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.depthwise = nn.Conv2d(c_in, c_in, 3, padding=1, groups=c_in, bias=False)
        self.pointwise = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Float[Tensor, "N C h w"]) -> Float[Tensor, "N D h w"]:
        return F.relu(self.pointwise(self.depthwise(x)))


class MoveNet(nn.Module):
    """RGB in [-1, 1], sides a multiple of 32 (trained at 256), to features and joint maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, STEM_CHANNELS, 3, 2)
        stages, width = [], STEM_CHANNELS
        for expansion, stride, channels, repeats in STAGES:
            blocks = []
            for i in range(repeats):
                blocks.append(InvertedResidual(width, channels, 3, stride if i == 0 else 1, expansion))
                width = channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.last = nn.Conv2d(width, LAST_CHANNELS, 1)
        widths = [*FPN_CHANNELS, FPN_CHANNELS[-1]]
        self.laterals = nn.ModuleList(
            nn.Conv2d(STAGES[s][2], widths[i], 1) for i, s in enumerate(LATERAL_STAGES)
        )
        self.top = nn.Conv2d(LAST_CHANNELS, FPN_CHANNELS[-1], 1)
        # From coarse to fine: each level is smoothed and narrowed to the width of the next finer one.
        narrower = (FPN_CHANNELS[0], *FPN_CHANNELS[:-1])
        self.smooth = nn.ModuleList(
            SeparableConv2d(c, n) for c, n in zip(FPN_CHANNELS, narrower, strict=True)
        )
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(SeparableConv2d(FPN_CHANNELS[0], HEAD_WIDTH), nn.Conv2d(HEAD_WIDTH, c, 1))
                for name, c in HEADS.items()
            }
        )

    def forward(self, x: Float[Tensor, "N 3 S S"]) -> MoveNetOutput:
        h, taps = F.relu6(self.stem(x)), []
        for stage in self.stages:
            h = stage(h)
            taps.append(h)
        up = self.top(F.relu6(self.last(h)))
        levels: list[Tensor] = []
        for i in reversed(range(len(LATERAL_STAGES))):
            up = F.interpolate(up, scale_factor=2, mode="bilinear", align_corners=False)
            level = up + self.laterals[i](taps[LATERAL_STAGES[i]])
            levels.insert(0, level)
            up = self.smooth[i](level)
        heads = {name: head(up) for name, head in self.heads.items()}
        # `up` is the finest level after smoothing; the coarser two enter before it, with the width of their sum.
        fpn = [up, *levels[1:]]
        features = [taps[s] for s in FEATURE_STAGES]
        pyramid = [torch.cat([f, p], 1) for f, p in zip(features, fpn, strict=False)] + features[len(fpn) :]
        pyramid[0] = torch.cat([pyramid[0], heads["heatmap"].sigmoid()], 1)
        return MoveNetOutput(pyramid, heads)

    def load_published(self, path: Path | str = PACKAGED) -> MoveNet:
        """Load the safetensors file that `tools/build_movenet.py` writes. InputError if it is not there."""
        from safetensors.torch import load_file

        path = Path(path)
        if not path.is_file():
            raise InputError(
                "the weights of MoveNet Thunder", f"{path}: no such file", "python -m tools.build_movenet"
            )
        self.load_state_dict({k: v.float() for k, v in load_file(path).items()})
        return self
