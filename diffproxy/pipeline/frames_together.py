"""What is done with a frame once everybody in it is fitted, frame by frame; what changes is kept for the next run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from tqdm import tqdm

from diffproxy.pipeline.fit_rig import FittedTake
from diffproxy.pipeline.frame_store import FrameStore, record_digest
from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.digests import fingerprint

log = logging.getLogger(__name__)

Together = Callable[[int, Mapping[int, FrameResult]], dict[int, FrameResult]]
"""From the number of a frame and everybody's record in it to their new records, by id."""


def frames_together(
    fitted: Mapping[int, FittedTake], folder: str, statuses: tuple[str, ...], solve: Together
) -> dict[int, FittedTake]:
    """The takes of several people, by id, with what `solve` makes of every frame that shows two of them or more.

    Args:
        fitted: The takes, by id.
        folder: Of each run: frames in which anybody changes are kept there, for as long as their records are the same.
        statuses: Of the records that take part; those without proxies do not.
        solve: Makes the new records.
    """
    if len(fitted) < 2:
        return dict(fitted)
    rows = {k: {r.frame_id: r for r in take.records} for k, take in fitted.items()}
    known = {k: set(take.take.proxies.frame_ids) for k, take in fitted.items()}
    for k, take in fitted.items():
        take.take.run.open([f"{folder}/{i:06d}.npz" for i in rows[k]], overwrite=False)
    changed = 0
    for frame_id in tqdm(sorted({i for row in rows.values() for i in row}), desc=folder, unit="frame"):
        present = {
            k: row[frame_id]
            for k, row in rows.items()
            if frame_id in row and row[frame_id].status in statuses and frame_id in known[k]
        }
        if len(present) < 2:
            continue
        before = {k: record_digest(r) for k, r in present.items()}
        stamp = fingerprint({str(k): digest for k, digest in before.items()})
        stores = {k: FrameStore(fitted[k].take.run.out / folder, stamp) for k in present}
        done = {k: record for k, store in stores.items() if (record := store.load(frame_id)) is not None}
        if len(done) < len(present):
            done = solve(frame_id, present)
            if any(record_digest(done[k]) != before[k] for k in present):
                for k, store in stores.items():
                    store.save(done[k])
        changed += any(record_digest(done[k]) != before[k] for k in present)
        for k, record in done.items():
            rows[k][frame_id] = record
    log.info("%s: %d frames changed", folder, changed)
    return {
        k: replace(take, records=[rows[k][r.frame_id] for r in take.records]) for k, take in fitted.items()
    }
