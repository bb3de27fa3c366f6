"""What is known of a subject beside its proxies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diffproxy.body import BodyParams
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import within
from diffproxy.utils.short_repr import short_repr


@checked
@dataclass(frozen=True)
class Evidence:
    """What one subject is fitted to beside its proxies, and where its fit may start.

    Attributes:
        keypoints: Keypoints in pixels of the maps, fitted together with the proxies.
        start: A guess (batch of one), such as the fit of the previous frame. It is used if it agrees with the proxies,
            else the closed form competes with it.
        candidates: Further guesses, such as those of a network. The best of them is a hypothesis beside the closed
            form, unless `start` is good.
    """

    keypoints: Keypoints | None = None
    start: BodyParams | None = None
    candidates: Sequence[BodyParams] = ()

    def __post_init__(self) -> None:
        for guess in (self.start, *self.candidates):
            if guess is not None and len(guess) != 1:
                raise InputError(
                    "guesses of one body each", f"a batch of {len(guess)}", "pass params[0], ..."
                )


@dataclass(frozen=True)
class ShownFrame:
    """What one frame of a sequence shows of the person: proxies, and keypoints in pixels of them."""

    maps: ProxyMaps
    keypoints: Keypoints | None = None


@checked
@dataclass(frozen=True)
class FixedShape:
    """The shape of a person, which a fit leaves as it is: betas and scale."""

    betas: Float[Tensor, "10"]
    scale: float = 1.0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        within("scale", self.scale, 0.01, 100.0)
