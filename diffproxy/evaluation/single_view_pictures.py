"""Single pictures of data sets with the people in them; one person estimated alone, and the errors of a found body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.evaluation.datasets.subject import PendingSubject
from diffproxy.evaluation.protocol import Protocol
from diffproxy.evaluation.single_view_errors import (
    SeenBody,
    common_box,
    overlap_errors,
    place_errors,
    surface_of,
)
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.geometry.boxes import Box, box_iou
from diffproxy.pipeline.results import FrameResult, params_to_arrays, posed_vertices
from diffproxy.single_view.estimator import FittedPicture, Person, Seen, SingleViewEstimator
from diffproxy.single_view.focal_length import focal_prior
from diffproxy.utils.errors import InputError

SAME_PERSON_IOU = 0.3
"""Least overlap of a detection with the box of the true body, with boxes=detector."""


@dataclass(frozen=True)
class PictureTruth:
    """A picture and the people in it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        camera: Its camera, whose axes are the world's.
        bodies: In the camera's axes, metres.
        counted: Of each body, whether it has to be found.
    """

    key: str
    image: np.ndarray
    camera: Camera
    bodies: tuple[TrueBody, ...]
    counted: tuple[bool, ...]

    @property
    def focal(self) -> float:
        """Pixels."""
        return float(self.camera.K[0, 0])


def pelvis_of(body: TrueBody) -> Float[np.ndarray, "3"]:
    """Pelvis of the true body, metres, in the axes of `TrueBody.joints`."""
    return body.joints["smplx22"][0]


def grouped(
    subjects: Iterable[PendingSubject], everybody: bool
) -> Iterator[tuple[str, list[PendingSubject]]]:
    """The subjects one by one with their keys; `everybody`: those of a picture together, with the picture's key."""
    if not everybody:
        yield from ((s.key, [s]) for s in subjects)
        return
    for key, members in groupby(subjects, key=lambda s: s.picture or s.key):
        yield key, [*members]


def pictures_of(key: str, pending: Sequence[PendingSubject]) -> Iterator[PictureTruth]:
    """Every camera by itself, with all of these subjects.

    Raises:
        InputError: the joints of a body are not known, so that there is no pelvis.
    """
    subjects = [p.load() for p in pending]
    bodies: list[TrueBody] = []
    for subject in subjects:
        true = subject.true_body
        if true is None or "smplx22" not in true.joints:
            found = "a mesh alone" if true is not None else "parameters of the fitted body"
            raise InputError(f"a body of the SMPL family in {subject.key}", found, "give models=DIR")
        bodies.append(true)
    first, counted = subjects[0], tuple(p.counted for p in pending)
    for image, camera in zip(first.images, first.cameras, strict=True):
        name = key if len(first.cameras) == 1 else f"{key}/{camera.name}"
        own = Camera("own", camera.width, camera.height, camera.K, np.eye(3), np.zeros(3))
        yield PictureTruth(name, image, own, tuple(b.seen_by(camera) for b in bodies), counted)


def pixel_box(points: Float[np.ndarray, "N 3"], camera: Camera) -> Box | None:
    """The box around points in the camera's axes, in pixels, also beyond the picture; None if all are behind it."""
    pixels = camera.project(points.astype(np.float64))
    pixels = pixels[np.isfinite(pixels).all(-1)]
    if not len(pixels):
        return None
    (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
    return x0, y0, x1, y1


def picture_row(
    picture: PictureTruth,
    estimator: SingleViewEstimator,
    options: SingleViewEvaluationOptions,
    protocol: Protocol,
) -> dict[str, Any]:
    """The row of one picture of one person.

    Args:
        picture: The picture and its true body.
        estimator: What is evaluated.
        options: Where the person is looked for, and whether the estimator is told the true focal length.
        protocol: Joints and alignment.

    Returns:
        Depth (metres), focal length (pixels), status, and with a body the errors.
    """
    (true,) = picture.bodies
    camera, depth = picture.camera, float(pelvis_of(true)[2])
    row: dict[str, Any] = {"key": picture.key, "depth_m": depth, "focal_px": picture.focal}
    box = pixel_box(true.points, camera)
    if box is None:
        return row | {"status": "no_person", "reason": "the true body is behind the camera"}
    seen = [Seen(box, 1.0)]
    if options.boxes == "detector":
        found = [s for s in estimator.detect(picture.image) if box_iou(s.box, box) >= SAME_PERSON_IOU]
        seen = sorted(found, key=lambda s: -box_iou(s.box, box))[:1]
        if not seen:
            return row | {"status": "no_person", "reason": "not detected"}
    prior = focal_prior(camera.width, camera.height, picture.focal if options.known_focal else 0.0)
    result = estimator.run(picture.image, prior, seen)
    (person,) = result.people
    fitted = person.fit.result
    row |= {"status": fitted.status, "reason": fitted.reason}
    return row | person_errors(true, picture, person, result, protocol) if fitted.has_body else row


def record_of(person: Person) -> FrameResult:
    """The fitted body, which must be there, as the protocol wants it."""
    fitted = person.fit.result
    params = params_to_arrays(fitted.params)
    return FrameResult(0, fitted.status, fitted.reason, params, fitted.joints, fitted.joint_std)


def person_errors(
    true: TrueBody, picture: PictureTruth, person: Person, result: FittedPicture, protocol: Protocol
) -> dict[str, float]:
    """Errors of the body of `person` to `true`: BLADE's and the protocol's; overlaps where triangles are known."""
    record, focal = record_of(person), float(result.camera.K[0, 0])
    row = protocol.errors(record, true)
    row |= place_errors(record.joints[0].astype(np.float64), pelvis_of(true), focal, picture.focal)
    row |= {"tz_std_m": person.fit.depth_std, "f_log_std": result.focal_log_std}
    if true.surface is not None and true.vertices is not None:
        mine = SeenBody(posed_vertices(protocol.body, record), surface_of(protocol.body), result.camera)
        theirs = SeenBody(true.vertices, true.surface, picture.camera)
        row |= overlap_errors(mine, theirs, common_box([mine, theirs]))
    return row
