"""Person detector: full images to the people in them, with boxes and keypoints, by MoveNet multipose.

Which of them is the subject is decided across views by geometry (`pipeline.multiview_association`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from diffproxy.detector.people import decode_people
from diffproxy.encoders.movenet import MULTIPOSE, MoveNet
from diffproxy.geometry.boxes import Box, as_box, best_of_overlapping
from diffproxy.geometry.resampling import letterbox

INPUT_SIDE = 320  # the longer side of the network's input, by measurement (docs/results/detector.md)


@dataclass(frozen=True)
class Candidate:
    """One possible person, in pixels of the image that was passed.

    `box`: (x0, y0, x1, y1), within the image. `score`: in [0, 1]. `keypoints`: x, y and the confidence in [0, 1] of the
    17 COCO keypoints; all of them have a place, of hidden ones it is a guess with a low confidence.
    """

    box: Box
    score: float
    keypoints: Float[np.ndarray, "17 3"]


class PersonDetector(nn.Module):
    """MoveNet multipose on whole images. Its weights are in this package: `PersonDetector.packaged()`."""

    def __init__(self, side: int = INPUT_SIDE):
        super().__init__()
        self.net, self.side = MoveNet(MULTIPOSE), side

    @classmethod
    def packaged(cls, side: int = INPUT_SIDE) -> PersonDetector:
        """With the published weights, in evaluation mode.

        Args:
            side: Longer side of the network's input in pixels; smaller people need a larger one.

        Raises:
            InputError: the weight file of this package is missing or another one.
        """
        detector = cls(side)
        detector.net.load_published()
        return detector.eval()

    @torch.no_grad()
    def locate(
        self, images: list[UInt8[np.ndarray, "H W 3"]], min_score: float = 0.1
    ) -> list[list[Candidate]]:
        """People in each image.

        Args:
            images: RGB, of any sizes.
            min_score: Candidates below it are left out.

        Returns:
            The candidates of every image, best first; an empty list where nobody was found.
        """
        return [self._people(image, min_score) for image in images]

    def _people(self, image: UInt8[np.ndarray, "H W 3"], min_score: float) -> list[Candidate]:
        boxed, scale = letterbox(image, self.side)
        device = self.net.stem.weight.device
        pixels = torch.from_numpy(boxed).to(device).permute(2, 0, 1)[None].float()
        people = decode_people(self.net(pixels / 127.5 - 1).heads)
        limits = np.array(image.shape[1::-1], np.float32)
        boxes = np.minimum(people.boxes[0].cpu().numpy() / scale, np.tile(limits, 2))
        keypoints = people.keypoints[0].cpu().numpy() / np.array([scale, scale, 1], np.float32)
        scores = people.scores[0].cpu().numpy()
        kept = best_of_overlapping(boxes, scores, min_score)
        return [Candidate(as_box(boxes[i]), float(scores[i]), keypoints[i]) for i in kept]
