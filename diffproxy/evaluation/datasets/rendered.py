"""Whole frames of `python -m render_synth`, each a picture of its own with everybody in it labelled.

    python -m render_synth out=shards/people views=4 full_frames=4 body_crops=false hand_crops=0 size=384 \\
        group_fraction=0.5 max_bystanders=7 split=test ...
    python -m diffproxy.evaluation.single_view dataset=rendered people=all path=shards/people out=out/people

Every person of every whole frame is a subject. Somebody counts of whose silhouette inside the frame `LEAST_VISIBLE` and
more is hidden by nothing, with `LEAST_IN_FRAME` of the joints inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

import torch

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.body.names import BODY_JOINTS
from diffproxy.datasets.shards import FULL, ShardIndex
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.moment import every, root_folder
from diffproxy.evaluation.datasets.subject import EvalSubject, PendingSubject
from diffproxy.evaluation.single_view_errors import surface_of
from diffproxy.evaluation.true_body import BodySurface, TrueBody
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.utils.errors import InputError

LEAST_VISIBLE, LEAST_IN_FRAME = 0.3, 4 / 22
FIX = "render with full_frames=4, by this version"


def read(options: EvaluateOptions) -> Iterator[PendingSubject]:
    """Every person of every whole frame.

    Raises:
        InputError: no shards, or without whole frames, of another body, or with people whose bodies are not stored.
    """
    index = ShardIndex(root_folder(options.dataset, ".", "python -m render_synth"))
    body = load_body(options.body.path)
    posed, surface = lru_cache(maxsize=2)(partial(posed_people, index, body)), surface_of(body)
    found = False
    for sample in every(range(len(index)), options.dataset):
        for number, view in enumerate(index.meta(sample)["views"]):
            if view["kind"] != FULL:
                continue
            found = True
            picture = f"{index.key(sample)}/v{number}"
            if "people" not in view or not index.labels_everybody(sample):
                raise InputError(f"bodies and visibility of all people of {picture}", "some without", FIX)
            for person, seen in enumerate(view["people"]):
                key = f"{picture}/{person}"
                load = partial(_subject, key, index, sample, number, person, posed, surface)
                yield PendingSubject(key, load, picture, counts(seen))
    if not found:
        raise InputError("shards with whole frames", f"none in {options.dataset.path}", FIX)


def counts(person: Mapping[str, float]) -> bool:
    """Whether somebody has to be found of whom a view says `visible` and `in_frame`."""
    return person["visible"] >= LEAST_VISIBLE and person["in_frame"] >= LEAST_IN_FRAME


def posed_people(index: ShardIndex, body: BodyModel, sample: int) -> list[TrueBody]:
    """Everybody in a sample, without triangles.

    Raises:
        InputError: a sample of another body.
    """
    if index.meta(sample).get("topology", body.topology_id) != body.topology_id:
        raise InputError(
            f"{index.key(sample)} of body {body.name}", index.meta(sample)["body"], "give body=PATH of that"
        )
    with torch.no_grad():
        out = body(BodyParams.cat(index.people(sample)))
    vertices, joints = out.vertices.double().numpy(), out.joints[:, BODY_JOINTS].double().numpy()
    return [TrueBody(v, {"smplx22": j}) for v, j in zip(vertices, joints, strict=True)]


def _subject(
    key: str,
    index: ShardIndex,
    sample: int,
    number: int,
    person: int,
    posed: Callable[[int], list[TrueBody]],
    surface: BodySurface,
) -> EvalSubject:
    view, true = index.view(sample, number), posed(sample)[person]
    params = params_to_arrays(index.people(sample)[person])
    return EvalSubject(
        key, [view.rgb], [view.camera], FrameResult(sample, "ok", params=params),
        str(index.meta(sample).get("topology", "")), true_body=TrueBody(true.vertices, true.joints, surface),
        info={"views": 1},
    )  # fmt: skip
