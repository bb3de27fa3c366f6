"""The 17 COCO keypoints that MoveNet's head maps show: the decoding of the published graph.

One person is read from each image: the one whose centre is strongest, near the middle of the image. Every joint is
then the strongest cell of its heat map, near where that centre's regression expects it, refined by the offset map.
Sizes stay tensors, so that an exported graph takes images of any size.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.encoders.movenet import NUM_KEYPOINTS

#: Cells added to a distance before scores are divided by it.
DISTANCE_OFFSET = 1.8
#: Confidence, and the standard deviation of a keypoint with it in 1/256 of the image's side: robust deviation of
#: elbows, wrists, knees and ankles on 100 rendered subjects (`benchmarks/encoder_keypoints.py measure`).
CONFIDENCE_BINS = (0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.9)
DEVIATION_256 = (22.1, 10.4, 7.0, 3.7, 3.2, 2.6, 2.2, 1.8)
#: Order of the keypoints in the mirrored image: left and right exchanged.
FLIP_ORDER = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


def decode_keypoints(heads: dict[str, Float[Tensor, "N _ P P"]]) -> Float[Tensor, "N 17 3"]:
    """Keypoints of N images from `MoveNetOutput.heads`.

    Args:
        heads: the raw maps `center`, `heatmap`, `regression` and `offset` at stride 4.

    Returns:
        x, y as shares of the image's width and height, and the confidence in [0, 1] (the heat map's value there).
    """
    heads = {name: maps.float() for name, maps in heads.items()}
    grid = heads["center"].shape[-1]
    cells = torch.arange(grid, dtype=torch.float32, device=heads["center"].device)

    def distance(y: Tensor, x: Tensor) -> Tensor:
        """Of every cell to the points (..., in cells), plus the offset: (..., P, P)."""
        dy, dx = cells[:, None] - y[..., None, None], cells - x[..., None, None]
        return (dy.square() + dx.square()).sqrt() + DISTANCE_OFFSET

    middle = cells.mean() + 0.5
    center = (heads["center"][:, 0].sigmoid() / distance(middle, middle)).flatten(1).argmax(1)
    y, x = center // grid, center % grid
    expected = (
        heads["regression"].flatten(2).gather(2, center[:, None, None].expand(-1, 2 * NUM_KEYPOINTS, 1))
    )
    expected = expected.unflatten(1, (NUM_KEYPOINTS, 2))[..., 0] + torch.stack([y, x], 1)[:, None]
    scores = heads["heatmap"].sigmoid()
    best = (scores / distance(expected[..., 0], expected[..., 1])).flatten(2).argmax(2)  # (N, 17)
    offsets = heads["offset"].unflatten(1, (NUM_KEYPOINTS, 2)).flatten(3)
    offsets = offsets.gather(3, best[:, :, None, None].expand(-1, -1, 2, 1))[..., 0]
    confidence = scores.flatten(2).gather(2, best[..., None])
    place = torch.stack([best % grid, best // grid], -1) + offsets.flip(-1)
    return torch.cat([place / grid, confidence], -1)


def deviation(confidence: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """Standard deviation of keypoints with these confidences, along each axis, as a share of the image's side."""
    bins = confidence.new_tensor(CONFIDENCE_BINS)
    values = confidence.new_tensor(DEVIATION_256) / 256
    # `numpy.interp` as a sum over the pieces, which can be exported.
    within = torch.minimum((confidence[..., None] - bins[:-1]).clamp_min(0), bins.diff())
    return values[0] + (within * (values.diff() / bins.diff())).sum(-1)


def combine_keypoints(
    one: Float[Tensor, "N 17 3"], other: Float[Tensor, "N 17 3"] | None = None
) -> Float[Tensor, "N 17 4"]:
    """Keypoints with their standard deviation; with a second prediction of the same images, the mean of both.

    Returns:
        x, y, confidence and standard deviation (x, y and deviation as shares of the image's side). Half the distance
        of two predictions adds to the deviation: predictions that differ are less exact than their confidence says.
    """
    mean = one if other is None else (one + other) / 2
    std = deviation(mean[..., 2])
    if other is not None:
        std = torch.hypot(std, (one - other)[..., :2].norm(dim=-1) / 2)
    return torch.cat([mean, std[..., None]], -1)


def flip_keypoints(keypoints: Float[Tensor, "N 17 3"]) -> Float[Tensor, "N 17 3"]:
    """Keypoints of mirrored images as those of the images themselves."""
    x, rest = keypoints[..., :1], keypoints[..., 1:]
    return torch.cat([1 - x, rest], -1)[:, list(FLIP_ORDER)]
