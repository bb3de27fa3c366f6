"""Options of a fit, and its coarse-to-fine schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diffproxy.fitting.state import BODY_JOINTS, HAND_JOINTS, Free
from diffproxy.utils.errors import InputError


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
    grid: int = 300
    """Rotations tried per piece in the closed-form start."""
    sides: bool = True
    """Let pixels that contradict the rest be read as their part's mirror image (networks mistake left for right)."""
    outline: bool = True
    """Keep the body within the foreground and the foreground on the body, whatever the labels say."""
    max_sigma: float = 0.04
    """Nor to be worse: residuals of more than a few times this are outliers, not noise."""
    min_inliers: float = 0.3
    """A fit that explains a smaller share of the proxies than this has failed."""
    max_misfit: float = 0.65
    """So has one whose `FitResult.misfit` is larger."""
    doubtful_misfit: float = 0.15
    """A misfit beyond this is doubted."""
    doubtful_inliers: float = 0.85
    """So is a fit that explains a smaller share of the proxies than this."""
    doubtful_sides: float = 0.1
    """Share of pixels read on the other side beyond which a fit is doubted."""
    odd_view: float = 0.02
    """A view whose pixels miss the body by more than this (median, metres) and by ..."""
    odd_ratio: float = 2.5
    """... times as much as in the median of the other views disagrees with them: the fit is doubted."""
    starts: int = 3
    """Starts tried where one view alone shows the person; the cheapest fit is kept."""
    vertices: bool = False
    """Also return the vertices."""

    def __post_init__(self) -> None:
        if self.solver not in ("lm", "adam"):
            raise InputError("solver 'lm' or 'adam'", repr(self.solver), "set FitConfig.solver")
        if self.max_pixels < 10 or self.grid < 24:
            raise InputError(
                "max_pixels >= 10 and grid >= 24",
                f"{self.max_pixels} and {self.grid}",
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
