"""Whether the pictures of a rig are still those that a run was made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from diffproxy.utils.digests import WHOLE, path_digest
from diffproxy.utils.spread import spread

BUDGET = 200 << 20  # bytes; of larger takes some frames are looked at
PREFIX = "image "  # of the pictures among the inputs of a frame


@runtime_checkable
class Pictures(Protocol):
    """What is asked of `RigFrames`: the file of each camera by frame number."""

    frame_ids: list[int]

    def files(self, frame_id: int) -> Mapping[str, Path]: ...


def picture_digests(inputs: Sequence[Mapping[str, str]]) -> dict[str, list[str] | str]:
    """Digests of the pictures of a run, for the meta data of `result.npz`.

    Args:
        inputs: Of each frame, digests by input; those of pictures are named `image CAMERA`.

    Returns:
        By camera one digest for each frame, "" where there was no picture; one alone for all frames of a video.
    """
    names = sorted({name for frame in inputs for name in frame if name.startswith(PREFIX)})
    out: dict[str, list[str] | str] = {}
    for name in names:
        rows = [frame.get(name, "") for frame in inputs]
        out[name.removeprefix(PREFIX)] = rows[0] if len(set(rows)) == 1 else rows
    return out


def changed_pictures(
    known: Mapping[str, Any],
    frame_ids: Sequence[int],
    pictures: Pictures,
    since: float = 0.0,
    budget: int = BUDGET,
) -> tuple[list[str], int]:
    """Pictures that are not those of the run.

    Args:
        known: What `picture_digests` returned.
        frame_ids: The frames of the run.
        pictures: The rig as it is now.
        since: When the run ended, in seconds since 1970.
        budget: Bytes to read. Of larger takes half of it goes to frames that are spread over all of it, half to frames
            whose files were written or moved `since`; after a copy these are all frames.

    Returns:
        `CAMERA` of a video, `CAMERA frame N` of pictures, and the number of frames that were looked at.
    """
    there = set(pictures.frame_ids)
    rows = [(row, frame) for row, frame in enumerate(frame_ids) if frame in there] if known else []
    if not rows:
        return [], 0
    per_frame = sum(min(WHOLE, path.stat().st_size) for path in pictures.files(rows[0][1]).values())
    if not any(map(_is_list, known.values())):  # videos alone, the same files in all frames
        chosen = spread(rows, 2)
    else:
        chosen = _some(rows, max(2, budget // max(per_frame, 1)), pictures, since)
    changed: dict[str, None] = {}
    for row, frame in chosen:
        for camera, path in pictures.files(frame).items():
            one = known.get(camera, "")
            before = one[row] if _is_list(one) else one
            if before and path_digest(path) != before:
                changed[f"{camera} frame {frame}" if _is_list(one) else camera] = None
    return [*changed], len(chosen)


def _some(
    rows: Sequence[tuple[int, int]], count: int, pictures: Pictures, since: float
) -> list[tuple[int, int]]:
    """At most `count` of the (row, frame): the first, the last and some between, the rest of them newer files."""
    if len(rows) <= count:
        return [*rows]
    newer = {row for row in rows if _newest(pictures.files(row[1]).values()) > since}
    anyhow = spread(rows, max(2, count - min(len(newer), count // 2)))
    return sorted([*anyhow, *spread(sorted(newer.difference(anyhow)), count - len(anyhow))])


def _newest(files: Iterable[Path]) -> float:
    """When one of the files was last written, moved or replaced; a copy that keeps dates has a new time of status."""
    return max((time for s in map(Path.stat, files) for time in (s.st_mtime, s.st_ctime)), default=0.0)


def _is_list(value: object) -> bool:
    return isinstance(value, list)
