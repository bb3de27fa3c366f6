"""2D keypoints of a detector as further observations of the body bundle adjustment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.calibration.body_bundle_adjustment import FrameObservations
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.cameras import Camera
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.keypoints import Person2D
from diffproxy.keypoints.keypoint_table import DETECTOR_STD, MIN_CONFIDENCE
from diffproxy.keypoints.landmarks import Landmarks

MAX_PERSON_DISTANCE = 0.4
"""Metres at the subject; a detection farther from the body than this (median of its points) is another person."""


def with_keypoints(
    frame: FrameObservations,
    people: Sequence[Sequence[Person2D]],
    cameras: Sequence[Camera],
    rig: RigState,
    body: BodyModel,
    landmarks: Landmarks,
    params: BodyParams,
) -> FrameObservations:
    """The frame with the keypoints of the person nearest to its body in every camera; views after those of the maps.

    Args:
        frame: Observations of the proxies.
        people: Whom a detector saw in each camera, pixels of `cameras`.
        cameras: Of the whole undistorted images.
        rig: Their present poses and focal lengths, which need not be right yet.
        body: The body model of `with_landmarks`.
        landmarks: Where keypoints sit on it.
        params: The frame's body (one row), world.
    """
    known = np.flatnonzero(landmarks.face >= 0)
    faces, bary = torch.from_numpy(landmarks.face[known])[None], torch.from_numpy(landmarks.bary[known])[None]
    with torch.no_grad():
        x = body.surface_points(params, faces, bary.to(params.betas))[0].double().numpy()
    count = len(frame.cameras)
    found, sigma = [frame.found], [np.full(len(frame.found), np.nan)]
    for c, camera in enumerate(cameras):
        placed = rig.place(camera, c)
        person = _nearest(people[c], placed, x, known)
        if person is None:
            continue
        rows = np.flatnonzero(person.points[known, 2] >= MIN_CONFIDENCE)
        name = known[rows]
        found.append(
            Correspondences(
                view=np.full(len(rows), count + c),
                pixel=person.points[name, :2],
                label=np.ones(len(rows), dtype=np.int64),
                face=landmarks.face[name],
                bary=landmarks.bary[name],
                weight=person.points[name, 2],
                rank=np.zeros(len(rows)),
            )
        )
        sigma.append(np.hypot(landmarks.std[name], DETECTOR_STD))
    joined = Correspondences(
        *(np.concatenate([getattr(f, k) for f in found]) for k in Correspondences.__dataclass_fields__)
    )
    return replace(
        frame,
        found=joined,
        cameras=(*frame.cameras, *cameras),
        camera_of_map=np.concatenate([frame.camera_of_map, np.arange(len(cameras))]),
        sigma=np.concatenate(sigma),
    )


def _nearest(
    people: Sequence[Person2D], camera: Camera, x: Float[np.ndarray, "k 3"], known: np.ndarray
) -> Person2D | None:
    """The detection nearest to the projected body; None beyond `MAX_PERSON_DISTANCE`."""
    pixels = camera.project(x)
    depth = (x @ camera.R_cam_world[2] + camera.t_cam_world[2]).mean()
    best: tuple[float, Person2D | None] = (MAX_PERSON_DISTANCE, None)
    for person in people:
        rows = (person.points[known, 2] >= MIN_CONFIDENCE) & np.isfinite(pixels).all(-1)
        if rows.sum() < 5:
            continue
        miss = np.linalg.norm(person.points[known][rows, :2] - pixels[rows], axis=-1)
        metres = float(np.median(miss)) * depth / camera.K[0, 0]
        if metres < best[0]:
            best = (metres, person)
    return best[1]
