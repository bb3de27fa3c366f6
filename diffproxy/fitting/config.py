"""Options of a fit, and its coarse-to-fine schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from diffproxy.fitting.state import BODY_JOINT_NUMBERS, HAND_JOINT_NUMBERS, Free
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, within

NETWORK_STD: dict[str, Any] = {
    "few_cameras_power": 0.6,
    "unseen_std": 1.5,
    "unobserved_std_scale": 2.6,
    "shared_std": 0.02,
}
"""Values for proxies of the packaged generator, chosen on rendered subjects that serve neither for training nor for
evaluation: whole ones with four views, two and one, and some that the pictures cut off
(docs/results/fitting.md#stated-deviations-of-images)."""


LARGEST_SETTING = 1e6
"""Of any number in `FitConfig`; none may be negative."""


@checked
@dataclass(frozen=True)
class FitConfig:
    """Options of the fitter. Lengths are in metres at the subject. The defaults suit exact and noisy proxies alike.

    Results beyond a `fail_*` threshold are `failed`, those beyond a `doubtful_*` one are `doubtful`, and those beyond a
    `warn_*` or `outlier_*` one keep their status and have a warning in `reason`.
    """

    solver: Literal["lm", "adam"] = "lm"
    objective: Literal["robust", "paper"] = "robust"
    """`robust`: Geman-McClure losses of residuals in metres, over their noise. `paper`: Eq. 6 and 7 of the paper,
    weighted squares of distances in pixels of 256 x 256 maps plus `pose_weight` times the published loss of DPoser-X,
    and the paper's stages. `preset=paper` sets what else belongs to it (conf/preset/paper.yaml)."""
    hands: bool = True
    """Use hand maps, and optimise the fingers (also from body maps)."""
    max_pixels: int = 600
    """Largest number of sampled pixels of a view."""
    min_weight: float = 0.02
    """Least weight of a pixel (0 to 1) that is used."""
    min_pixels: int = 30
    """Least number of foreground pixels of a view that counts as showing the person."""
    fit_scale: bool = True
    """Optimise a global scale beside the betas (children, unusual statures). It is fixed when betas are given."""
    prior: str = "gaussian"
    """Pose prior: none, gaussian, diffusion (the packaged network), or the path of another network (docs/prior.md)."""
    pose_weight: float = 1.0
    """Factor on the residuals of the pose prior."""
    beta_std: float = 1.0
    """Standard deviation of the prior on each beta."""
    log_scale_std: float = 0.04
    """Standard deviation of the prior on the log of the scale."""
    sigma_floor: float = 0.0005
    """Least noise level of the proxies, metres."""
    max_sigma: float = 0.04
    """Largest noise level of the proxies, metres: residuals of more than a few times this are outliers."""
    independent_pixels: int = 60
    """Number of independent pixels that a view counts as, at most: errors of neighbouring pixels are correlated."""
    independent_hand_pixels: int = 6
    """The same for the hands in a view: a network that turns a hand turns all of its pixels."""
    num_initial_rotations: int = 300
    """Rotations tried for each body segment in the search of the initial pose."""
    num_restarts: int = 3
    """Hypotheses that are optimised where one view alone shows the person. The one of least cost is kept."""
    left_right_flips: bool = True
    """Let pixels that contradict the rest be flipped to the other body side (networks mistake left for right)."""
    silhouette: bool = True
    """Keep the body within the foreground, and the foreground on the body, whatever the labels say."""
    part_regions: bool = True
    """In the last stage, draw the centre of each part's region across its bone to where the body has the part, and take
    the errors of pixels to lie in the surface."""
    fail_inlier_ratio: float = 0.3
    """Least ratio of inliers below which a fit has failed."""
    fail_robust_loss: float = 0.65
    """Mean robust loss above which a fit has failed."""
    doubtful_inlier_ratio: float = 0.75
    """Ratio of inliers below which a body is doubtful."""
    doubtful_robust_loss: float = 0.15
    """Mean robust loss above which a body is doubtful."""
    doubtful_flip_ratio: float = 0.1
    """Ratio of flipped pixels above which a body is doubtful."""
    doubtful_swapped_ratio: float = 0.02
    """Share of the pixels in parts most of whose pixels are flipped, above which a body is doubtful."""
    trusted_keypoint_agreement: float = 0.8
    """Share of the keypoints of arms and of legs at the body above which flipped pixels leave it as it is."""
    doubtful_single_camera: float = 0.25
    """Share of the observed body joints that one camera alone supports, of three and more that see the person, above
    which a body is doubtful: where pictures cut people off, two fifths of what one alone shows are not there."""
    warn_inlier_ratio: float = 0.85
    """Ratio of inliers below which there is a warning."""
    outlier_view_distance: float = 0.02
    """Median distance of a view's pixels from the body, metres, above which the view may be named in a warning."""
    outlier_view_ratio: float = 2.5
    """It is named if this distance is also so many times the median of the other views'."""
    std_scale: float = 1.0
    """Factor on `joint_std` of observed joints, for errors that neighbouring pixels and views share."""
    few_cameras_power: float = 0.0
    """`joint_std` of an observed joint that n < 4 cameras support grows by (4 / n) to this power: what few of them
    show may not be there."""
    unseen_std: float = 0.0
    """`joint_std` of observed joints grows by this times the share of the body joints that are unobserved: a network
    reads people worse of whom it sees less."""
    unobserved_std_scale: float = 1.0
    """Factor on `joint_std` of unobserved joints: poses of people vary more than the Gaussian prior says."""
    shared_std: float = 0.0
    """Metres added to `joint_std` in quadrature: errors that all views share, which no residual shows. 0 suits proxies
    without such errors; `NETWORK_STD` has the values for those of a network."""
    vertices: bool = False
    """Return the vertices as well."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not 0 <= value <= LARGEST_SETTING:
                expected = f"{name} between 0 and {LARGEST_SETTING:g}"
                raise InputError(expected, str(value)[:40], f"leave out solver.settings.{name}")
        for name in ("beta_std", "log_scale_std", "max_sigma"):
            within(f"solver.settings.{name}", getattr(self, name), 1e-9, LARGEST_SETTING)
        at_least("solver.settings.independent_pixels", self.independent_pixels, 1)
        within("solver.settings.min_weight", self.min_weight, 0.0, 1.0)
        if self.solver not in ("lm", "adam"):
            raise InputError("solver 'lm' or 'adam'", repr(self.solver), "set FitConfig.solver")
        if self.objective not in ("robust", "paper"):
            raise InputError("objective 'robust' or 'paper'", repr(self.objective), "set FitConfig.objective")
        if self.max_pixels < 10 or self.num_initial_rotations < 24:
            raise InputError(
                "max_pixels >= 10 and num_initial_rotations >= 24",
                f"{self.max_pixels} and {self.num_initial_rotations}",
                "use the defaults (600, 300)",
            )


# The coarse-to-fine schedule: global pose, then body and shape, then hands, then everything.


WRISTS = (20, 21)
LAST = "all"
"""Name of the last stage: every pixel and every parameter."""


@dataclass(frozen=True)
class Stage:
    """One run of a solver. `kernels`: robust scales in metres, in turn; 0: from the residuals' own spread."""

    name: str
    free: Free
    share: float
    """Share of the sampled pixels to use."""
    kernels: tuple[float, ...]
    iterations: int
    """Per kernel, at most."""
    threshold: float
    """Stop when one iteration lowers the cost by less than this share (paper section 4.1: 1-10 %)."""
    hands_only: bool = False
    """Use only pixels that fingers and wrists move."""


def schedule(config: FitConfig, free_shape: bool, hands: bool) -> list[Stage]:
    """The stages for a fit with or without shape and fingers."""
    scale = config.fit_scale and free_shape
    place = Free((0,), scale=scale, transl=True)
    body = Free(BODY_JOINT_NUMBERS, betas=free_shape, scale=scale, transl=True)
    everything = Free(
        (*BODY_JOINT_NUMBERS, *(HAND_JOINT_NUMBERS if hands else ())),
        betas=free_shape,
        scale=scale,
        transl=True,
    )
    if config.objective == "paper":  # section 4.1: global placement, body pose and shape, hand articulation
        fingers = Stage("hands", Free((*WRISTS, *HAND_JOINT_NUMBERS)), 1.0, (0.0,), 300, 0.01)
        return [
            Stage("place", place, 1.0, (0.0,), 300, 0.1),
            Stage("body", body, 1.0, (0.0,), 300, 0.01),
            *([fingers] if hands else []),
        ]
    stages = [
        Stage("place", place, 0.2, (0.15,), 3, 0.1),
        Stage("body", body, 0.25, (0.12, 0.05), 4, 0.02),
    ]
    if hands:
        stages.append(
            Stage(
                "hands",
                Free((*WRISTS, *HAND_JOINT_NUMBERS)),
                1.0,
                (0.1, 0.05, 0.02),
                5,
                0.02,
                hands_only=True,
            )
        )
    return [*stages, Stage(LAST, everything, 1.0, (0.0, 0.0, 0.0), 4, 0.01)]
