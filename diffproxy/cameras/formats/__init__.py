"""Calibration formats, one file each. To add one, put a module here with

NAME: str                                     shown to users
PRIORITY: int                                 higher wins where two formats find the same folder readable
find(folder: Path) -> Path | None             the calibration file (or folder) of this format in `folder`
is_format(path: Path) -> bool                 whether `path`, named by the user, is of this format
read(path: Path) -> Rig                       metres, our conventions; raises InputError

and, if it can also write:

WRITES: str                                   name of the format in `convert format=NAME`
WRITES_TO: str                                usual file or folder, under the rig folder
write(rig: Rig, path: Path) -> None
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def all_formats() -> list[ModuleType]:
    """Every module of this package whose name has no leading underscore, highest priority first."""
    names = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in sorted(names)]
    return sorted(modules, key=lambda m: -m.PRIORITY)


def writers() -> dict[str, ModuleType]:
    """Modules that can write, by the name of their format."""
    return {m.WRITES: m for m in all_formats() if hasattr(m, "WRITES")}
