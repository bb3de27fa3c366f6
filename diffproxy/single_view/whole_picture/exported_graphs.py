"""The network of whole pictures as two modules of plain tensors, in the form in which it is exported to ONNX.

Between them the caller says where people are: at the cells of the strongest peaks, or near the boxes of a frame before.
"""

from __future__ import annotations

from copy import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from diffproxy.detector.people import strongest_cells
from diffproxy.single_view.whole_picture.choice import whole_boxes_of
from diffproxy.single_view.whole_picture.decoder import RefinementLayer
from diffproxy.single_view.whole_picture.features import PictureMaps
from diffproxy.single_view.whole_picture.network import MOST_PEOPLE, WholePictureNetwork
from diffproxy.single_view.whole_picture.queries import of_everybody
from diffproxy.single_view.whole_picture.reader import FEWER_PEOPLE

ModuleT = TypeVar("ModuleT", bound=nn.Module)
HEADS = ("center", "heatmap", "offset", "regression", "box_offset", "box_scale")
"""Maps of the encoder that keypoints are decoded from."""


class PlainAttention(nn.Module):
    """A `TransformerEncoderLayer` (normalised first, no dropout) written out, so that rows stay a variable."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        assert isinstance(layer, nn.TransformerEncoderLayer)
        self.layer, self.heads = layer, layer.self_attn.num_heads

    def forward(
        self, x: Float[Tensor, "R N D"], src_key_padding_mask: Bool[Tensor, "R N"] | None = None
    ) -> Float[Tensor, "R N D"]:
        """As of the layer."""
        layer, attention = self.layer, self.layer.self_attn
        inner = F.linear(layer.norm1(x), attention.in_proj_weight, attention.in_proj_bias)
        q, k, v = (y.unflatten(2, (self.heads, -1)).transpose(1, 2) for y in inner.chunk(3, dim=2))
        scores = q @ k.transpose(2, 3) * q.shape[3] ** -0.5
        if src_key_padding_mask is not None:
            scores = scores.masked_fill(src_key_padding_mask[:, None, None], -torch.inf)
        x = x + attention.out_proj((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
        return x + layer.linear2(F.relu(layer.linear1(layer.norm2(x))))


class PictureMapsGraph(nn.Module):
    """Pictures and cameras to everything that people are read from."""

    OUTPUTS = ("fine", "coarse", "score", "depth", *HEADS, "cells")

    def __init__(self, network: WholePictureNetwork):
        super().__init__()
        self.network = network

    def forward(self, images: UInt8[Tensor, "B H W 3"], camera: Float[Tensor, "B 4"]) -> tuple[Tensor, ...]:
        """The maps called `OUTPUTS`; `cells` (B, 32): the strongest peaks of the score, in its logits' rows.

        Args:
            images: RGB, sides multiples of 32.
            camera: As of `WholePictureNetwork.forward`.
        """
        maps, heads = self.network.look(images.permute(0, 3, 1, 2).float() / 127.5 - 1, camera)
        cells = strongest_cells(maps.score.sigmoid(), MOST_PEOPLE)
        return maps.fine, maps.coarse, maps.score, maps.depth, *(heads[name] for name in HEADS), cells


class PicturePeopleGraph(nn.Module):
    """Maps of B pictures and the cells of M people in each to their bodies, B M rows."""

    INPUTS = ("fine", "coarse", "score", "depth", *HEADS, "cells", "valid", "camera")
    BODY = (
        "R_cam_body", "R_parent_joint", "betas", "pelvis", "log_depth_std", "focal", "focal_log_std", "joint_std",
        "confidence",
    )  # fmt: skip
    OUTPUTS = (*BODY, "presence", "boxes", "keypoints")

    def __init__(self, network: WholePictureNetwork):
        super().__init__()
        layers = [_with_plain_attention(layer) for layer in network.layers]
        self.network = _with(network, layers=nn.ModuleList(layers))

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """The values called `OUTPUTS`, of `INPUTS`: bodies, probability that somebody is there, boxes, keypoints."""
        told = dict(zip(self.INPUTS, values, strict=True))
        maps = PictureMaps(told["fine"], told["coarse"], told["score"], told["score"], told["depth"])
        heads = {name: told[name] for name in HEADS}
        out = self.network.people(maps, heads, told["camera"], told["cells"], told["valid"])
        camera = of_everybody(told["camera"], told["cells"])
        last = out.stages[-1]
        body = last.body(camera[:, 0])
        boxes = whole_boxes_of(body, self.network.skeleton, camera[:, 1:3])
        presence = (last.presence - FEWER_PEOPLE).sigmoid()
        return *(getattr(body, name) for name in self.BODY), presence, boxes, out.keypoints


def _with_plain_attention(layer: nn.Module) -> RefinementLayer:
    assert isinstance(layer, RefinementLayer)
    within = nn.ModuleList(PlainAttention(a) for a in layer.within)
    return _with(layer, within=within, between=PlainAttention(layer.between))


def _with(module: ModuleT, **changed: nn.Module) -> ModuleT:
    """The module with other parts, itself unchanged; the rest is shared."""
    other = copy(module)
    other._modules = {**module._modules, **changed}
    return other
