"""Association of the published 2D detections of the Shelf take (five cameras, 301 frames) against its skeletons. JSON.

    git clone --depth 1 --filter=blob:limit=2m https://github.com/zhangyux15/4d_association
    python benchmarks/association_shelf.py DIR=4d_association/data/shelf

The detections are OpenPose's, so this measures the association alone; the take has no licence and is not part of this
package. Percentage of correct parts (PCP) as in `evaluate_shelf/main.cpp` of that repository: a limb is right when its
two ends are off by less than its length in sum; in each frame people are matched to the annotated skeletons by the sum
of joint distances; the head is put on the shoulders by fixed lengths, as there. Stricter than there: an annotated
person to whom nobody is matched counts as wrong in all limbs.

"pcp": of each actor, over frames and limbs; "average": of the first three actors, the number that papers report;
"switches": changes of the id that an actor is matched to; "ms": CPU time per frame of the association.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from script_words import read_words

from diffproxy.association import Association, associate
from diffproxy.evaluation.shelf import ShelfTake, open_shelf
from diffproxy.keypoints.layouts import COCO17
from diffproxy.metrics.tracking import TrackedFrame, tracking_errors

WORDS = ["DIR"]

ACTORS = (0, 1, 2)
THRESHOLD = 0.5  # metres
LIMBS = {
    "upper_arms": ((9, 10), (8, 7)), "forearms": ((10, 11), (7, 6)), "thighs": ((3, 4), (2, 1)),
    "shanks": ((4, 5), (1, 0)), "head": ((12, 13),), "torso": ((12, 14),),
}  # fmt: skip
_K = {name: i for i, name in enumerate(COCO17)}
_FROM_COCO = [_K[f"right_{n}"] for n in ("ankle", "knee", "hip")] + [
    _K[f"left_{n}"] for n in ("hip", "knee", "ankle")
]
_FROM_COCO += [_K[f"right_{n}"] for n in ("wrist", "elbow", "shoulder")]
_FROM_COCO += [_K[f"left_{n}"] for n in ("shoulder", "elbow", "wrist")]


def shelf_skeleton(joints: np.ndarray) -> np.ndarray:
    """(15, 3) joints of the annotation from (17, 3) of COCO; the head by the fixed lengths of evaluate_shelf."""
    out = joints[_FROM_COCO]
    shoulders, ears = (joints[[_K[f"left_{n}"], _K[f"right_{n}"]]].mean(0) for n in ("shoulder", "ear"))
    hips = joints[[_K["left_hip"], _K["right_hip"]]].mean(0)
    neck = (shoulders + ears) / 2
    forwards = np.cross(neck - hips, out[8] - out[9])
    forwards /= max(float(np.linalg.norm(forwards)), 1e-9)
    top = neck + 0.125 * forwards + [0, 0, 0.145]
    return np.concatenate([out, [neck, top, hips]])


def evaluate(result: Association, take: ShelfTake) -> dict[str, Any]:
    """PCP of each actor, switches and people."""
    right: dict[int, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    frames = []
    for f, truth in take.truth.items():
        people = [p for p in result.people if f in p.sightings]
        skeletons = np.array([shelf_skeleton(p.sightings[f].joints) for p in people]).reshape(-1, 15, 3)
        actors = np.array(list(truth.values())).reshape(-1, 15, 3)
        distance = np.linalg.norm(actors[:, None] - skeletons[None], axis=-1).mean(-1)
        rows, columns = linear_sum_assignment(distance)
        matched = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        for i, who in enumerate(truth):
            error = np.full(15, np.inf)
            if i in matched:
                error = np.linalg.norm(skeletons[matched[i]] - actors[i], axis=-1)
            for name, limbs in LIMBS.items():
                right[who][name] += [bool(error[a] + error[b] < np.linalg.norm(actors[i, a] - actors[i, b]))
                                     for a, b in limbs]  # fmt: skip
        frames.append(
            TrackedFrame(tuple(truth), tuple(p.id for p in people), distance, np.ones(len(truth), bool))
        )
    pcp = {who: float(np.mean(np.concatenate(list(limbs.values())))) for who, limbs in sorted(right.items())}
    return {
        "average": round(float(np.mean([pcp[a] for a in ACTORS if a in pcp])), 4),
        "pcp": {str(who): round(value, 4) for who, value in pcp.items()},
        "frames": {str(who): len(limbs["torso"]) for who, limbs in sorted(right.items())},
        "limbs": {
            str(a): {n: round(float(np.mean(right[a][n])), 4) for n in LIMBS} for a in ACTORS if a in right
        },
        "switches": tracking_errors(frames, THRESHOLD).switches,
        "people": len(result.people),
    }


def main(argv: list[str]) -> dict[str, Any]:
    given = read_words(argv, WORDS)
    take = open_shelf(Path(given["DIR"]))
    start = time.process_time()
    result = associate(take.detections, take.cameras)
    seconds = time.process_time() - start
    ms = round(1000 * seconds / max(len(take.truth), 1), 1)
    return evaluate(result, take) | {"ms": ms, "notes": list(result.notes)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
