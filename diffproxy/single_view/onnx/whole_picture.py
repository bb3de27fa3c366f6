"""Everybody in a picture by the exported network of whole pictures: one pass finds and poses them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from diffproxy.geometry.boxes import Box, as_box, best_of_overlapping
from diffproxy.geometry.resampling import letterbox
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.results import Seen
from diffproxy.single_view.whole_picture.near_boxes import cells_near

Rows = dict[str, np.ndarray]
"""What the network says of N people, in pixels of the picture and metres."""


class Look(NamedTuple):
    """What the network makes of one picture before people are read from it.

    `scale`: of the network's input. `stride`: its pixels a cell of the score map.
    """

    image: np.ndarray
    prior: FocalPrior
    camera: np.ndarray
    maps: Rows
    scale: float
    stride: float


class PictureReader:
    """The exported network.

    Args:
        models: The exported graphs.
        side: Longer side of its input, pixels.
    """

    def __init__(self, models: Models, side: int):
        self.models, self.side = models, side
        self._last: Look | None = None

    def find(self, image: np.ndarray, prior: FocalPrior, min_score: float) -> tuple[list[Seen], Rows]:
        """Everybody in an RGB picture whose score reaches `min_score`, best first, and their bodies."""
        look = self._look(image, prior)
        cells = look.maps["cells"][0]
        peaks = 1 / (1 + np.exp(-look.maps["score"].reshape(-1)[cells]))
        found = self._people(look, cells[peaks >= self.models.manifest["whole_picture"]["least_peak"]])
        if not found:
            return [], {}
        kept = best_of_overlapping(found["boxes"], found["presence"], min_score)
        rows = {name: value[kept] for name, value in found.items()}
        seen = [Seen(as_box(b), float(s)) for b, s in zip(rows["boxes"], rows["presence"], strict=True)]
        return seen, rows

    def read(self, image: np.ndarray, prior: FocalPrior, boxes: Sequence[Box]) -> Rows:
        """The people of given boxes, in their order."""
        look = self._look(image, prior)
        cells = cells_near(boxes, look.scale / look.stride, look.maps["score"][0, 0])
        return self._people(look, np.array(cells))

    def _people(self, look: Look, cells: np.ndarray) -> Rows:
        """Rows of the people in cells; none for no cell."""
        if not len(cells):
            return {}
        maps = {name: value for name, value in look.maps.items() if name != "cells"}
        cells = cells[None].astype(np.int64)
        rows = self.models.run("picture_people", **maps, cells=cells, valid=cells >= 0, camera=look.camera)
        limits = np.tile(look.image.shape[1::-1], 2).astype(np.float32)
        rows["boxes"] = np.clip(rows["boxes"] / np.float32(look.scale), 0, limits)
        rows["focal"] = rows["focal"] / np.float32(look.scale)
        keypoints = rows["keypoints"] / np.array([look.scale, look.scale, 1, look.scale], np.float32)
        inside = ((keypoints[..., :2] >= 0) & (keypoints[..., :2] < limits[:2])).all(-1)
        keypoints[..., 2] *= inside  # what is guessed beyond the picture is no evidence
        rows["keypoints"] = keypoints
        return rows

    def _look(self, image: np.ndarray, prior: FocalPrior) -> Look:
        """At a picture; the same one once more at once costs nothing."""
        if self._last is None or self._last.image is not image or self._last.prior != prior:
            boxed, scale = letterbox(image, self.side)
            height, width = image.shape[:2]
            camera = np.array([prior.camera_of_network(width, height, scale)], np.float32)
            maps = self.models.run("picture_maps", images=boxed[None], camera=camera)
            stride = boxed.shape[1] / maps["score"].shape[-1]
            self._last = Look(image, prior, camera, maps, scale, stride)
        return self._last
