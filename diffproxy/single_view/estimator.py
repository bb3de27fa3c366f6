"""One picture to the people in it: detect, crop, dense proxies, bodies with one focal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.geometry.boxes import Box, expand_to_square
from diffproxy.pipeline.crop_refinement import crop_views
from diffproxy.pipeline.generate_proxies import FrameGenerator, GenerateConfig, generate_proxies
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.fit_people import FittedPerson, Observed, PeopleFit, fit_people
from diffproxy.single_view.focal_length import FocalPrior, focal_prior
from diffproxy.single_view.others_pixels import without_each_other, without_each_others_bodies
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.picture_result import PictureResult
from diffproxy.single_view.regress_people import regress_people
from diffproxy.single_view.whole_picture.reader import PictureReader, ReadPerson, fitted_people
from diffproxy.utils.errors import InputError
from diffproxy.utils.timing import Stopwatch

ROTATION_GAIN = 0.15
"""Least gain in the mean probability of labels by which a crop is read another way up; higher than with several views,
which correct each other. Of 20 unsure crops of subjects of the training split two gain more, and are then read right;
five gain less, and would all be read worse."""
LEAST_SIDE = 8.0
"""Pixels of the longer side of a box; what is smaller shows nobody."""


@dataclass(frozen=True)
class Seen:
    """A person in a picture before the fit: box and score of the detector (or of the previous frame), and a guess."""

    box: Box
    score: float
    start: BodyParams | None = None


@dataclass(frozen=True)
class Person:
    """A person of a picture: where, how sure the detector was, and the fitted body."""

    box: Box
    score: float
    fit: FittedPerson

    @property
    def has_body(self) -> bool:
        return self.fit.result.has_body

    @property
    def joints(self) -> Float[np.ndarray, "55 3"]:
        """Metres; NaN without a body."""
        return self.fit.result.joints

    @property
    def depth(self) -> float:
        """Depth of the pelvis, metres; NaN without a body."""
        return self.fit.depth

    @property
    def depth_std(self) -> float:
        """Its standard deviation, metres; infinite without a body."""
        return self.fit.depth_std


FittedPicture = PictureResult[Person, Camera]


class SingleViewEstimator:
    """Everything that stays the same from picture to picture.

    Args:
        body: Body model.
        pipe: Proxy generator.
        detector: Person detector.
        generate: How proxies are generated; hand crops are not used.
        config: Options of the fitter.
        min_score: Detections below it are left out.
        coarse: The regressor, whose bodies are among the starts of the fit; None: the closed form alone.
        polish: Fit the bodies to dense proxies; otherwise those of the network are the answer, without proxies.
        reader: A network of whole pictures in place of the detector: it finds the people, and gives the bodies that
            are the answer without `polish`, and starts of the fit with it.
    """

    def __init__(
        self,
        body: BodyModel,
        pipe: Any,
        detector: Any,
        generate: GenerateConfig,
        config: FitConfig | None = None,
        min_score: float = 0.2,
        coarse: CoarseBodies | None = None,
        polish: bool = True,
        reader: PictureReader | None = None,
    ):
        self.body, self.pipe, self.detector, self.generate = body, pipe, detector, generate
        self.config = config or FitConfig(**NETWORK_STD, hands=False)
        self.keypoints = EncoderKeypointFitter(body, self.config)
        self.min_score, self.coarse, self.polish, self.reader = min_score, coarse, polish, reader

    def focal_prior(self, width: int, height: int, focal: float, path: Path | None = None) -> FocalPrior:
        """The belief with which a picture is fitted (`focal_length.focal_prior`)."""
        return focal_prior(width, height, focal, path)

    def detect(self, image: UInt8[np.ndarray, "H W 3"], prior: FocalPrior | None = None) -> list[Seen]:
        """People in the picture, best first; `prior`: as of `run`, None: nothing is known."""
        if self.reader is not None:
            prior = prior or focal_prior(image.shape[1], image.shape[0])
            return [Seen(p.box, p.score) for p in self.reader.find(image, prior, self.min_score)]
        found: list[Candidate] = self.detector.locate([image], min_score=self.min_score)[0]
        boxes = [c for c in found if max(c.box[2] - c.box[0], c.box[3] - c.box[1]) >= LEAST_SIDE]
        return [Seen(c.box, c.score) for c in boxes]

    def observe(
        self, image: UInt8[np.ndarray, "H W 3"], camera: Camera, box: Box, clock: Stopwatch
    ) -> Observed:
        """Dense proxies and keypoints of the person in `box`; `camera` has the assumed focal length."""
        generator = FrameGenerator(self.pipe, self.body, self.generate)
        made = generate_proxies(generator, SubjectViews([image], [camera], [box]), clock)
        return self._with_evidence(Observed(made.maps, None, made.keypoints, made.boxes, made.notes))

    def _with_evidence(self, person: Observed) -> Observed:
        """The person with the keypoints of the encoder that are fitted together with the proxies."""
        if person.detected is None:
            return person
        return replace(person, keypoints=self.keypoints.evidence_in(person.maps, person.detected))

    def regress(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        camera: Camera,
        seen: Sequence[Seen],
        prior: FocalPrior,
        clock: Stopwatch,
    ) -> PeopleFit:
        """Bodies of the regressor alone, from the keypoints of one crop a person."""
        if self.coarse is None:
            raise InputError("a regressor for polish=false", "none", "use the packaged one, or polish=true")
        with clock("crop"):
            boxes = [expand_to_square(s.box, self.generate.margin) for s in seen]
            crops = crop_views([image] * len(boxes), [camera] * len(boxes), boxes, self.generate.size)
        with clock("keypoints"):
            keypoints = self.pipe.keypoints(crops.images, self.generate.tta_flip)
        if keypoints is None:
            wanted = "a generator whose encoder predicts keypoints"
            raise InputError(wanted, "one without", "use generator=nano, or polish=true")
        with clock("regressor"):
            return regress_people(keypoints, boxes, self.generate.size, camera, prior, self.coarse)

    def run(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        prior: FocalPrior,
        seen: Sequence[Seen] | None = None,
        clock: Stopwatch | None = None,
    ) -> FittedPicture:
        """All people of a picture.

        Args:
            image: RGB.
            prior: What is known of the focal length.
            seen: Where the people are; None: the detector says it.
            clock: Adds up the seconds of each stage.

        Returns:
            The people, and the camera with the estimated focal length.
        """
        clock = clock or Stopwatch()
        height, width = image.shape[:2]
        read: list[ReadPerson] = []
        if self.reader is not None:
            with clock("whole picture"):
                if seen is None:
                    read = self.reader.find(image, prior, self.min_score)
                    seen = [Seen(p.box, p.score) for p in read]
                else:
                    read = self.reader.read(image, prior, [s.box for s in seen])
                seen = [replace(s, start=s.start or p.body.params) for s, p in zip(seen, read, strict=True)]
        if seen is None:
            with clock("detect"):
                seen = self.detect(image)
        camera = picture_camera(width, height, prior.focal)
        if not seen:
            return FittedPicture((), camera, prior.log_std, prior.source, clock.seconds)
        if self.polish:
            observed = without_each_other([self.observe(image, camera, s.box, clock) for s in seen])
            with clock("fit"):
                starts = [s.start for s in seen]
                fitted = fit_people(observed, self.body, prior, self.config, starts, self.coarse)
                left = without_each_others_bodies(observed, fitted.people, self.body)
                if any(a is not b for a, b in zip(left, observed, strict=True)):
                    left = [self._with_evidence(person) for person in left]
                    fitted = fit_people(left, self.body, prior, self.config, starts, self.coarse)
        elif self.reader is not None:
            fitted = fitted_people(read, self.body, camera, prior, self.min_score)
        else:
            fitted = self.regress(image, camera, seen, prior, clock)
        people = tuple(Person(s.box, s.score, f) for s, f in zip(seen, fitted.people, strict=True))
        camera = picture_camera(width, height, fitted.focal)
        return FittedPicture(people, camera, fitted.log_std, prior.source, clock.seconds)
