"""Sanity checks of a training set (body, labels, held-out subjects) before training starts."""

from __future__ import annotations

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.datasets.held_out import refuse_shared_subjects
from diffproxy.training.dataset import ProxySamples
from diffproxy.utils.errors import InputError

LOOK_AT = 4  # subjects of each set, evenly spread


def sanity_check(data: ProxySamples, val: ProxySamples | None, body: BodyModel) -> None:
    """InputError if shards are of another body or hold impossible proxies, or if train and held-out sets overlap."""
    for name, samples in (("shards", data), ("val_shards", val)):
        if samples is not None:
            _check_set(name, samples, body)
    if val is not None:
        refuse_shared_subjects(data.index, val.index)


def _check_set(name: str, samples: ProxySamples, body: BodyModel) -> None:
    index, palette = samples.index, body.atlas.palette
    if not len(index):
        raise InputError(f"{name} with subjects", "none", "render some: python -m render_synth out=...")
    seen = 0
    for i in np.unique(np.linspace(0, len(index) - 1, LOOK_AT).astype(int)):
        key, topology = index.key(int(i)), index.meta(int(i)).get("topology", body.topology_id)
        if topology != body.topology_id:
            raise InputError(
                f"{name} of body {body.name} (topology {body.topology_id})",
                f"{key} of topology {topology}",
                "give body= the one they were rendered with, or render again",
            )
        for j, kind in enumerate(index.kinds(int(i))):
            view = index.view(int(i), j)
            known = palette.body_ids if kind in ("body", "full") else palette.hand_ids
            strange = sorted(set(np.unique(view.labels).tolist()) - {0, *known})
            if strange:
                raise InputError(
                    f"{name}: {kind} labels of the palette", f"{strange} in view {j} of {key}", "render again"
                )
            seen += int((view.labels > 0).sum())
    if not seen:
        raise InputError(
            f"{name} in which somebody is seen",
            f"no labelled pixel in {LOOK_AT} subjects",
            "look at them: python -m render_synth inspect FOLDER",
        )
