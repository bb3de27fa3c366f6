"""Notes on frames, folded by kind: "24 detections dropped in 9 frames" instead of 24 lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from diffproxy.pipeline.results import FrameResult

KINDS = (  # what is counted, and how its notes are recognised
    ("people dropped", re.compile(r"^person \d+ dropped")),
    ("detections dropped", re.compile(r"detection at .* dropped")),
    ("views without a detection of the subject", re.compile(r"no matching detection")),
    ("notes on views cropped again", re.compile(r"^cropped again")),
    ("notes on views turned to be read", re.compile(r"^turned to be read")),
    ("hands with crops that contradict the body", re.compile(r"show no hand that agrees")),
    ("hands that no view shows", re.compile(r"hand.*(no view|unseen|not seen)|no view.*hand")),
    ("notes on parts that no view shows", re.compile(r"^no view shows")),
    ("images that cannot be read or are damaged", re.compile(r"image left out|damaged image")),
)


def fold_notes(records: Sequence[FrameResult]) -> dict[str, list[str]]:
    """Heading -> the notes under it, in the order of their first occurrence.

    Notes of no known kind are one kind if they differ in numbers, names of cameras and places only.
    """
    cameras = {v["camera"] for r in records for v in r.info.get("views", ())}
    found: dict[str, list[tuple[int, str]]] = {}
    for record in records:
        for note in record.info.get("notes", ()):
            found.setdefault(_kind(note, cameras), []).append((record.frame_id, note))
    return {_heading(kind, notes): [f"frame {k}: {n}" for k, n in notes] for kind, notes in found.items()}


def _kind(note: str, cameras: Iterable[str]) -> str:
    known = next((name for name, pattern in KINDS if pattern.search(note)), None)
    if known is not None:
        return known
    for camera in sorted(cameras, key=len, reverse=True):
        note = re.sub(rf"(?<!\w){re.escape(camera)}(?!\w)", "…", note)
    note = re.sub(r"\([^()]*\d[^()]*\)|\S*\d\S*", "…", note)
    return re.sub(r"…(,? …)+", "…", note)


def _heading(kind: str, notes: Sequence[tuple[int, str]]) -> str:
    frames = len({frame for frame, _ in notes})
    where = f"in {frames} frame{'s' if frames > 1 else ''}"
    if any(kind == name for name, _ in KINDS):
        return f"{len(notes)} {kind} {where}"
    return f"{kind}: {len(notes)} {where}"
