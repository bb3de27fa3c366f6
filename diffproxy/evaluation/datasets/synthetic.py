"""Shards of `python -m render_synth`: crops with exact proxies, or whole frames for the detector too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from diffproxy.datasets.shards import FULL, ShardIndex, ShardView
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.subject import EvalSubject, PendingSubject
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError


def read(options: EvaluateOptions) -> Iterator[PendingSubject]:
    """One subject a sample: its first `views` body crops (`images=crops`) or whole frames (`images=full`)."""
    index = ShardIndex(options.shards)
    for sample in range(len(index)):
        yield PendingSubject(index.key(sample), partial(_subject, index, sample, options))


def _subject(index: ShardIndex, sample: int, options: EvaluateOptions) -> EvalSubject:
    kind = "body" if options.images == "crops" else FULL
    numbers = [j for j, k in enumerate(index.kinds(sample)) if k == kind][: options.views]
    if not numbers:
        fix = "render with full_frames=4, or write images=crops" if kind == FULL else "render with views=4"
        raise InputError(f"views of kind {kind} in every sample", f"none in {index.key(sample)}", fix)
    views = [index.view(sample, j) for j in numbers]
    return EvalSubject(
        key=index.key(sample),
        images=[v.rgb for v in views],
        cameras=[v.camera for v in views],
        truth=FrameResult(sample, "ok", params=params_to_arrays(index.params(sample))),
        topology=str(index.meta(sample).get("topology", "")),
        boxes=[whole_image_box(v.camera) for v in views] if kind == "body" else None,
        exact=_exact(views + _hands(index, sample, views[0])) if kind == "body" else None,
        info={"views": len(views)},
    )


def _hands(index: ShardIndex, sample: int, like: ShardView) -> list[ShardView]:
    """The sample's hand crops, if they have the size of its body crops."""
    hands = [
        index.view(sample, j) for j, k in enumerate(index.kinds(sample)) if k in ("left_hand", "right_hand")
    ]
    return [v for v in hands if v.labels.shape == like.labels.shape]


def _exact(views: list[ShardView]) -> ProxyMaps:
    labels = np.stack([v.labels for v in views])
    uv = np.stack([v.uv for v in views]).astype(np.float32)
    weight = (labels > 0).astype(np.float32)
    return ProxyMaps(labels, uv, weight, tuple(v.kind for v in views), tuple(v.camera for v in views))
