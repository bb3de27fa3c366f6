"""The people that MoveNet multipose's head maps show: the decoding of the published graph."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.encoders.movenet import NUM_KEYPOINTS

STRIDE = 4  # pixels a cell
PEAK_WINDOW = 5  # cells; a person's centre is the largest in its window
#: Variance of the Gaussian around the place where a person's centre expects a joint, over the shorter side of the map.
SPREAD = 0.300048828125
#: Keypoints under this confidence do not count in a person's score.
MIN_KEYPOINT_CONFIDENCE = 0.126953125


@dataclass(frozen=True)
class People:
    """The `K` strongest centres of each image, in pixels of the network's input.

    `boxes`: x0, y0, x1, y1, within the input. `keypoints`: x, y and the confidence in [0, 1], in COCO order. `scores`:
    the centre's, times the mean confidence of the keypoints that count.
    """

    boxes: Float[Tensor, "N K 4"]
    keypoints: Float[Tensor, "N K 17 3"]
    scores: Float[Tensor, "N K"]


def decode_people(heads: dict[str, Float[Tensor, "N _ P Q"]], top: int = 6) -> People:
    """People in each image from the heads of the multipose network; K = `top`, strongest centre first."""
    return people_at(heads, strongest_cells(heads["center"].float().sigmoid(), top))


def strongest_cells(centers: Float[Tensor, "N 1 P Q"], top: int) -> Int[Tensor, "N K"]:
    """Cells (row times columns plus column) of the strongest local maxima of a score map; K = `top`."""
    peaks = F.max_pool2d(centers, PEAK_WINDOW, 1, PEAK_WINDOW // 2) == centers
    return torch.where(peaks, centers, 0).flatten(1).topk(top).indices


def people_at(heads: dict[str, Float[Tensor, "N _ P Q"]], cells: Int[Tensor, "N K"]) -> People:
    """The people whose centres are in given cells."""
    heads = {name: maps.float() for name, maps in heads.items()}
    centers = heads["center"].sigmoid()
    columns = centers.shape[-1]
    strengths = centers.flatten(1).gather(1, cells)
    where = torch.stack([cells // columns, cells % columns], -1).float()  # (N, K, 2): y, x
    limits = _sides(centers)

    def at_center(head: str) -> Tensor:
        maps = heads[head].flatten(2)
        return maps.gather(2, cells[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)

    middle, half = where + at_center("box_offset"), at_center("box_scale").clamp(min=0) / 2
    low = torch.minimum((middle - half).clamp(min=0), limits)
    high = torch.minimum((middle + half).clamp(min=0), limits)
    expected = where[:, :, None] + at_center("regression").unflatten(2, (NUM_KEYPOINTS, 2))
    keypoints = _keypoints(heads, low, high, expected)
    counted = keypoints[..., 2] > MIN_KEYPOINT_CONFIDENCE
    confidence = (keypoints[..., 2] * counted).sum(-1) / counted.sum(-1).clamp(min=1)
    boxes = STRIDE * torch.cat([low.flip(-1), high.flip(-1)], -1)
    return People(boxes, keypoints, strengths * confidence)


def _sides(maps: Float[Tensor, "N C P Q"]) -> Float[Tensor, "2"]:
    """Rows and columns, which stay variables where a graph is exported for images of any size."""
    one = torch.ones_like(maps[0, 0])
    return torch.stack([one[:, 0].sum(), one[0].sum()])


def _keypoints(
    heads: dict[str, Tensor],
    low: Float[Tensor, "N K 2"],
    high: Float[Tensor, "N K 2"],
    expected: Float[Tensor, "N K 17 2"],
) -> Float[Tensor, "N K 17 3"]:
    """In the person's box (y, x in cells), the best of heat map times a Gaussian around the expected place."""
    scores = heads["heatmap"].sigmoid()[:, None]
    rows, columns = scores.shape[-2:]
    y = torch.arange(rows, dtype=scores.dtype, device=scores.device)
    x = torch.arange(columns, dtype=scores.dtype, device=scores.device)
    variance = SPREAD * _sides(scores[:, 0]).min()
    gauss_y = torch.exp(-(y - expected[..., :1]).square() / variance)  # (N, K, 17, P)
    gauss_x = torch.exp(-(x - expected[..., 1:]).square() / variance)
    gauss_y = gauss_y * ((y >= low[..., None, :1]) & (y < high[..., None, :1]))
    gauss_x = gauss_x * ((x >= low[..., None, 1:]) & (x < high[..., None, 1:]))
    near = (scores * gauss_y[..., None] * gauss_x[..., None, :]).flatten(3)  # (N, K, 17, P Q)
    best = near.argmax(3)
    # A joint that two people claim has the larger of both confidences, as in the published graph.
    strongest = near.amax(1).transpose(0, 1)  # (17, N, P Q)
    confidence = strongest.gather(2, best.permute(2, 0, 1)).permute(1, 2, 0)
    offsets = heads["offset"].unflatten(1, (NUM_KEYPOINTS, 2)).flatten(3)  # (N, 17, 2, P Q)
    offsets = offsets.gather(3, best.transpose(1, 2)[:, :, None].expand(-1, -1, 2, -1)).permute(0, 3, 1, 2)
    place = torch.stack([best % columns, best // columns], -1) + offsets.flip(-1)
    return torch.cat([STRIDE * place, confidence[..., None]], -1)
