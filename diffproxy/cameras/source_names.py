"""Which folder, image or video belongs to which camera of a calibration."""

from __future__ import annotations

import difflib
import logging
import re
from pathlib import Path

from diffproxy.cameras.find_sources import unread_sources
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.views import without
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)


def sources_of_cameras(rig: Rig, found: dict[str, Path], root: Path) -> tuple[dict[str, Path], list[str]]:
    """The sources by camera name, and notes on names that differ.

    Args:
        rig: The calibration.
        found: What `find_sources` gives for `root`.
        root: Rig folder, for messages.

    Raises:
        InputError: No source at all, or none for a camera.
    """
    found, notes = _by_number(rig, found)
    _check_names(rig, found, root)
    return found, notes


def _by_number(rig: Rig, found: dict[str, Path]) -> tuple[dict[str, Path], list[str]]:
    """The sources by camera name, and notes; where no name fits, cam_0 takes port_0: the number decides if it is clear.

    Programs that record and programs that calibrate name cameras differently.
    """
    if not found or any(c.name in found for c in rig.cameras):
        return found, []
    numbered = {_number(name): (name, path) for name, path in found.items()}
    wanted = {c.name: _number(c.name) for c in rig.cameras}
    clear = len(numbered) == len(found) and len(set(wanted.values())) == len(wanted)
    if not clear or None in wanted.values() or not set(wanted.values()) <= set(numbered):
        return found, []
    chosen = {name: numbered[number] for name, number in wanted.items()}
    notes = [f"camera {name}: files of {source}, by its number" for name, (source, _) in chosen.items()]
    return {name: path for name, (_, path) in chosen.items()}, notes


def _number(name: str) -> int | None:
    """The last run of digits in a name."""
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else None


def _check_names(rig: Rig, found: dict[str, Path], root: Path) -> None:
    if not found:
        if strays := unread_sources(root):
            raise strays
        raise InputError(
            f"images in {root / 'images'}/<camera>/ or videos {root / 'videos'}/<camera>.mp4",
            "neither",
            f"name them after the cameras: {', '.join(c.name for c in rig.cameras)}",
        )
    missing = [c.name for c in rig.cameras if c.name not in found]
    spare = sorted(set(found) - {c.name for c in rig.cameras} - set(rig.left_out))
    if not missing:
        if left_out := sorted(set(found) & set(rig.left_out)):
            log.info("views= leaves out %s", ", ".join(left_out))
        if spare:
            log.warning("no calibration for %s: ignored", ", ".join(spare))
        return
    hints = _renames(missing, spare)
    if not spare:
        leave = without(missing, [c.name for c in rig.cameras], least=1)
        fix = f"add {missing[0]}" + (f", or {leave}" if leave else "")
    else:
        fix = "rename " + (", ".join(hints) if hints else f"{', '.join(spare)} to {', '.join(missing)}")
        fix += ", or change the camera names in the calibration"
    raise InputError(
        f"images for every camera of the calibration ({', '.join(c.name for c in rig.cameras)}) in {root}",
        f"{', '.join(found)}; nothing for {', '.join(missing)}",
        fix,
    )


def _renames(missing: list[str], spare: list[str]) -> list[str]:
    """What to rename for the missing cameras, each spare source once."""
    left, hints = list(spare), []
    for name in missing:
        for source in difflib.get_close_matches(name, left, n=1, cutoff=0.5):
            hints.append(f"{source} -> {name}")
            left.remove(source)
    return hints
