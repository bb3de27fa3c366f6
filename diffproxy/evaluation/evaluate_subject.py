"""One subject of known body through the whole pipeline, and its errors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from diffproxy.body import BodyModel
from diffproxy.calibration.joint_fit import with_rig
from diffproxy.evaluation.camera_free import CameraFree
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import EvalSubject
from diffproxy.evaluation.observed_joints import joint_errors, names_unseen_parts, observed_joints
from diffproxy.evaluation.protocol import Protocol
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline import inputs
from diffproxy.pipeline.fit_frame import BodyFitter, first_fit, fit_frame
from diffproxy.pipeline.frame_source import with_camera_doubts
from diffproxy.pipeline.generate_proxies import FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.ground_truth_errors import frame_errors
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.person_boxes import Located
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError
from diffproxy.utils.timing import Stopwatch


@dataclass(frozen=True)
class SubjectEvaluator:
    """Everything that stays the same from subject to subject.

    Args:
        options: Of the evaluation.
        fitter: What proxies are fitted with.
        networks: The generator, and the detector for images=full; not needed for exact proxies.
        protocol: Joints and alignment of a published benchmark.
        free: Predicts or guesses the cameras; None: they are given.
    """

    options: EvaluateOptions
    fitter: BodyFitter
    networks: Networks
    protocol: Protocol
    free: CameraFree | None

    def row(self, subject: EvalSubject) -> dict[str, Any]:
        """Status, errors and seconds of one subject; without a body no errors.

        Raises:
            InputError: data made with another body topology, or no exact proxies where these are asked for.
        """
        body = self.fitter.body
        _check_topology(subject, body)
        begin, clock = time.perf_counter(), Stopwatch()
        known = subject if self.free is None else self.free.assumed(subject)
        made = self._proxies(known, clock)
        shown = made  # on the pixel grids of the data set
        row: dict[str, Any] = {"key": subject.key, "status": "no_person", "views": len(subject.cameras)}
        found, doubts = None, list[str]()
        if self.free is not None and made is not None:
            shown = replace(made, maps=with_rig(made.maps, known.cameras, subject.cameras))
            with clock("cameras"):
                made, changes, doubts = self.free.solved(made, known, subject)
            row |= changes
        if made is not None:
            try:
                found = with_camera_doubts(fit_frame(0, made, self.fitter, clock=clock), doubts)
            except np.linalg.LinAlgError as error:
                row |= {"status": "failed", "reason": f"the fit does not converge: {error}", "notes": []}
        if found is not None and shown is not None:
            row |= {"status": found.status, "reason": found.reason, "notes": found.info["notes"]}
            row |= _errors(found, subject, body, self.protocol) | _proxy_errors(shown.maps, subject, body)
            row |= {"residual_px": found.info.get("residual_px"), **subject.info}
        return row | {"seconds": time.perf_counter() - begin, "stages": clock.seconds}

    def _proxies(self, subject: EvalSubject, clock: Stopwatch) -> Generated | None:
        """Exact or generated proxies of one subject; None when the detector finds nobody."""
        options, networks, body = self.options, self.networks, self.fitter.body
        if options.proxies == "exact":
            if subject.exact is None:
                raise InputError(
                    "a data set with exact proxies", subject.key, "write proxies=generated images=crops"
                )
            bodies = [v for v, kind in enumerate(subject.exact.kind) if kind == "body"]
            return Generated(subject.exact if options.hands else subject.exact.select(bodies), ())
        config = inputs.generate_config(options, networks.pipe, 1.2 if subject.boxes is None else 1.0)
        boxes: Sequence[Box | None] | None = subject.boxes
        if boxes is None:
            with clock("locate"):
                boxes = Located(networks.detector).find(0, subject.images, subject.cameras, None).boxes
        views = SubjectViews.with_box(subject.images, subject.cameras, boxes)
        if not len(views):
            return None
        generator = FrameGenerator(networks.pipe, body, config)
        generate = generate_proxies if self.free is None else self.free.generate
        return generate(generator, views, clock, first_fit(body, self.fitter.config))


def _check_topology(subject: EvalSubject, body: BodyModel) -> None:
    if subject.topology and subject.topology != body.topology_id:
        raise InputError(
            f"subjects of body topology {body.topology_id} ({body.name})",
            f"{subject.topology} in {subject.key}",
            "evaluate with the body that the data were made with: body=FILE",
        )


def _errors(found: FrameResult, subject: EvalSubject, body: BodyModel, protocol: Protocol) -> dict[str, Any]:
    if not found.has_body:
        return {}
    if subject.true_body is not None:
        return dict(protocol.errors(found, subject.true_body))
    truth = subject.truth
    if np.isnan(truth.joints).any():
        with torch.no_grad():
            truth = replace(truth, joints=body.joints(truth.body_params())[0].numpy())
    errors: dict[str, Any] = frame_errors(found, truth, body)
    if subject.exact is not None:
        errors |= joint_errors(found, truth.joints, observed_joints(subject.exact, body))
        errors["unseen_named"] = names_unseen_parts(found)
    return errors


def _proxy_errors(maps: ProxyMaps, subject: EvalSubject, body: BodyModel) -> dict[str, float]:
    """Scores of the body views against the exact proxies, seen on the generated maps' own pixels."""
    from diffproxy.metrics import proxy_scores

    if subject.exact is None:
        return {}
    names = {c.name: v for v, c in reversed(list(enumerate(subject.exact.cameras)))}
    views = [v for v, kind in enumerate(maps.kind) if kind == "body"]
    pairs = [resample(subject.exact, names[maps.cameras[v].name], maps.cameras[v]) for v in views]
    true_labels, true_uv = (np.stack([p[k] for p in pairs]) for k in (0, 1))
    return proxy_scores(maps.labels[views], maps.uv[views], true_labels, true_uv, body)


def resample(exact: ProxyMaps, view: int, camera: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels and UV of one exact view at the pixel centres of another crop of the same camera (nearest pixel)."""
    cols, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    source = exact.cameras[view]
    H = source.K @ np.linalg.inv(camera.K)
    x, y = (H[k, 0] * cols + H[k, 1] * rows + H[k, 2] for k in (0, 1))
    inside = (x >= 0) & (x < source.width) & (y >= 0) & (y < source.height)
    i = np.clip(np.floor(y), 0, source.height - 1).astype(int)
    j = np.clip(np.floor(x), 0, source.width - 1).astype(int)
    labels = np.where(inside, exact.labels[view][i, j], 0).astype(np.uint8)
    return labels, (exact.uv[view][i, j] * inside[..., None]).astype(np.float32)
