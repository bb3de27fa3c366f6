"""Everybody in a picture by the network of whole pictures: boxes, scores and bodies in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.detector.people import STRIDE, strongest_cells
from diffproxy.encoders.movenet import MoveNetOutput
from diffproxy.geometry.boxes import Box, as_box
from diffproxy.geometry.resampling import letterbox
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.single_view.coarse_body import CoarseBody, coarse_body, params_of
from diffproxy.single_view.fit_people import FittedPerson, PeopleFit
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.keypoint_placement import OF_WHOLE_PICTURE, shift_onto_keypoints
from diffproxy.single_view.picture_camera import picture_camera, with_focal
from diffproxy.single_view.regress_people import result_of
from diffproxy.single_view.regressor import MIN_CONFIDENCE
from diffproxy.single_view.whole_picture.choice import boxes_of, choose_people
from diffproxy.single_view.whole_picture.near_boxes import cells_near
from diffproxy.single_view.whole_picture.network import MOST_PEOPLE, WholePictureNetwork

LEAST_PEAK = 0.03
"""Of the score, below which nobody is looked for."""

FEWER_PEOPLE = 2.0
"""Taken from the logit that somebody is there: in training most queries are people, of a picture's peaks few are. With
it the default `min_score` is near where F1 is best on the validation split."""


@dataclass(frozen=True)
class ReadPerson:
    """A person of a picture.

    Attributes:
        box: Around joints and keypoints within the picture, pixels.
        score: Probability that somebody is there.
        body: In the camera's axes.
        keypoints: That the encoder shows: x, y, confidence, deviation (pixels); confidence 0 beyond the picture.
    """

    box: Box
    score: float
    body: CoarseBody
    keypoints: Float[np.ndarray, "17 4"]


class PictureReader:
    """A network of whole pictures for one body model.

    Args:
        network: The network.
        body: Body model.
        side: Longer side of its input, pixels.
    """

    def __init__(self, network: WholePictureNetwork, body: BodyModel, side: int):
        self.network, self.body, self.side = network, body, side
        self._last: tuple[np.ndarray, MoveNetOutput, float] | None = None

    @torch.no_grad()
    def read(
        self, image: UInt8[np.ndarray, "H W 3"], prior: FocalPrior, boxes: Sequence[Box] | None = None
    ) -> list[ReadPerson]:
        """People of a picture.

        Args:
            image: RGB.
            prior: What is known of the focal length.
            boxes: Where they are, one box a person; None: wherever the score has a peak.
        """
        seen, scale = self._encoded(image)
        height, width = image.shape[:2]
        told = prior.camera_of_network(width, height, scale)
        camera = torch.tensor([told], dtype=torch.float32)
        maps = self.network.neck(seen, camera)
        cells = _peaks(maps.score) if boxes is None else _near(boxes, scale / STRIDE, maps.score)
        if not cells.numel():
            return []
        out = self.network.people(maps, seen.heads, camera, cells, torch.ones_like(cells, dtype=torch.bool))
        last, count = out.stages[-1], cells.shape[1]
        body = last.body(camera[:, 0].expand(count))
        limits = (width * scale, height * scale)
        shown = boxes_of(body, self.network.skeleton, camera[:, 1:3].expand(count, 2), limits) / scale
        scores = (last.presence - FEWER_PEOPLE).sigmoid().tolist()
        keypoints = out.keypoints.double().numpy() / [scale, scale, 1, scale]
        keypoints[..., 2] *= ((keypoints[..., :2] >= 0) & (keypoints[..., :2] < (width, height))).all(-1)
        place = picture_camera(width, height, prior.focal)
        return [
            ReadPerson(
                as_box(shown[n].tolist()), scores[n],
                coarse_body(self.body, params_of(self.body, body, n, place), body, n, told[0], 0), keypoints[n],
            )
            for n in range(count)
        ]  # fmt: skip

    def find(
        self, image: UInt8[np.ndarray, "H W 3"], prior: FocalPrior, min_score: float
    ) -> list[ReadPerson]:
        """Everybody in a picture whose score reaches `min_score`, best first."""
        people = self.read(image, prior)
        boxes = np.array([p.box for p in people]).reshape(-1, 4)
        return [people[i] for i in choose_people(boxes, np.array([p.score for p in people]), min_score)]

    def _encoded(self, image: np.ndarray) -> tuple[MoveNetOutput, float]:
        """What the encoder says, and the scale of its input; of the same picture once more at once."""
        if self._last is None or self._last[0] is not image:
            boxed, scale = letterbox(image, self.side)
            pixels = torch.from_numpy(boxed).permute(2, 0, 1)[None].float() / 127.5 - 1
            self._last = image, self.network.encode(pixels), scale
        return self._last[1:]


def fitted_people(
    people: Sequence[ReadPerson], body: BodyModel, picture: Camera, prior: FocalPrior, min_score: float
) -> PeopleFit:
    """The network's bodies, moved onto the keypoints, as the result for a picture.

    Args:
        people: Of the picture.
        body: Body model.
        picture: Camera of the picture with the assumed focal length.
        prior: What is known of the focal length.
        min_score: Who is less sure has no body.
    """
    of_focal = prior.log_std if prior.fixed else 0.0  # otherwise the bodies' own deviations have it
    factor = float(np.exp(people[0].body.log_focal))  # of all the same
    camera = with_focal(picture, factor)
    bodies = [_moved(p, body, camera) if p.score >= min_score else None for p in people]
    results = [result_of(b, of_focal, "nobody is seen there") for b in bodies]
    log_std = prior.log_std if prior.fixed else people[0].body.focal_log_std
    return PeopleFit(tuple(FittedPerson(r, None) for r in results), prior.focal * factor, log_std)


def _moved(person: ReadPerson, body: BodyModel, camera: Camera) -> CoarseBody:
    """The person's body on the keypoints."""
    own = person.body
    std = OF_WHOLE_PICTURE * float(own.joints[0, 2])
    points = encoder_points(body, own.params)
    shift = shift_onto_keypoints(points, person.keypoints, camera.K, MIN_CONFIDENCE, std).astype(np.float32)
    params = own.params.replace(transl=own.params.transl + torch.as_tensor(shift))
    return replace(own, params=params, joints=own.joints + shift)


def _peaks(score: Tensor) -> Tensor:
    cells = strongest_cells(score.sigmoid(), min(MOST_PEOPLE, score[0].numel()))
    return cells[:, score.sigmoid().flatten(1)[0, cells[0]] >= LEAST_PEAK]


def _near(boxes: Sequence[Box], scale: float, score: Tensor) -> Tensor:
    return torch.tensor([cells_near(boxes, scale, score[0, 0].numpy())], dtype=torch.long)
