"""Who is found in rendered groups by detector and association alone, without bodies. JSON.

    python benchmarks/people_found.py shards=shards/people
    python benchmarks/people_found.py shards=shards/people most=7 limit=9 detectors=multipose

The groups, whom they show and the matching of people are those of `people_rendered.py`; people are compared by the
keypoints on which two views agree, with those of the true bodies. `detectors`: as `people_detector` of `fit.py`.

"found", "missed", "ghosts": people; "error": of the keypoints of those who are found, mm, without any body. "crops": of
the views without a detection of a person who is found, those that show `LEAST_SEEN` of the person ("seen") and how many
of these get no crop ("denied"), the others ("unseen") and how many of these get one ("given").
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import numpy as np
from people_rendered import LEAST_SEEN, errors, frames_of, groups_of, matched, open_finder
from script_words import read_words

from diffproxy.association import associate
from diffproxy.body import BodyModel, load_body
from diffproxy.datasets.shards import ShardIndex
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.pipeline.person_source import person_source

WORDS = ["detectors", "limit", "most", "shards"]


def group_row(index: ShardIndex, sample: int, body: BodyModel, detector: Any) -> dict[str, Any]:
    """Whom a detector and the association find in the four frames of a sample."""
    frames = [index.view(sample, j) for j in frames_of(index, sample)]
    shown = [index.meta(sample)["views"][j]["people"] for j in frames_of(index, sample)]
    seen = np.array([[p["visible"] * p["in_frame"] for p in view] for view in shown]) >= LEAST_SEEN
    must = seen.sum(0) >= 2
    true = np.stack([encoder_points(body, params) for params in index.people(sample)])
    detections, cameras = {0: detector.locate([v.rgb for v in frames])}, [v.camera for v in frames]
    people = associate(detections, cameras).people
    pairs = matched(true, [{"joints": person.sightings[0].points} for person in people])
    crops: Counter[str] = Counter()
    for i, j, _ in pairs:
        boxes = person_source(people[j], people, detections, cameras, "").boxes[0]
        for v in np.flatnonzero(people[j].sightings[0].picks < 0):
            given = cameras[v].name in boxes
            crops["seen" if seen[v, i] else "unseen"] += 1
            crops["denied" if seen[v, i] else "given"] += int(given != seen[v, i])
    return {
        "key": index.key(sample), "people": int(must.sum()), "ghosts": len(people) - len(pairs),
        "found": [round(error, 1) for i, _, error in pairs if must[i]], "crops": dict(crops),
    }  # fmt: skip


def summary_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """All groups together."""
    found = [error for row in rows for error in row["found"]]
    people = sum(row["people"] for row in rows)
    return {
        "groups": len(rows), "people": people, "found": len(found), "missed": people - len(found),
        "ghosts": sum(row["ghosts"] for row in rows), "error": errors(found),
        "crops": {k: sum(row["crops"].get(k, 0) for row in rows) for k in ("seen", "denied", "unseen", "given")},
    }  # fmt: skip


def main(argv: list[str]) -> dict[str, Any]:
    words = read_words(argv, WORDS)
    index, body = ShardIndex(words["shards"]), load_body("anny")
    most, limit = int(words.get("most", 5)), int(words.get("limit", 0))
    samples = list(groups_of(index, most))
    out: dict[str, Any] = {"most": most}
    for name in words.get("detectors", "multipose,whole_picture").split(","):
        detector = open_finder(name, body)
        rows = []
        for sample in samples[: limit or None]:
            rows.append(group_row(index, sample, body, detector))
            sys.stderr.write(f"{name} {json.dumps(rows[-1])}\n")
        out[name] = summary_of(rows)
    return out


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
