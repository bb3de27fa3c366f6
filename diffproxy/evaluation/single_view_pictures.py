"""The pictures of a data set with a body of known parameters each, estimated alone, and their errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.evaluation.datasets import EvalSubject
from diffproxy.evaluation.protocol import Protocol
from diffproxy.evaluation.single_view_errors import (
    SeenBody,
    common_box,
    overlap_errors,
    place_errors,
    surface_of,
)
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.geometry.boxes import box_iou
from diffproxy.pipeline.results import FrameResult, params_to_arrays, posed_vertices
from diffproxy.single_view.estimator import Person, PictureResult, Seen, SingleViewEstimator
from diffproxy.single_view.focal_length import focal_prior
from diffproxy.utils.errors import InputError

SAME_PERSON_IOU = 0.3
"""Least overlap of a detection with the box of the true body, with boxes=detector."""


@dataclass(frozen=True)
class PictureTruth:
    """A picture and the body in it; the body in the camera's axes."""

    key: str
    image: np.ndarray
    camera: Camera
    body: TrueBody

    @property
    def pelvis(self) -> np.ndarray:
        return self.body.joints["smplx22"][0]


def pictures_of(subject: EvalSubject) -> Iterator[PictureTruth]:
    """Every camera of a subject by itself.

    Raises:
        InputError: the body's joints are not known, so that there is no pelvis.
    """
    true = subject.true_body
    if true is None or "smplx22" not in true.joints:
        found = "a mesh alone" if true is not None else "parameters of the fitted body"
        raise InputError(f"a body of the SMPL family in {subject.key}", found, "give models=DIR")
    for image, camera in zip(subject.images, subject.cameras, strict=True):
        key = subject.key if len(subject.cameras) == 1 else f"{subject.key}/{camera.name}"
        yield PictureTruth(key, image, camera, true.seen_by(camera))


def picture_row(
    picture: PictureTruth,
    estimator: SingleViewEstimator,
    boxes: str,
    known_focal: bool,
    protocol: Protocol,
) -> dict[str, Any]:
    """The row of one picture.

    Args:
        picture: The picture and its true body.
        estimator: What is evaluated.
        boxes: `truth`: around the projected true body; `detector`: by the estimator's detector.
        known_focal: The estimator is told the true focal length.
        protocol: Joints and alignment.

    Returns:
        Depth (metres), focal length (pixels), status, and with a body the errors.
    """
    own = Camera("own", picture.camera.width, picture.camera.height, picture.camera.K, np.eye(3), np.zeros(3))
    focal = float(own.K[0, 0])
    pixels = own.project(picture.body.points)
    pixels = pixels[np.isfinite(pixels).all(-1)]
    row: dict[str, Any] = {"key": picture.key, "depth_m": float(picture.pelvis[2]), "focal_px": focal}
    if not len(pixels):
        return row | {"status": "no_person", "reason": "the true body is behind the camera"}
    (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
    box = (x0, y0, x1, y1)
    seen = [Seen(box, 1.0)]
    if boxes == "detector":
        found = [s for s in estimator.detect(picture.image) if box_iou(s.box, box) >= SAME_PERSON_IOU]
        seen = sorted(found, key=lambda s: -box_iou(s.box, box))[:1]
        if not seen:
            return row | {"status": "no_person", "reason": "not detected"}
    prior = focal_prior(own.width, own.height, focal if known_focal else 0.0)
    result = estimator.run(picture.image, prior, seen)
    (person,) = result.people
    fitted = person.fit.result
    row |= {"status": fitted.status, "reason": fitted.reason}
    return row | _errors(picture, own, person, result, protocol) if fitted.has_body else row


def _errors(
    picture: PictureTruth, own: Camera, person: Person, result: PictureResult, protocol: Protocol
) -> dict[str, float]:
    fitted = person.fit.result
    record = FrameResult(
        0, fitted.status, fitted.reason, params_to_arrays(fitted.params), fitted.joints, fitted.joint_std
    )
    focal, pelvis = float(result.camera.K[0, 0]), fitted.joints[0].astype(np.float64)
    row = protocol.errors(record, picture.body) | place_errors(
        pelvis, picture.pelvis, focal, float(own.K[0, 0])
    )
    row |= {"tz_std_m": person.fit.depth_std, "f_log_std": result.focal_log_std}
    if picture.body.surface is not None and picture.body.vertices is not None:
        body: BodyModel = protocol.body
        mine = SeenBody(posed_vertices(body, record), surface_of(body), result.camera)
        true = SeenBody(picture.body.vertices, picture.body.surface, own)
        row |= overlap_errors(mine, true, common_box([mine, true]))
    return row
