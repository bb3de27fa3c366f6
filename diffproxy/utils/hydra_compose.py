"""Hydra's `compose` for use inside other programs: Hydra is one for a process, and may be in use by the caller."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from diffproxy.utils.errors import InputError

VERSION_BASE = "1.3"
_LOCK = RLock()
"""Threads that compose at the same time would find each other's folder."""


def compose_options(folder: Path, name: str, overrides: Sequence[str]) -> Any:
    """The configuration `name` of a folder with overrides; a Hydra of the calling program stays as it was.

    Args:
        folder: Where `name.yaml` and its groups lie.
        name: Name of the configuration.
        overrides: In Hydra's syntax.

    Returns:
        An OmegaConf configuration.

    Raises:
        HydraException: overrides that do not fit.
        InputError: the working folder has been removed; Hydra records it.
    """
    from hydra import compose, initialize_config_dir, version
    from hydra.core.global_hydra import GlobalHydra

    _require_working_folder()
    with _LOCK:
        callers, base = GlobalHydra.instance().hydra, version.VersionBase.instance().version_base
        GlobalHydra.instance().clear()
        try:
            with initialize_config_dir(str(folder.resolve()), version_base=VERSION_BASE):
                return compose(name, list(overrides))
        finally:
            GlobalHydra.instance().hydra = callers
            version.VersionBase.instance().version_base = base


def _require_working_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise InputError(
            "a working folder that exists", "one that was removed", "change into another folder first"
        ) from error
