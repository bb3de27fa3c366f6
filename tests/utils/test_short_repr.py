"""Objects with arrays print as one short line."""

from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import diffproxy
from diffproxy.body import BodyParams
from diffproxy.utils.short_repr import short_repr

PACKAGES = sorted(p.parent.name for p in Path(diffproxy.__file__).parent.glob("*/__init__.py"))


@dataclass(frozen=True)
class Everything:
    image: np.ndarray
    point: torch.Tensor
    name: str
    share: float
    params: dict[str, np.ndarray]
    many: list[BodyParams]
    note: None = None

    __repr__ = short_repr


def test_arrays_are_named_by_shape_and_points_by_their_numbers():
    found = Everything(
        np.zeros((480, 640, 3), np.uint8),
        torch.tensor([0.123456, 1, -2e-7]),
        "n" * 200,
        1 / 3,
        {k: np.zeros((1, 63)) for k in "abcdef"},
        [BodyParams.rest()] * 3,
    )
    text = repr(found)
    assert "\n" not in text and len(text) < 400
    assert "image=uint8 (480, 640, 3), point=[0.1235, 1, -2e-07], name='nnn" in text
    assert "share=0.3333, params={a: float64 (1, 63), b: " in text and "... 2 more}" in text
    assert text.endswith("many=[3 BodyParams], note=None)")


@pytest.mark.parametrize("package", ["", *PACKAGES])
def test_every_public_dataclass_with_arrays_has_a_short_repr(package):
    module = import_module(f"diffproxy.{package}".rstrip("."))
    for name in getattr(module, "__all__", ()):
        kind = getattr(module, name)
        # The package geometry cannot import utils, and holds nothing large.
        if isinstance(kind, type) and is_dataclass(kind) and ".geometry." not in kind.__module__:
            arrays = [f.name for f in fields(kind) if "ndarray" in str(f.type) or "Tensor" in str(f.type)]
            assert not arrays or kind.__repr__ is short_repr, f"{name} prints the numbers of {arrays}"
