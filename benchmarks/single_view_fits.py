"""The fits of one picture under several beliefs about its focal length, for `benchmarks/single_view.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from single_view_pictures import Picture

from diffproxy.body import BodyModel
from diffproxy.body.names import BODY_JOINTS
from diffproxy.evaluation.single_view_errors import SeenBody, overlap_errors, place_errors, surface_of
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.generator.test_time_rotation import predict_upright
from diffproxy.metrics import mpjpe, mpvpe, pa_mpjpe
from diffproxy.pipeline.crop_refinement import valid_pixels
from diffproxy.proxies.flip import flip_table
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.estimator import ROTATION_GAIN
from diffproxy.single_view.fit_people import FittedPerson, Observed, fit_people
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.regress_people import regress_people


class Estimator:
    """Proxies of a crop, and fits under any belief about the focal length."""

    def __init__(self, body: BodyModel, pipe: Any, flip: bool, coarse: CoarseBodies):
        self.body, self.pipe, self.coarse = body, pipe, coarse
        self.config = FitConfig(**NETWORK_STD, hands=False, max_pixels=300)
        self.keypoints = EncoderKeypointFitter(body, self.config)
        self.table = flip_table(body) if flip else None

    def observe(self, picture: Picture, focal: float) -> Observed:
        camera, size = picture_camera(*picture.size, focal), picture.rgb.shape[0]
        image = torch.from_numpy(picture.rgb.copy()).permute(2, 0, 1)[None].float() / 255
        crop = camera.crop(picture.box, (size, size))
        made = predict_upright(
            self.pipe, image, [crop], ["body"], 0, 1, None, self.table, least_gain=ROTATION_GAIN
        )
        valid = valid_pixels(camera, picture.box, made.proxies.labels.shape[1])[None]
        maps = replace(made.proxies, valid=valid)
        evidence = None if made.keypoints is None else self.keypoints.evidence_in(maps, made.keypoints)
        return Observed(maps, evidence, made.keypoints, (picture.box,))

    def errors(
        self, picture: Picture, seen: Observed, prior: FocalPrior, start: Any = None, network: bool = False
    ) -> tuple[dict, Any]:
        """Errors of one method, and the fitted body."""
        maps = seen.maps
        crop = picture_camera(*picture.size, prior.focal).crop(seen.boxes[0], maps.labels.shape[1:])
        seen = replace(seen, maps=replace(maps, cameras=(crop,)))
        starts, coarse = None if start is None else [start], self.coarse if network else None
        fitted = fit_people([seen], self.body, prior, self.config, starts, coarse)
        return body_row(self.body, picture, fitted.people[0], fitted.focal, fitted.log_std)

    def regressed(self, picture: Picture, seen: Observed, prior: FocalPrior) -> dict[str, Any]:
        """Errors of the regressor alone."""
        camera, side = picture_camera(*picture.size, prior.focal), seen.maps.labels.shape[1]
        found = regress_people(seen.detected, seen.boxes, side, camera, prior, self.coarse)
        return body_row(self.body, picture, found.people[0], found.focal, found.log_std)[0]


def body_row(
    body: BodyModel, picture: Picture, person: FittedPerson, f: float, log_std: float
) -> tuple[dict[str, Any], Any]:
    """Errors of a fitted body and of its focal length, and the fit; only the status where there is no body."""
    if not person.result.has_body:
        return {"status": person.result.status}, None
    with torch.no_grad():
        vertices = body(person.result.params).vertices[0].double().numpy()
    joints = person.result.joints.astype(np.float64)
    row: dict[str, Any] = place_errors(joints[0], picture.joints[0], f, picture.focal)
    mine, true = joints[BODY_JOINTS], picture.joints[BODY_JOINTS]
    surface, assumed = surface_of(body), picture_camera(*picture.size, f)
    row |= {
        "status": person.result.status,
        "mpjpe": float(mpjpe(mine, true, root=0)),
        "pa_mpjpe": float(pa_mpjpe(mine, true)),
        "pve": float(mpvpe(vertices, picture.vertices, (joints[0], picture.joints[0]))),
        **overlap_errors(
            SeenBody(vertices, surface, assumed),
            SeenBody(picture.vertices, surface, picture.camera),
            picture.box,
        ),
        "tz_std": person.depth_std,
        "tz_sigmas": abs(joints[0, 2] - picture.joints[0, 2]) / person.depth_std,
    }
    if log_std > 0:
        row |= {"f_log_std": log_std, "f_sigmas": abs(np.log(f / picture.focal)) / log_std}
    return row, person.result
