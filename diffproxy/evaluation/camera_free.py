"""Evaluation without the true cameras: proxies from predicted or without cameras, and cameras found with the body.

The world of an evaluation is its first camera's, whose true pose is therefore kept; no other pose is used, and focal
lengths only where the options say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.calibration.compare import compare_rigs
from diffproxy.calibration.joint_fit import fit_with_cameras, in_world_of, with_rig
from diffproxy.calibration.report import camera_doubts
from diffproxy.calibration.view_proxies import detections, generate_each_view
from diffproxy.cameras import Camera
from diffproxy.cameras.predicted import guessed_cameras, load_predicted
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import EvalSubject
from diffproxy.pipeline.generate_proxies import FirstFit, FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.utils.errors import InputError
from diffproxy.utils.timing import Stopwatch


@dataclass(frozen=True)
class CameraFree:
    """The cameras that one subject is evaluated with."""

    options: EvaluateOptions
    body: BodyModel

    @property
    def predicted(self) -> bool:
        return self.options.cameras == "predicted"

    def assumed(self, subject: EvalSubject) -> EvalSubject:
        """The subject with the cameras that are known: predicted ones, or intrinsics and the first pose.

        Raises:
            InputError: no prediction for this subject, or one that does not fit its images.
        """
        true = subject.cameras
        if self.predicted:
            path = Path(self.options.predictions).expanduser() / f"{subject.key}.npz"
            if not path.is_file():
                fix = "write one npz for each subject (docs/paper.md)"
                raise InputError("predicted cameras of every subject", f"nothing at {path}", fix)
            known = in_world_of(load_predicted(path, true), true[0])
        else:
            fov = self.options.fov
            known = guessed_cameras(true, fov) if fov else tuple(true)
            blank = [replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in known]
            first = replace(blank[0], R_cam_world=true[0].R_cam_world, t_cam_world=true[0].t_cam_world)
            known = (first, *blank[1:])
        exact = None if subject.exact is None else with_rig(subject.exact, true, known)
        return replace(subject, cameras=list(known), exact=exact)

    def generate(
        self, generator: FrameGenerator, subject: SubjectViews, clock: Stopwatch, first_fit: FirstFit
    ) -> Generated:
        """`generate_proxies`; without predicted cameras each view by itself, since none is known from another."""
        if self.predicted:
            return generate_proxies(generator, subject, clock, first_fit)
        return generate_each_view(generator, subject, clock)  # a body of one view alone aims no crops

    def solved(
        self, made: Generated, known: EvalSubject, subject: EvalSubject
    ) -> tuple[Generated | None, dict[str, Any], list[str]]:
        """Proxies in the cameras that are found together with the body, the errors of these, and what to doubt.

        `known` is what `assumed` gave. None with a status and a reason where too few cameras see the person.
        """
        intrinsics = not self.predicted and not self.options.fov
        people = None if made.keypoints is None else detections(made, known.cameras)
        start = known.cameras
        try:
            seen = None if people is None else [people]
            found = fit_with_cameras([made.maps], start, self.body, self.predicted, intrinsics, seen)
        except InputError as error:
            return None, {"status": "failed", "reason": f"no cameras: {error.found}", "notes": []}, []
        solved = replace(made, maps=with_rig(made.maps, start, found.cameras))
        return solved, camera_errors(found.cameras, subject.cameras), camera_doubts(found.reports)


def camera_errors(found: Sequence[Camera], true: Sequence[Camera]) -> dict[str, float]:
    """Of the cameras found with the body: degrees, millimetres up to scale, and percent of scale and focal length."""
    rigs = compare_rigs(found, true)
    focal = [abs(a.K[0, 0] / b.K[0, 0] - 1) for a, b in zip(found, true, strict=True)]
    return {
        "camera_deg": rigs["mean_deg"],
        "camera_mm": rigs["mean_up_to_scale_mm"],
        "camera_scale_percent": rigs["scale_percent"],
        "focal_percent": 100 * float(np.mean(focal)),
    }
