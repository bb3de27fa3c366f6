"""The networks of a run that its caller has opened already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from diffproxy.body import BodyParams
from diffproxy.pipeline.generate_proxies import Generated

Guess = Callable[[Generated], Sequence[BodyParams]]
"""Bodies, such as those of a network, that a fit may start from."""


@dataclass(frozen=True)
class Networks:
    """Networks in place of those that the options name; None: those of the options.

    Args:
        pipe: Proxy generator.
        detector: Person detector.
        guess: Bodies for fits to start from, which `start=single_view` needs (`commands.initial_guess`).
    """

    pipe: Any | None = None
    detector: Any | None = None
    guess: Guess | None = None


PACKAGED = Networks()
"""All networks are those that the options name."""
