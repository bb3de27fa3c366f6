"""Which frames: the small language of `frames=`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

ALL = ("", "all")


def _number(text: str, whole: str) -> int | None:
    if text.strip() == "":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(
            "frames as one number, a range start:stop:step, a list of those, or all",
            f"frames={whole!r}",
            "write for example frames=40, frames=0:100:10, frames=3,7,9 or leave it out for every frame",
        ) from None


def select_frames(text: str, available: Sequence[int]) -> list[int]:
    """The frame numbers named by `text`, in rising order without repeats.

    `"40"` is the frame numbered 40, `"0:100:10"` a half-open range as in Python, `"3,7,9"` a list, `""` or
    `"all"` everything. A number named by itself must exist; a range takes what exists inside it. Raises
    InputError when a named frame is missing or nothing is left.
    """
    have = sorted(set(available))
    if text.strip().lower() in ALL:
        return have
    chosen: set[int] = set()
    for part in text.split(","):
        if ":" in part:
            named = _range(part, text, have)  # of any length, so it is asked and not listed
            chosen |= {number for number in have if number in named}
            continue
        number = _number(part, text)
        if number is None:
            continue
        if number not in have:
            raise InputError(
                f"a frame among {_span(have)}", f"frame {number}", "name frames that the rig has"
            )
        chosen.add(number)
    if not chosen:
        raise InputError(
            f"frames among {_span(have)}", f"frames={text!r}, which names none", "widen the range"
        )
    return sorted(chosen)


def compare_numbers(what: str, have: Collection[int], wanted: Collection[int], fix: str) -> None:
    """Whether a file of other frames was given: numbers that begin elsewhere, such as from 1.

    Args:
        what: What has the numbers and where it is from, for messages.
        have: Numbers of the frames there.
        wanted: Numbers of the frames of the rig.
        fix: What to do about other numbers.

    Raises:
        InputError: no number is among those of the rig. A warning where each side has numbers that the other has not.
    """
    if not have or not wanted:
        return
    foreign, missing = {*have} - {*wanted}, {*wanted} - {*have}
    spans = f"{_span(sorted(have))}, and those of the rig {_span(sorted(wanted))}"
    if len(foreign) == len({*have}):
        raise InputError(f"frame numbers of the rig in {what}", spans, fix)
    if foreign and missing:
        log.warning("%s: frames %s; %d are in one alone. %s", what, spans, len(foreign) + len(missing), fix)


def _range(part: str, whole: str, have: list[int]) -> range:
    bounds = [_number(piece, whole) for piece in part.split(":")]
    if len(bounds) > 3 or (len(bounds) == 3 and bounds[2] is not None and bounds[2] <= 0):
        raise InputError(
            "a range start:stop:step with a positive step", f"frames={whole!r}", "write frames=0:100:10"
        )
    start, stop, step = (*bounds, None, None)[:3]
    last = have[-1] + 1 if have else 0
    return range(start or 0, last if stop is None else stop, step or 1)


def _span(have: list[int]) -> str:
    if not have:
        return "none (the rig has no images)"
    return f"{have[0]}..{have[-1]} ({len(have)} frames)" if len(have) > 6 else ", ".join(map(str, have))
