"""One picture to the people in it: detect, keypoints of each crop, bodies with one focal length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffproxy.geometry.boxes import Box, as_box, best_of_overlapping, expand_to_square
from diffproxy.geometry.resampling import crop_image, letterbox
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.keypoint_placement import OF_WHOLE_PICTURE
from diffproxy.single_view.onnx.bodies import posed_people, regress_people, shared_focal
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.results import Camera, PosedPicture, Seen
from diffproxy.single_view.onnx.whole_picture import PictureReader, Rows
from diffproxy.utils.timing import Stopwatch

LEAST_SIDE = 8.0
"""Pixels of the longer side of a box; what is smaller shows nobody."""


class Estimator:
    """Everything that stays the same from picture to picture.

    Args:
        models: The exported graphs.
        detector_side: Longer side of the detector's input, pixels.
        crop_side: Side of the crops of people, pixels, a multiple of 32.
        flip: Average the keypoints with those of the mirrored crop, for twice the work.
        min_score: Detections below it are left out.
        reader: The network of whole pictures, which finds and poses everybody in place of detector and crops.
    """

    def __init__(
        self,
        models: Models,
        detector_side: int = 320,
        crop_side: int = 256,
        flip: bool = True,
        min_score: float = 0.2,
        reader: PictureReader | None = None,
    ):
        self.models, self.detector_side, self.crop_side = models, detector_side, crop_side
        self.flip, self.min_score, self.reader = flip, min_score, reader

    def focal_prior(
        self, width: int, height: int, focal: float = 0.0, path: Path | None = None
    ) -> FocalPrior:
        """The focal length in pixels before anybody is looked at: `focal`, or that of a usual lens where it is 0.

        The EXIF data of `path` are not read, which OpenCV cannot do.
        """
        if focal > 0:
            return FocalPrior.given(focal, width, height)
        usual = self.models.manifest["usual_focal"]
        middle = float(usual["of_diagonal"]) * float(np.hypot(width, height))
        return FocalPrior(middle, float(usual["log_std"]), "usual lenses")

    def detect(self, image: np.ndarray, prior: FocalPrior | None = None) -> list[Seen]:
        """People in an RGB picture, best first."""
        if self.reader is not None:
            prior = prior or self.focal_prior(image.shape[1], image.shape[0])
            return self.reader.find(image, prior, self.min_score)[0]
        boxed, scale = letterbox(image, self.detector_side)
        found = self.models.run("detector", image=boxed[None])
        size = np.array(boxed.shape[1::-1] * 2, np.float32) / scale
        boxes = np.minimum(found["boxes"][0] * size, np.tile(image.shape[1::-1], 2))
        scores = found["scores"][0]
        kept = best_of_overlapping(boxes, scores, self.min_score)
        return [
            Seen(as_box(boxes[i]), float(scores[i]))
            for i in kept
            if max(boxes[i, 2:] - boxes[i, :2]) >= LEAST_SIDE
        ]

    def keypoints(self, image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
        """(N, 17, 4): x, y in pixels of the picture, confidence, deviation in pixels."""
        squares = [expand_to_square(box, self.models.manifest["crop"]["margin"]) for box in boxes]
        crops = np.stack([crop_image(image, square, self.crop_side) for square in squares])
        stated = self.models.manifest["keypoints"]
        found = self.models.run("keypoints", crops=crops)["keypoints"]
        differ = np.zeros(found.shape[:2], np.float32)
        if self.flip:
            mirrored = np.ascontiguousarray(crops[:, :, ::-1])
            other = self.models.run("keypoints", crops=mirrored)["keypoints"]
            other = (other * (-1, 1, 1) + (1, 0, 0))[:, stated["flip_order"]]
            differ = np.linalg.norm((found - other)[..., :2], axis=-1) / 2
            found = (found + other) / 2
        std = np.hypot(np.interp(found[..., 2], stated["confidence"], stated["deviation"]), differ)
        side = np.array([x1 - x0 for x0, _, x1, _ in squares])[:, None, None]
        corner = np.array([square[:2] for square in squares])[:, None]
        places = corner + side * found[..., :2]
        inside = ((places >= 0) & (places < image.shape[1::-1])).all(-1, keepdims=True)
        confidence = np.where(inside, found[..., 2:], 0)  # what is guessed beyond the picture is no evidence
        return np.concatenate([places, confidence, side * std[..., None]], -1).astype(np.float32)

    def dense(self, image: np.ndarray, box: Box, camera: Camera) -> dict[str, np.ndarray]:
        """Dense proxies of a person: `probability` (L, P, P) of each label, `uv` (2, P, P), `uv_std` (P, P) metres.

        They show the square `expand_to_square(box, margin)`, as the manifest states the margin.
        """
        settings = self.models.manifest["crop"]
        square = expand_to_square(box, settings["margin"])
        crops = crop_image(image, square, settings["size"])[None]
        x0, y0, x1, _ = square
        middle = (camera.width / 2 - x0, camera.height / 2 - y0)
        place = np.array([[camera.focal, *middle]], np.float32) / np.float32(x1 - x0)
        found = self.models.run("dense", crops=crops, camera=place)
        return {name: value[0] for name, value in found.items()}

    def run(
        self,
        image: np.ndarray,
        prior: FocalPrior,
        seen: Sequence[Seen] | None = None,
        clock: Stopwatch | None = None,
    ) -> PosedPicture:
        """All people of a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            prior: What is known of the focal length.
            seen: Where the people are; None: the detector is asked.
            clock: Adds up the seconds of each stage.
        """
        clock = clock or Stopwatch()
        size: tuple[int, int] = image.shape[1], image.shape[0]
        rows: Rows | None = None
        if self.reader is not None:
            with clock("whole picture"):
                if seen is None:
                    seen, rows = self.reader.find(image, prior, self.min_score)
                else:
                    rows = self.reader.read(image, prior, [s.box for s in seen])
        elif seen is None:
            with clock("detect"):
                seen = self.detect(image)
        if not seen:
            return PosedPicture((), Camera(*size, prior.focal), prior.log_std, prior.source, clock.seconds)
        if rows is not None:
            with clock("body"):
                return self._posed(size, prior, seen, rows, clock)
        with clock("keypoints"):
            keypoints = self.keypoints(image, [s.box for s in seen])
        with clock("body"):
            prior = shared_focal(self.models, keypoints, size, prior)
            camera = Camera(*size, prior.focal)
            people = regress_people(self.models, seen, keypoints, camera, prior.log_std)
        return PosedPicture(people, camera, prior.log_std, prior.source, clock.seconds)

    def _posed(
        self, size: tuple[int, int], prior: FocalPrior, seen: Sequence[Seen], rows: Rows, clock: Stopwatch
    ) -> PosedPicture:
        """The bodies of the network of whole pictures; who is less sure than `min_score` has none."""
        shown = rows["presence"] >= self.min_score
        boxes = [as_box(box) if there else None for box, there in zip(rows["boxes"], shown, strict=True)]
        camera = Camera(*size, prior.focal if prior.fixed else float(rows["focal"][0]))
        std = prior.log_std if prior.fixed else float(rows["focal_log_std"][0])
        of_focal = std if prior.fixed else 0.0  # otherwise the bodies' own deviations have it
        people = posed_people(
            self.models, seen, rows, rows["keypoints"], camera, of_focal, OF_WHOLE_PICTURE, shown, boxes
        )
        return PosedPicture(people, camera, std, prior.source, clock.seconds)
