"""Every public function and class says what is wrong with its arguments: all names of the packages' `__all__`."""

from __future__ import annotations

import importlib
import inspect
from contextlib import nullcontext

import numpy as np
import pytest

from diffproxy.utils.errors import InputError

PACKAGES = (
    "association", "body", "calibration", "cameras", "export", "fitting", "generator", "keypoints", "metrics", "motion",
    "pose_prior", "proxies", "synchronization", "viewer", "visualization",
)  # fmt: skip
MADE_HERE = {
    "Association", "BodyOutput", "Calibration", "CameraOffset", "CameraReport", "FitResult", "OneViewPerson", "Person",
    "RigReport", "RigState", "Triangulated",
}  # fmt: skip
"""Results, which nobody else makes."""
INNER = {"ProxyGenerator", "Conditioning", "build_generator", "Similarity", "align_points"}
"""The network, whose arguments the pipeline has checked, and the ground floor, which knows no errors of ours."""


WRONG = {
    "None": None,
    "text": "abc",
    "object": object(),
    "number": 3.5,
    "shape": np.zeros((1, 2, 3, 4, 5)),
    "dtype": np.zeros((4, 4), complex),
}
RIGHT = {("metrics.auc", "shape"), ("metrics.pck", "shape"), ("visualization.Report", "text")}
"""Of these: errors of any shape, and a title."""


def public() -> dict[str, object]:
    found = {}
    for package in PACKAGES:
        module = importlib.import_module(f"diffproxy.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            own = inspect.isfunction(value) or inspect.isclass(value)
            if own and not getattr(value, "_is_protocol", False) and name not in MADE_HERE | INNER:
                found[f"{package}.{name}"] = value
    found["fit_rig"] = importlib.import_module("diffproxy").fit_rig
    return found


PUBLIC = public()


def needed(name: str) -> list[str]:
    """The arguments without a default."""
    return [
        n
        for n, p in inspect.signature(PUBLIC[name]).parameters.items()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_wrong_arguments_are_told(name):
    """`object()` for all of them, and one more than there are."""
    target = PUBLIC[name]
    given = list(inspect.signature(target).parameters.values())
    wrong = {p.name: object() for p in given if p.kind is p.POSITIONAL_OR_KEYWORD}
    with pytest.raises(InputError, match="see help"):
        target(**(wrong or {"no_such_argument": 1}))


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", [name for name in PUBLIC if needed(name)])
def test_one_kind_of_value_for_all_needed_arguments_is_told(name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with nullcontext() if (name, kind) in RIGHT else pytest.raises(InputError):
        PUBLIC[name](**dict.fromkeys(needed(name), WRONG[kind]))


def test_the_help_that_errors_name_is_there():
    with pytest.raises(InputError) as error:
        PUBLIC["fitting.fit"](1, 2)
    place = error.value.fix.split('"')[1]
    module, _, name = place.rpartition(".")
    assert getattr(importlib.import_module(module), name) is PUBLIC["fitting.fit"]
