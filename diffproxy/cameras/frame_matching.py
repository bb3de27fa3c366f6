"""Cameras out of step: which frame of each file belongs to a frame of the take, by stated offsets or by time stamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from diffproxy.cameras.image_sources import Source, Video
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_of
from diffproxy.utils.validation import OpenSchema, validated

MATCHES = ("number", "time")
MAX_OFFSET = 1_000_000  # frames
FIX_OFFSETS = "write for example cam02:3,cam04:-7, or the file that `diffproxy sync` writes"


class _OffsetsFile(OpenSchema):
    """What `diffproxy sync` writes; further keys tell people how certain the offsets are."""

    offsets: dict[str, Annotated[int, Field(strict=True, ge=-MAX_OFFSET, le=MAX_OFFSET)]]


@checked
@dataclass(frozen=True)
class FrameMatching:
    """How the frames of the cameras are put together.

    Args:
        offsets: Frames by which the numbers of a camera are ahead, by camera name: frame n of the take is frame
            n + offset of its file. Cameras that are not named have 0.
        match: `number`: equal numbers are one moment; `time`: equal times are, as files state them.
        rotate: Degrees by which the images of a camera are turned clockwise after reading: 90, 180 or 270.
    """

    offsets: Mapping[str, int] = field(default_factory=dict)
    match: str = "number"
    rotate: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether images and numbers are those of the files."""
        return not any(self.offsets.values()) and self.match == "number" and not any(self.rotate.values())


@checked
def frame_matching(offsets: str = "", match: str = "number", rotate: str = "") -> FrameMatching:
    """The matching that options name; InputError for what is none."""
    one_of("rig.match", match, MATCHES)
    turns = _by_camera(rotate, "rig.rotate", "write for example rig.rotate=cam02:90")
    if wrong := {name: angle for name, angle in turns.items() if angle not in (0, 90, 180, 270)}:
        raise InputError("rig.rotate by 90, 180 or 270 degrees clockwise", f"{wrong}", "correct rig.rotate")
    return FrameMatching(read_offsets(offsets), match, turns)


def read_offsets(text: str) -> dict[str, int]:
    """Offsets by camera name from `cam02:3,cam04:-7` or a JSON file with {"offsets": {...}}."""
    if text.lower().endswith(".json"):
        path = Path(text).expanduser()
        return dict(
            validated(_OffsetsFile, read_json(path, "offsets"), f"offsets in {path}", FIX_OFFSETS).offsets
        )
    found = _by_camera(text, "offsets", FIX_OFFSETS)
    if large := {name: n for name, n in found.items() if abs(n) > MAX_OFFSET}:
        raise InputError(f"offsets of at most {MAX_OFFSET} frames", f"{large}", FIX_OFFSETS)
    return found


def _by_camera(text: str, option: str, fix: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split(",") if text.strip() else []:
        name, _, number = part.strip().rpartition(":")
        try:
            value = int(number)
        except ValueError:
            name, value = "", 0
        if not name or name in found:
            raise InputError(f"{option} as camera:number, each camera once", part.strip(), fix)
        found[name] = value
    return found


class MatchedSource:
    """Images of a camera under the numbers of the take.

    Args:
        source: The camera's files.
        file_ids: Number in the files of each frame of the take.
        turns: Quarter turns clockwise after reading.
    """

    def __init__(self, source: Source, file_ids: Mapping[int, int], turns: int = 0):
        self.source, self.file_ids, self.turns, self.path = source, dict(file_ids), turns, source.path
        self.frame_ids = sorted(self.file_ids)

    @property
    def damage(self) -> str:
        return self.source.damage

    def read(self, frame_id: int) -> UInt8[np.ndarray, "H W 3"]:
        image = self.source.read(self.file_ids[frame_id])
        return np.ascontiguousarray(np.rot90(image, -self.turns)) if self.turns else image

    def file(self, frame_id: int) -> Path:
        return self.source.file(self.file_ids[frame_id])

    def close(self) -> None:
        if isinstance(self.source, Video):
            self.source.close()


def match_sources(
    sources: Mapping[str, Source], matching: FrameMatching, times: Mapping[str, Float[np.ndarray, " N"]]
) -> tuple[dict[str, Source], list[str]]:
    """The sources under the numbers of the take, and notes on what was done.

    Args:
        sources: Files of each camera.
        matching: What the options say. Its camera names must exist, unless they are merely not among `sources`.
        times: Seconds of each camera's frames in the order of `frame_ids`, for `match="time"`.
    """
    shift = {name: matching.offsets.get(name, 0) for name in sources}
    notes = [f"camera {name}: {n:+d} frames (offset)" for name, n in shift.items() if n]
    if matching.match == "time":
        numbers, more = _by_time(sources, shift, times)
        notes += more
    else:
        numbers = {
            name: {i - shift[name]: i for i in source.frame_ids if i >= shift[name]}
            for name, source in sources.items()
        }
    notes += [
        f"camera {name}: images turned by {a} degrees clockwise" for name, a in matching.rotate.items() if a
    ]
    matched: dict[str, Source] = {
        name: MatchedSource(source, numbers[name], matching.rotate.get(name, 0) // 90)
        for name, source in sources.items()
    }
    return matched, notes


def _by_time(
    sources: Mapping[str, Source], shift: Mapping[str, int], times: Mapping[str, Float[np.ndarray, " N"]]
) -> tuple[dict[str, dict[int, int]], list[str]]:
    """For each frame of the slowest camera the frame of every other that is nearest in time, if it is near enough."""
    step = {name: _interval(t, name) for name, t in times.items()}
    clock = {name: t - shift[name] * step[name] for name, t in times.items()}
    slowest = next(name for name in step if step[name] > 0.99 * max(step.values()))  # the first of equal ones
    ids = np.array(sources[slowest].frame_ids)
    numbers, notes = {}, [f"frames matched by time; their numbers are those of camera {slowest}"]
    for name, source in sources.items():
        nearest = _nearest(clock[name], clock[slowest])
        off = np.abs(clock[name][nearest] - clock[slowest])
        # further away lies a frame that the camera has not taken, or lost
        near = off <= 0.5 * step[name] + 1e-9
        own = np.array(source.frame_ids)[nearest]
        numbers[name] = {int(i): int(k) for i, k in zip(ids[near], own[near], strict=True)}
        if name != slowest and near.any():
            notes.append(f"camera {name}: at most {1000 * off[near].max():.1f} ms from these")
    return numbers, notes


def _interval(times: Float[np.ndarray, " N"], name: str) -> float:
    """Typical seconds between the frames of a camera."""
    gaps = np.diff(times)
    if len(times) < 2 or not np.isfinite(times).all() or not (gaps > 0).all():
        found = "one frame" if len(times) < 2 else "times that do not rise"
        raise InputError(
            f"two frames or more with rising time stamps of camera {name}", found, "write rig.match=number"
        )
    return float(np.median(gaps))


def _nearest(times: Float[np.ndarray, " N"], wanted: Float[np.ndarray, " M"]) -> np.ndarray:
    """Index of the nearest of the rising `times` for each wanted one."""
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    return after - (wanted - times[after - 1] < times[after] - wanted)


def check_camera_names(matching: FrameMatching, names: Sequence[str]) -> None:
    """InputError for an offset or rotation of a camera that the rig does not have."""
    for what, given in (("offsets", matching.offsets), ("rig.rotate", matching.rotate)):
        if unknown := sorted(set(given) - set(names)):
            fix = f"write for example {names[0]}:{next(iter(given.values()))}"
            raise InputError(f"{what} of cameras among {', '.join(names)}", ", ".join(unknown), fix)
