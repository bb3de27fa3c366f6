"""A person detector for groups: MoveNet multipose, and whom the network of whole pictures finds besides.

The detector gives two people who overlap one box, or leaves out the one behind. The network of whole pictures has
learnt to tell them apart, but its keypoints are worse, so it only adds those whom the detector does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.body import BodyModel
from diffproxy.detector.person_detector import Candidate, PersonDetector
from diffproxy.encoders.movenet import NUM_KEYPOINTS
from diffproxy.geometry.boxes import box_iou
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.single_view.focal_length import FocalPrior, focal_prior
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.whole_picture.reader import PictureReader, ReadPerson
from diffproxy.single_view.whole_picture.weights import NAME, load_whole_picture

SIDE = 384  # of the network's input, as it was trained
MIN_SCORE = 0.4  # of the network that somebody is there
SAME = 0.1  # median distance of keypoints, over the longer side of the box, below which two are one person
SAME_BOX = 0.5  # IoU, where too few keypoints can be compared
CONFIDENCE = 0.25  # of keypoints of the network's bodies: enough to be used, less than a detected one's
BEYOND = 0.05  # of those outside of the picture: not used
FEWEST = 4  # keypoints that tell whether two are one person
DETECTED = 0.2  # confidence of a detected keypoint that is compared


@dataclass(frozen=True)
class PeopleFinder:
    """Both networks, called as `PersonDetector` is.

    Args:
        detector: MoveNet multipose, or anything that is called like it.
        reader: A `PictureReader`.
        body: Its body model.
    """

    detector: Any
    reader: Any
    body: BodyModel

    @classmethod
    def packaged(cls, body: BodyModel) -> PeopleFinder:
        """With the packaged weights of both."""
        return cls(PersonDetector.packaged(), PictureReader(load_whole_picture(NAME, body), body, SIDE), body)

    def locate(self, images: list[UInt8[np.ndarray, "H W 3"]]) -> list[list[Candidate]]:
        """People in each image (RGB, of any sizes): the detector's, best first, and then those that are added."""
        found = self.detector.locate(images)
        return [self._with_others(image, people) for image, people in zip(images, found, strict=True)]

    def _with_others(self, image: UInt8[np.ndarray, "H W 3"], people: list[Candidate]) -> list[Candidate]:
        height, width = image.shape[:2]
        prior = focal_prior(width, height)
        read = [p for p in self.reader.read(image, prior) if p.score >= MIN_SCORE]
        out = list(people)
        for person in sorted(read, key=lambda p: -p.score):
            candidate = Candidate(person.box, person.score, self._keypoints(person, width, height, prior))
            if not any(is_same(candidate, other) for other in out):
                out.append(candidate)
        return out

    def _keypoints(
        self, person: ReadPerson, width: int, height: int, prior: FocalPrior
    ) -> Float[np.ndarray, "17 3"]:
        """Where the person's body has the detector's keypoints in the image."""
        camera = picture_camera(width, height, prior.focal * float(np.exp(person.body.log_focal)))
        pixels = camera.project(encoder_points(self.body, person.body.params))
        inside = ((pixels >= 0) & (pixels < (width, height))).all(-1)  # false for what is behind the camera
        keypoints = np.full((NUM_KEYPOINTS, 3), BEYOND, np.float32)
        keypoints[inside] = np.concatenate([pixels, np.full((NUM_KEYPOINTS, 1), CONFIDENCE)], 1)[inside]
        return keypoints


def is_same(added: Candidate, other: Candidate) -> bool:
    """Whether a body of the network is a person whom somebody else has found already."""
    x0, y0, x1, y1 = added.box
    shared = (added.keypoints[:, 2] >= CONFIDENCE) & (other.keypoints[:, 2] >= DETECTED)
    if shared.sum() < FEWEST:
        return box_iou(added.box, other.box) > SAME_BOX
    off = np.linalg.norm(added.keypoints[shared, :2] - other.keypoints[shared, :2], axis=-1)
    return bool(np.median(off) < SAME * max(x1 - x0, y1 - y0, 1.0))
