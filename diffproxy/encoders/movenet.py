"""MoveNet: MobileNetV2 with a feature pyramid, trained by its authors for human keypoints.

The networks of https://tfhub.dev/google/movenet (Apache-2.0), singlepose Thunder and multipose Lightning: backbone of
Sandler et al., MobileNetV2 (2018), feature pyramid down to stride 4 (Lin et al. 2017), heads of Zhou et al., Objects as
Points (2019). Batch norms are folded into the convolutions in the published graphs. `tools/build_movenet.py` makes the
weight files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.encoders.efficientnet import InvertedResidual, SameConv2d
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256

#: (expansion, stride of the first block, repeats) of the backbone's stages; all kernels are 3x3.
STAGES = ((1, 1, 1), (6, 2, 2), (6, 2, 3), (6, 2, 4), (6, 1, 3), (6, 2, 3), (6, 1, 1))
LAST_CHANNELS = 1280
#: Stages whose output is returned, at strides 4, 8, 16 and 32. The pyramid's lateral at stride 16 uses the stage
#: before, the returned features are the deeper ones.
FEATURE_STAGES = (1, 2, 4, 5)
LATERAL_STAGES = (1, 2, 3)
FPN_CHANNELS = (24, 32, 64)  # strides 4, 8, 16
# COCO order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left before right
NUM_KEYPOINTS = 17
HEAD_WIDTH = 96
PYRAMID_STRIDES = (4, 8, 16, 32)

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class MoveNetConfig:
    """One published network: channels of the stem, of each stage of `STAGES` and of each head.

    `sha256`: of the weight file in this package.
    """

    name: str
    sha256: str
    stem_channels: int
    stage_channels: tuple[int, ...]
    heads: Mapping[str, int]

    @property
    def pyramid_channels(self) -> tuple[int, ...]:
        """Channels of `MoveNetOutput.pyramid`: backbone, FPN and, at stride 4, heat maps."""
        s4, s8, s16, s32 = (self.stage_channels[s] for s in FEATURE_STAGES)
        return (s4 + FPN_CHANNELS[0] + NUM_KEYPOINTS, s8 + FPN_CHANNELS[1], s16 + FPN_CHANNELS[2], s32)

    @property
    def packaged(self) -> Path:
        """The weight file in this package."""
        return WEIGHTS / self.name / "model.safetensors"


_JOINT_HEADS = {
    "center": 1,
    "heatmap": NUM_KEYPOINTS,
    "regression": 2 * NUM_KEYPOINTS,
    "offset": 2 * NUM_KEYPOINTS,
}
#: One person, nearest to the middle of the image; trained at 256 x 256. MobileNetV2 x1.75.
THUNDER = MoveNetConfig(
    name="movenet_thunder",
    sha256="0c731a449a0ecb1d1334fecf56604b46662c18876704126af1e8f0d3ebec775a",
    stem_channels=56,
    stage_channels=(32, 40, 56, 112, 168, 280, 560),
    heads=MappingProxyType(_JOINT_HEADS),
)
#: Up to six people; trained with a longer side of 256. MobileNetV2 x1.5, with heads for the people's boxes.
MULTIPOSE = MoveNetConfig(
    name="movenet_multipose",
    sha256="84d47b467f2752964bbf622ccf106e1c6e69c8d428aa2e5d1cff6bd2c994b2d6",
    stem_channels=48,
    stage_channels=(24, 40, 48, 96, 144, 240, 480),
    heads=MappingProxyType({**_JOINT_HEADS, "box_scale": 2, "box_offset": 2}),
)


@dataclass(frozen=True)
class MoveNetOutput:
    """Output for N images of H x W pixels; maps of stride 4 have P = H / 4 rows and Q = W / 4 columns.

    `pyramid`: features of strides 4, 8, 16, 32 (`MoveNetConfig.pyramid_channels`). `heads`: raw maps at stride 4:
    `heatmap` and `center` are logits; `offset` (y and x of each joint in turn, in cells) refines the cell of a joint;
    `regression` leads from a person's centre to the joints. Multipose: `box_offset` (y, x) leads from that cell to
    the centre of the box, whose height and width are `box_scale`, in cells.
    """

    pyramid: list[Float[Tensor, "N _ _ _"]]
    heads: dict[str, Float[Tensor, "N _ P Q"]]


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

    def __init__(self, config: MoveNetConfig = THUNDER) -> None:
        super().__init__()
        self.config = config
        self.stem = SameConv2d(3, config.stem_channels, 3, 2)
        stages, width = [], config.stem_channels
        for (expansion, stride, repeats), channels in zip(STAGES, config.stage_channels, strict=True):
            blocks = []
            for i in range(repeats):
                blocks.append(InvertedResidual(width, channels, 3, stride if i == 0 else 1, expansion))
                width = channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.last = nn.Conv2d(width, LAST_CHANNELS, 1)
        widths = [*FPN_CHANNELS, FPN_CHANNELS[-1]]
        self.laterals = nn.ModuleList(
            nn.Conv2d(config.stage_channels[s], widths[i], 1) for i, s in enumerate(LATERAL_STAGES)
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
                for name, c in config.heads.items()
            }
        )

    def forward(self, x: Float[Tensor, "N 3 H W"]) -> MoveNetOutput:
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

    def load_published(self) -> MoveNet:
        """Load the weights in this package.

        Raises:
            InputError: the file is missing, or not the one that belongs to this version.
        """
        from safetensors.torch import load_file

        path, wanted = self.config.packaged, f"the weights of {self.config.name}"
        if not path.is_file():
            raise InputError(wanted, f"{path}: no such file", "install the package again")
        if file_sha256(path) != self.config.sha256:
            fix = "install the package again"
            raise InputError(f"{wanted} with their SHA-256", f"{path}: a different file", fix)
        self.load_state_dict({k: v.float() for k, v in load_file(path).items()})
        return self
