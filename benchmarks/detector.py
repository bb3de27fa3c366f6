"""Person detector on whole frames: is the subject found, does the box fit, are people seen who are not there. JSON.

    python -m render_synth out=shards/whole seed=4003 split=test views=2 full_frames=2 hand_crops=0 size=512 \\
        samples_per_pixel=4 random_orientation_fraction=0.25 phone_fraction=0.25 desk_fraction=0.1 subjects=60
    python benchmarks/detector.py shards=shards/whole sides=256,320,384,512
    python benchmarks/detector.py rig=downloads/pose2sim result=out/real_rig/result.npz sides=256,384

`shards`: whole frames of held-out subjects (several folders with commas); the box of a person is that of the visible
pixels, clothes and hair included. `rig`: frames of a rig whose bodies are known from a fit; there the box is that of
the body's vertices, so clothes and errors of the fit lower the overlap, and bystanders count as false people.

For each `side` of the network's input and each group of frames ("upside_down": the neck more than 120° from upright in
the image; "lying": 60 to 120°; "cut_off": the subject touches the border; "bystanders": others are visible; "small":
box under 1/4 of the longer side): "recall" is the share of frames where one of the five best boxes overlaps the
subject's with IoU > 0.5, "iou" the mean of the best IoU (0 where nothing is found), "iou_found" of those above 0.5,
"best_first" the share where the first box is the subject's, "false_people" boxes per frame that overlap nobody with
IoU > 0.3, "ms" CPU time per frame. "associated" (`rig`): the same of the boxes that the association over the views
chooses.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from script_words import read_words

from diffproxy.body import BodyModel, load_body
from diffproxy.body.names import JOINT_NAMES
from diffproxy.cameras import Camera, load_rig, open_frames
from diffproxy.datasets.shards import FULL, ShardIndex
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.export import load_result
from diffproxy.geometry.boxes import Box, box_iou, tight_box
from diffproxy.pipeline.person_boxes import Located

WORDS = ["body", "out", "result", "rig", "shards", "sides"]

FOUND, SOMEBODY = 0.5, 0.3  # IoU with the subject; with anybody
TOP = 5
NECK, PELVIS = JOINT_NAMES.index("neck"), JOINT_NAMES.index("pelvis")
SMALL = 0.25  # longer side of the box over the image's


class Frame(NamedTuple):
    """One image, the boxes of the subject and of other people, and the groups it belongs to."""

    image: np.ndarray
    subject: Box
    others: tuple[Box, ...]
    groups: tuple[str, ...]


def tilt(joints: np.ndarray, camera: Camera) -> float:
    """Angle in degrees between the body's long axis and the upward direction of the image."""
    (x, y), (x0, y0) = camera.project(joints[NECK]), camera.project(joints[PELVIS])
    return float(np.degrees(np.abs(np.arctan2(x - x0, y0 - y))))


def groups_of(box: Box, others: tuple[Box, ...], camera: Camera, angle: float) -> tuple[str, ...]:
    """The names of the groups that a frame is counted in."""
    x0, y0, x1, y1 = box
    cut = x0 <= 1 or y0 <= 1 or x1 >= camera.width - 1 or y1 >= camera.height - 1
    small = max(x1 - x0, y1 - y0) < SMALL * max(camera.width, camera.height)
    posture = "upside_down" if angle > 120 else "lying" if angle > 60 else "upright"
    flags = {"all": True, posture: True, "cut_off": cut, "bystanders": bool(others), "small": small}
    return tuple(name for name, holds in flags.items() if holds)


def rendered_frames(shards: str, body: BodyModel) -> Iterator[Frame]:
    """Whole frames of shards in which the subject is visible."""
    for folder in shards.split(","):
        index = ShardIndex(folder)
        for s in range(len(index)):
            joints = body.joints(index.params(s))[0].numpy().astype(np.float64)
            for j, kind in enumerate(index.kinds(s)):
                if kind != FULL:
                    continue
                view = index.view(s, j)
                subject = tight_box(view.mask == 1)
                if subject is None:
                    continue
                found = (tight_box(view.mask == value) for value in np.unique(view.mask) if value > 1)
                others = tuple(box for box in found if box is not None)
                groups = groups_of(subject, others, view.camera, tilt(joints, view.camera))
                yield Frame(view.rgb, subject, others, groups)


def rig_views(
    rig: Path, result_file: Path, body: BodyModel
) -> Iterator[tuple[list[np.ndarray], Sequence[Camera], list[Box]]]:
    """Images and cameras of each frame of a rig, and the box of the fitted body's vertices in each."""
    result = load_result(result_file)
    frames = open_frames(rig, load_rig(rig), common_frames=True)
    for row in np.flatnonzero(result.has_body):
        vertices = body(result.body_params(np.array([row]))).vertices[0].numpy().astype(np.float64)
        boxes: list[Box] = []
        for camera in frames.cameras:
            pixels = np.clip(camera.project(vertices), 0, (camera.width, camera.height))
            (x0, y0), (x1, y1) = np.nanmin(pixels, 0), np.nanmax(pixels, 0)
            boxes.append((float(x0), float(y0), float(x1), float(y1)))
        yield list(frames.read(int(result.frame_ids[row]))), frames.cameras, boxes


def rig_frames(rig: Path, result_file: Path, body: BodyModel) -> Iterator[Frame]:
    """Frames of a rig, one by one; one group per camera."""
    for images, cameras, boxes in rig_views(rig, result_file, body):
        for image, camera, box in zip(images, cameras, boxes, strict=True):
            yield Frame(image, box, (), ("all", camera.name))


def associated(detector: Any, rig: Path, result_file: Path, body: BodyModel) -> dict[str, float]:
    """Overlap of the boxes that the association over the views chooses (0 where it gives none)."""
    overlaps = []
    for images, cameras, boxes in rig_views(rig, result_file, body):
        chosen = Located(detector).find(0, images, cameras, None).boxes
        overlaps += [0.0 if c is None else box_iou(c, b) for c, b in zip(chosen, boxes, strict=True)]
    found = np.array(overlaps)
    return {
        "views": len(found),
        "recall": round(float((found > FOUND).mean()), 3),
        "iou": round(float(found.mean()), 3),
    }


def judge(detector: Any, frames: Iterator[Frame]) -> dict[str, dict[str, float]]:
    """The table of one detector: a row of means for each group."""
    rows: dict[str, list[dict[str, float]]] = {}
    for frame in frames:
        began = time.process_time()
        found = detector.locate([frame.image])[0]
        spent = time.process_time() - began
        overlaps = [box_iou(frame.subject, c.box) for c in found[:TOP]]
        best = max(overlaps, default=0.0)
        people = (frame.subject, *frame.others)
        row = {
            "recall": float(best > FOUND),
            "iou": best,
            "iou_found": best if best > FOUND else np.nan,
            "best_first": float(bool(overlaps) and overlaps[0] > FOUND),
            "false_people": sum(max(box_iou(p, c.box) for p in people) < SOMEBODY for c in found),
            "ms": 1000 * spent,
        }
        for group in frame.groups:
            rows.setdefault(group, []).append(row)
    table = {}
    for group, members in sorted(rows.items()):
        values = {k: [m[k] for m in members if not np.isnan(m[k])] for k in members[0]}
        table[group] = {"frames": len(members)} | {
            k: round(float(np.mean(v)), 3) if v else float("nan") for k, v in values.items()
        }
    return table


def main(words: list[str]) -> dict[str, Any]:
    given = {"shards": "", "rig": "", "result": "", "sides": "320", "body": "anny", "out": ""} | read_words(
        words, WORDS
    )
    body, report = load_body(given["body"]), {}
    for side in (int(s) for s in given["sides"].split(",")):
        detector = PersonDetector.packaged(side)
        if given["shards"]:
            report[str(side)] = judge(detector, rendered_frames(given["shards"], body))
        else:
            bodies = (Path(given["rig"]), Path(given["result"]), body)
            table: dict[str, Any] = judge(detector, rig_frames(*bodies))
            report[str(side)] = table | {"associated": associated(detector, *bodies)}
    if given["out"]:
        Path(given["out"]).write_text(json.dumps(report, indent=1) + "\n")
    return report


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
