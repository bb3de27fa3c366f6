"""The coarse-to-fine schedule: place, then body and shape, then hands, then everything."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.state import BODY_JOINTS, HAND_JOINTS, Free

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
