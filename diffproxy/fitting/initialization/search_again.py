"""Other starts for a fitted body: limbs that contradict their pixels or keypoints, that one view leaves open, or that
are most of what is seen."""

from __future__ import annotations

from dataclasses import replace

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import BODY_JOINTS
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.initialization.depth_flips import depth_flips
from diffproxy.fitting.initialization.initialize import InitialState, other_limbs
from diffproxy.fitting.initialization.keypoint_limbs import limbs_at_keypoints
from diffproxy.fitting.initialization.limb_rooted_pose import limb_rooted_pose, trunk_share
from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.fitting.result import FitResult

MIN_LOSS = 0.04
"""Mean robust loss of a fit below which pixels give no reason for a search. Exact proxies stay far below it."""

CUT_OFF, SMALL_TRUNK = 3, 1 / 3
"""Body joints that no pixel supports from which on, and share of the trunk in the sampled pixels below which limbs are
tried as the first piece, too."""


def search_again(
    state: InitialState, body: BodyModel, config: FitConfig, fitted: FitResult, free_scale: bool = True
) -> InitialState | None:
    """Search the limbs that pixels contradict, turn those that keypoints put elsewhere, flip those of a single view.

    Where little is seen of the trunk, the body is searched from a limb.

    The closed form places limbs before the solver has found the trunk and the shape; a raised leg may be taken for
    something else there, and the solver does not get from one minimum to the other. In a single view bones may lean
    towards the camera or away from it; a guess that is given has decided on that.

    Args:
        state: What the fit started from.
        body: Body model.
        config: Options of the search.
        fitted: Where the solver arrived.
        free_scale: The size of the body is fitted.

    Returns:
        The state with the bodies that have other poses of these limbs as its only hypotheses; None if there are none.
    """
    if not fitted.has_body:
        return None
    params, subject = fitted.params, state.subject
    found: list[BodyParams | None] = []
    if config.left_right_flips and fitted.robust_loss > MIN_LOSS:
        rest = state.rest.replace(betas=params.betas, scale=params.scale)
        found.append(other_limbs(subject, body, config, rest, params))
    unseen = int((fitted.joint_observed[BODY_JOINTS] < UNOBSERVED).sum())
    if fitted.robust_loss > MIN_LOSS and unseen >= CUT_OFF and trunk_share(subject, body) < SMALL_TRUNK:
        found.append(limb_rooted_pose(subject, body, config, state.rest, free_scale))
    if subject.keypoints is not None:
        found.append(limbs_at_keypoints(params, body, subject.keypoints, subject.maps.cameras))
    if subject.num_body_views == 1 and config.num_restarts > 1 and not state.guessed:
        found += depth_flips(params, body, subject.maps.cameras[subject.body_views[0]])
    hypotheses = tuple(other for other in found if other is not None)
    return replace(state, hypotheses=hypotheses) if hypotheses else None
