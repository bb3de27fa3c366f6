"""DiffProxy: precise SMPL-X bodies from calibrated cameras through diffusion-generated dense proxies."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffproxy.api import FitResults, FrameFit, fit_rig

__version__ = "0.1.0"
__all__ = ["FitResults", "FrameFit", "__version__", "fit_rig"]


def __getattr__(name: str) -> Any:
    """The public functions, imported on first use: `import diffproxy` alone loads no torch."""
    if name in ("FitResults", "FrameFit", "fit_rig"):
        return getattr(import_module("diffproxy.api"), name)
    raise AttributeError(f"module 'diffproxy' has no attribute {name!r}")
