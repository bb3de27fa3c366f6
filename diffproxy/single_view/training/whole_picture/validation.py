"""What a network finds on pictures that it was not trained on."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch

from diffproxy.metrics.people import PeopleCounts, depth_orders, match_people
from diffproxy.single_view.training.losses import errors
from diffproxy.single_view.training.whole_picture.pictures import PictureBatch
from diffproxy.single_view.whole_picture.choice import as_boxes, boxes_of, choose_people
from diffproxy.single_view.whole_picture.network import WholePictureNetwork
from diffproxy.single_view.whole_picture.reader import FEWER_PEOPLE

MIN_SCORE = 0.2
COUNTED = 0.3
"""Share of a person that must be seen to have to be found."""
SAME_PLACE = 0.4
"""Least overlap of a match."""


@torch.no_grad()
def validate(network: WholePictureNetwork, batches: list[PictureBatch]) -> dict[str, float]:
    """Counts and errors of the people of pictures, one picture a batch.

    Returns:
        F1 of the people with enough of them visible; of those who are found: joint error (mm, pelvis aligned), also
        before the first layer, which tells what the layers have learnt; error of the depth with known and unknown
        lens, of the focal length (per cent), share of pairs in the right order of depth.
    """
    counts, pairs = np.zeros(3, int), np.zeros(2, int)
    found: dict[str, list[float]] = defaultdict(list)
    for batch in batches:
        out = network(batch.images, batch.camera)
        told = batch.camera.repeat_interleave(out.cells.shape[1], 0)
        last = out.stages[-1]
        body = last.body(told[:, 0])
        height, width = batch.images.shape[-2:]
        boxes = boxes_of(body, network.skeleton, told[:, 1:3], (width, height))
        rows = choose_people(boxes.numpy(), (last.presence - FEWER_PEOPLE).sigmoid().numpy(), MIN_SCORE)
        low, high = _seen_box(batch)
        must = (batch.counted & (batch.visible >= COUNTED)).tolist()
        matches = match_people(as_boxes(torch.cat([low, high], 1)), as_boxes(boxes[rows]), must, SAME_PLACE)
        hits = [(i, rows[j]) for i, j in matches.pairs]
        counts += [len(hits), sum(must) - len(hits), len(rows) - len(hits) - len(matches.excused)]
        if not hits:
            continue
        true, mine = (torch.tensor(x) for x in zip(*hits, strict=True))
        for name, bodies in (("first_mpjpe_mm", out.stages[0].body(told[:, 0])), ("mpjpe_mm", body)):
            some = type(body)(*(v[mine] for v in bodies))
            off = errors(some, batch.people[true], network.skeleton)
            found[name] += (1000 * off["mpjpe"]).tolist()
        known = "known" if float(batch.camera[0, 3]) == 0 else "unknown"
        found[f"depth_{known}_percent"] += (100 * off["log_depth"].abs()).tolist()
        if known == "unknown":
            found["focal_percent"] += (100 * off["log_focal"][:1].abs()).tolist()
        pairs += depth_orders(some.pelvis[:, 2].numpy(), batch.people.pelvis[true, 2].numpy())
    means = {k: float(np.mean(v)) for k, v in found.items()}
    people = PeopleCounts(*counts.tolist())
    means |= {"precision": people.precision, "recall": people.recall, "f1": people.f1}
    means["depth_order"] = float(pairs[0] / max(pairs[1], 1))
    return {k: round(v, 3) for k, v in means.items()}


def _seen_box(batch: PictureBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Corners of the boxes around what is in the pictures of joints and keypoints, in pixels."""
    people, limits = batch.people, torch.tensor(batch.images.shape[:1:-1], dtype=torch.float32)
    points = torch.cat([people.joints, people.points], dim=1) + people.pelvis[:, None]
    pixels = points[..., :2] / points[..., 2:].clamp_min(0.1) * people.focal[:, None, None]
    pixels = torch.minimum((pixels + people.size[:, None] / 2).clamp_min(0), limits)
    return pixels.amin(1), pixels.amax(1)
