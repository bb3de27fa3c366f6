"""Held-out subjects are not among those that are trained on."""

from __future__ import annotations

from diffproxy.datasets.shards import ShardIndex
from diffproxy.utils.errors import InputError


def refuse_shared_subjects(trained: ShardIndex, held_out: ShardIndex) -> None:
    """InputError for subjects that are in both sets."""
    numbers = {held_out.key(i): i for i in range(len(held_out))}
    # Equal keys alone are not sufficient: runs with other options number their subjects equally.
    pairs = [(i, numbers[k]) for i in range(len(trained)) if (k := trained.key(i)) in numbers]
    same = [trained.key(i) for i, j in pairs if trained.meta(i)["params"] == held_out.meta(j)["params"]]
    if same:
        raise InputError(
            "held-out subjects that are not trained on",
            f"{len(same)} subjects in both shards and val_shards, e.g. {same[0]}",
            "render val_shards with another seed and split=test",
        )
