"""Options of a fit, and its coarse-to-fine schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diffproxy.fitting.state import BODY_JOINTS, HAND_JOINTS, Free
from diffproxy.utils.errors import InputError

NETWORK_STD = {"std_scale": 1.5, "unobserved_std_scale": 2.0, "shared_std": 0.025}
"""For proxies of the packaged generator. On 19 rendered subjects (`python -m render_synth seed=101`, numbers 46 to 64),
which it was neither trained nor is judged on, observed body joints lie within one and two deviations in 67 and 95 %. Of
numbers 0 to 29 with a third to two thirds of the body cut off, unobserved joints do in 85 and 99 % where the observed
ones are right (a mean error under 10 cm, 18 subjects), and in 61 and 78 % of all."""


@dataclass(frozen=True)
class FitConfig:
    """Lengths in metres, measured on the subject. The defaults suit exact and noisy proxies alike."""

    solver: Literal["lm", "adam"] = "lm"
    hands: bool = True
    """Use hand maps, and move the fingers (also from body maps)."""
    max_pixels: int = 600
    """Per view."""
    min_weight: float = 0.02
    """Pixels less reliable than this are not used."""
    min_pixels: int = 30
    """A view with fewer foreground pixels does not count as seeing the person."""
    fit_scale: bool = True
    """A global scale beside the betas (children, unusual statures). Fixed at 1 when betas are given."""
    prior: str = "gaussian"
    """Of poses: none, gaussian, diffusion (the packaged network), or the path of another (docs/prior.md)."""
    pose_weight: float = 1.0
    beta_std: float = 1.0
    log_scale_std: float = 0.04
    sigma_floor: float = 0.0005
    """Proxies are never believed to be better than this."""
    independent_pixels: int = 60
    """Per view. Errors of neighbouring pixels go together: a view weighs like this many independent ones."""
    num_initial_rotations: int = 300
    """Rotations tried per piece in the closed-form start."""
    left_right_flips: bool = True
    """Let pixels that contradict the rest be read as their part's mirror image (networks mistake left for right)."""
    silhouette: bool = True
    """Keep the body within the foreground and the foreground on the body, whatever the labels say."""
    max_sigma: float = 0.04
    """Nor to be worse: residuals of more than a few times this are outliers, not noise."""
    fail_inlier_ratio: float = 0.3
    """A fit that explains a smaller share of the proxies than this has failed."""
    fail_robust_loss: float = 0.65
    """So has one whose `FitResult.robust_loss` is larger."""
    doubtful_robust_loss: float = 0.15
    """A body with a robust loss beyond this is doubtful."""
    warn_inlier_ratio: float = 0.85
    """A fit that explains a smaller share of the proxies than this is remarked upon in the reason, and ..."""
    doubtful_inlier_ratio: float = 0.75
    """... one that explains less than this is doubtful."""
    doubtful_flip_ratio: float = 0.1
    """Share of pixels read on the other side beyond which a body is doubtful."""
    outlier_view_distance: float = 0.02
    """A view whose pixels miss the body by more than this (median, metres) and by ..."""
    outlier_view_ratio: float = 2.5
    """... times as much as in the median of the other views disagrees with them, and is named in the reason."""
    num_restarts: int = 3
    """Starts tried where one view alone shows the person; the cheapest fit is kept."""
    std_scale: float = 1.0
    """Factor on `joint_std` of observed joints, for what proxies err by together in neighbouring pixels and views."""
    unobserved_std_scale: float = 1.0
    """Factor on `joint_std` of unobserved joints: people's poses spread more than the prior's Gaussian."""
    shared_std: float = 0.0
    """Metres added to it in quadrature: errors that all views share, which no residual shows. 0 suits proxies without
    any; `NETWORK_STD` has the numbers for those of a network."""
    vertices: bool = False
    """Also return the vertices."""

    def __post_init__(self) -> None:
        if self.solver not in ("lm", "adam"):
            raise InputError("solver 'lm' or 'adam'", repr(self.solver), "set FitConfig.solver")
        if self.max_pixels < 10 or self.num_initial_rotations < 24:
            raise InputError(
                "max_pixels >= 10 and num_initial_rotations >= 24",
                f"{self.max_pixels} and {self.num_initial_rotations}",
                "use the defaults (600, 300)",
            )


# The coarse-to-fine schedule: place, then body and shape, then hands, then everything.


WRISTS = (20, 21)


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
    body = Free(BODY_JOINTS, betas=free_shape, scale=scale, transl=True)
    everything = Free(
        (*BODY_JOINTS, *(HAND_JOINTS if hands else ())), betas=free_shape, scale=scale, transl=True
    )
    stages = [
        Stage("place", place, 0.2, (0.15,), 3, 0.1),
        Stage("body", body, 0.25, (0.12, 0.05), 4, 0.02),
    ]
    if hands:
        stages.append(
            Stage("hands", Free((*WRISTS, *HAND_JOINTS)), 1.0, (0.1, 0.05, 0.02), 5, 0.02, hands_only=True)
        )
    return [*stages, Stage("all", everything, 1.0, (0.0, 0.0, 0.0), 4, 0.01)]
