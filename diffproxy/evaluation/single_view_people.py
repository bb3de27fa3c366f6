"""Everybody in a picture against everybody who is there: matching, F1, errors of who is found, order in depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.evaluation.protocol import Protocol
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.single_view_pictures import (
    PictureTruth,
    pelvis_of,
    person_errors,
    pixel_box,
    record_of,
)
from diffproxy.geometry.boxes import Box
from diffproxy.metrics.people import PeopleCounts, depth_orders, match_people
from diffproxy.pipeline.results import posed_vertices
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.focal_length import focal_prior

COLUMNS = {
    "precision": ("precision", 2), "recall": ("recall", 2), "f1": ("F1", 2),
    "mve": ("MVE", 1), "mpjpe": ("MPJPE", 1), "nmve": ("NMVE", 1), "nmje": ("NMJE", 1),
    "depth_order": ("depth order", 2),
}  # fmt: skip
"""Heading and decimals of each number; errors in millimetres."""
PUBLISHED = {
    "agora": {
        "SAT-HMR, validation (published)": {"f1": 0.95, "mve": 59.0, "mpjpe": 63.0},
        "DepthHMR, split not confirmed (published)": {"f1": 0.96, "mve": 54.7},
    }
}
"""What their authors state of AGORA."""


def everybody_row(
    picture: PictureTruth,
    estimator: SingleViewEstimator,
    options: SingleViewEvaluationOptions,
    protocol: Protocol,
) -> dict[str, Any]:
    """The row of one picture of any number of people.

    Boxes are those around the projected bodies, within the picture. A true person of whom nothing is within it need
    not be found; a report without a body is no report.

    Args:
        picture: The picture and everybody in it.
        estimator: What is evaluated; its detector says who is there.
        options: Least overlap of a match, and whether the estimator is told the true focal length.
        protocol: Joints and alignment.

    Returns:
        Counts of people and of pairs, and of each match the errors and both depths (metres).
    """
    camera = picture.camera
    prior = focal_prior(camera.width, camera.height, picture.focal if options.known_focal else 0.0)
    result = estimator.run(picture.image, prior)
    with_body = [p for p in result.people if p.fit.result.has_body]
    reported = [_box(posed_vertices(protocol.body, record_of(p)), result.camera) for p in with_body]
    there = [_box(body.points, camera) for body in picture.bodies]
    counted = [must and box is not None for must, box in zip(picture.counted, there, strict=True)]
    nowhere = (0.0, 0.0, 0.0, 0.0)
    matches = match_people(
        [b or nowhere for b in there], [b or nowhere for b in reported], counted, options.min_iou
    )
    people = []
    for i, j in matches.pairs:
        true, person = picture.bodies[i], with_body[j]
        depths = {"depth_m": person.depth, "true_depth_m": float(pelvis_of(true)[2])}
        people.append({"person": i, **depths, **person_errors(true, picture, person, result, protocol)})
    depth, true_depth = (np.array([p[k] for p in people]) for k in ("depth_m", "true_depth_m"))
    right, pairs = depth_orders(depth, true_depth)
    return {
        "key": picture.key, "found": len(people), "missed": sum(counted) - len(people),
        "false_people": len(reported) - len(people) - len(matches.excused), "excused": len(matches.excused),
        "depth_pairs": pairs, "depth_pairs_right": right, "people": people,
    }  # fmt: skip


def _box(points: np.ndarray, camera: Camera) -> Box | None:
    """What the picture shows of the box around points; None if that is nothing."""
    box = pixel_box(points, camera)
    if box is None:
        return None
    x0, x1 = np.clip(box[::2], 0, camera.width).tolist()
    y0, y1 = np.clip(box[1::2], 0, camera.height).tolist()
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def summary_of_people(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Counts over all pictures, and `COLUMNS` from them; what cannot be had is left out."""
    names = ("found", "missed", "false_people", "excused", "depth_pairs", "depth_pairs_right")
    total = {name: sum(row[name] for row in rows) for name in names}
    counts = PeopleCounts(total["found"], total["missed"], total["false_people"])
    people = [person for row in rows for person in row["people"]]
    means = {
        name: float(np.mean([p[error] for p in people if error in p]))
        for name, error in (("mve", "ra_mpvpe"), ("mpjpe", "ra_mpjpe"))
        if any(error in p for p in people)
    }
    means |= {
        norm: counts.normalized(means[k]) for norm, k in (("nmve", "mve"), ("nmje", "mpjpe")) if k in means
    }
    ratios = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
    if total["depth_pairs"]:
        ratios["depth_order"] = total["depth_pairs_right"] / total["depth_pairs"]
    known = {k: v for k, v in (ratios | means).items() if np.isfinite(v)}
    return {"pictures": len(rows), **total, **known}


def people_markdown(summary: dict[str, float], dataset: str, min_iou: float) -> str:
    """DepthHMR's table with the published rows, and what was counted."""
    lines = [f"| {dataset} | {' | '.join(head for head, _ in COLUMNS.values())} |"]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    for name, values in (PUBLISHED.get(dataset, {}) | {"ours": summary}).items():
        cells = (f"{values[k]:.{n}f}" if k in values else "-" for k, (_, n) in COLUMNS.items())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    said = (
        "{pictures} pictures: {found} people found, {missed} missed, {false_people} false, {excused} excused"
    )
    order = "{depth_pairs_right} of {depth_pairs} pairs in the right order of depth"
    lines += ["", f"{said}; {order}; boxes match from an IoU of {min_iou:g} on".format(**summary)]
    return "\n".join(lines) + "\n"
