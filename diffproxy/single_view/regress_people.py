"""The people of one picture by the regressor alone: no proxies, no fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting import FitResult
from diffproxy.geometry.boxes import Box
from diffproxy.single_view.coarse_body import CoarseBodies, CoarseBody, picture_view
from diffproxy.single_view.fit_people import FittedPerson, PeopleFit
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.picture_camera import picture_camera

MIN_CONFIDENCE_REGRESSED = 0.5
"""Of the network, below which its own body is `doubtful`; a fit to proxies needs far less of it."""


def regress_people(
    keypoints: Float[np.ndarray, "N 17 4"],
    boxes: Sequence[Box],
    crop_side: int,
    picture: Camera,
    prior: FocalPrior,
    coarse: CoarseBodies,
) -> PeopleFit:
    """Bodies of all people of a picture, and one focal length.

    Args:
        keypoints: Of each person's crop, in its pixels.
        boxes: The crops, in pixels of the picture.
        crop_side: Side of the crops, pixels.
        picture: Camera of the picture with the assumed focal length.
        prior: What is known of the focal length.
        coarse: The regressor.

    Returns:
        The people in the order given: `one_view`, `doubtful`, or `no_person` with too few keypoints.
    """
    views = []
    for points, box in zip(keypoints, boxes, strict=True):
        crop = picture.crop(box, (crop_side, crop_side))
        moved, camera = picture_view(points, crop, box, 0.0 if prior.fixed else prior.log_std)
        beyond = (moved[:, :2] < 0).any(1) | (moved[:, :2] >= (picture.width, picture.height)).any(1)
        moved[beyond, 2] = 0.0
        views.append((moved, camera))
    bodies = coarse.of_pictures(views, [picture] * len(views))
    log_factor, log_std = shared_focal([b for b in bodies if b is not None], prior)
    focal = prior.focal * float(np.exp(log_factor))
    if not prior.fixed and len(bodies) > 1:
        # Everybody once more under the focal length that they agree on.
        picture = picture_camera(picture.width, picture.height, focal)
        known = [(points, np.array([*camera[:2], focal, 0.0])) for points, camera in views]
        bodies = coarse.of_pictures(known, [picture] * len(views))
        of_focal = log_std
    else:
        of_focal = prior.log_std if prior.fixed else 0.0  # the network's own depth deviation has it
    return PeopleFit(tuple(FittedPerson(result_of(b, of_focal), None) for b in bodies), focal, log_std)


def shared_focal(bodies: Sequence[CoarseBody], prior: FocalPrior) -> tuple[float, float]:
    """Log of the focal length over the assumed one, and its deviation, by the prior and everybody's evidence.

    Each body's estimate contains the prior, which counts once.
    """
    if prior.fixed or not bodies:
        return 0.0, prior.log_std
    certain = 1 / prior.log_std**2
    own = np.array([max(1 / b.focal_log_std**2, certain) for b in bodies])
    total = certain + float((own - certain).sum())
    return float((own * [b.log_focal for b in bodies]).sum()) / total, total**-0.5


def result_of(body: CoarseBody | None, of_focal: float, missing: str = "too few keypoints") -> FitResult:
    """A network's body as the result for a person.

    Args:
        body: None: there is none.
        of_focal: Deviation of the log of the focal length that the body's own deviations do not have yet.
        missing: Why there is none.
    """
    if body is None:
        rest = BodyParams.rest(1)
        std = np.full(55, np.inf, dtype=np.float32)
        return FitResult(rest, np.full((55, 3), np.nan, np.float32), std, "no_person", missing)
    sure = body.confidence >= MIN_CONFIDENCE_REGRESSED
    reason = "" if sure else f"the network is {100 * body.confidence:.0f} % sure of the pose"
    shift = of_focal * abs(float(body.joints[0, 2]))
    std = np.hypot(body.joint_std, shift).astype(np.float32)
    return FitResult(body.params, body.joints, std, "one_view" if sure else "doubtful", reason)
