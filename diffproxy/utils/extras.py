"""Optional dependencies, which `pip install diffproxy[extra]` brings."""

from __future__ import annotations

from importlib.util import find_spec

from diffproxy.utils.errors import InputError


def require_extra(module: str, extra: str) -> None:
    """InputError with the pip command unless `module`, which belongs to the optional dependencies `extra`, is there."""
    if find_spec(module) is None:
        raise InputError(
            f"the Python package {module}", "that it is not installed", f"pip install 'diffproxy[{extra}]'"
        )
