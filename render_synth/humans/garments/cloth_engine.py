"""Engines that hang loose cloth: the built-in relaxation, or a simulation in NVIDIA Warp if that is installed."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from diffproxy.utils.errors import InputError
from render_synth.humans.body.posed import Obstacle, Posed
from render_synth.humans.garments.cloth_sheet import Sheet
from render_synth.humans.garments.drape import drape

ENGINES = ("none", "warp")


@runtime_checkable
class ClothEngine(Protocol):
    """Hangs a sheet on a posed body. The same sheet, body and obstacle always give the same cloth."""

    def hang(
        self, posed: Posed, sheet: Sheet, obstacle: Obstacle, margin: float, steps: int
    ) -> Float[np.ndarray, "R C 3"]:
        """World positions (metres) of the sheet, at least about `margin` off the body; `steps` bounds the work."""
        ...


class Relaxation:
    """Built-in engine: position-based relaxation (`drape`) from the skinned sheet."""

    def hang(
        self, posed: Posed, sheet: Sheet, obstacle: Obstacle, margin: float, steps: int
    ) -> Float[np.ndarray, "R C 3"]:
        start = posed.skin(sheet.rest.reshape(-1, 3), sheet.weights.reshape(-1, 55)).reshape(sheet.rest.shape)
        return drape(sheet, start, obstacle, margin=margin, steps=steps)


def load_cloth(name: str) -> ClothEngine:
    """The engine of a name in `ENGINES`. InputError on another name or if the engine is not installed."""
    if name == "none":
        return Relaxation()
    if name != "warp":
        raise InputError(f"cloth one of {', '.join(ENGINES)}", f"cloth={name}", "for example cloth=none")
    try:
        import warp  # noqa: F401
    except ImportError as error:
        fix = "pip install warp-lang, or cloth=none"
        raise InputError("NVIDIA Warp (package warp-lang) for cloth=warp", str(error), fix) from error
    from render_synth.humans.garments.cloth_warp import WarpCloth

    return WarpCloth()
