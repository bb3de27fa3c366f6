"""Arguments of the public functions: what is converted, what is refused and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Thing:
    name = "thing"


@checked
def echo(
    value: Any, points: Float[np.ndarray, "N 3"] | None = None, weight: Float[np.ndarray, " N"] | None = None
):
    return value, points, weight


def checked_as(annotation: Any) -> Callable[[Any], Any]:
    def function(value):
        return value

    function.__annotations__["value"] = annotation
    return checked(function)


VALUES: list[tuple[Any, list[Any], list[Any]]] = [
    (int, [3, np.int32(3)], [3.0, "3", True, None, [3]]),
    (float, [3, 0.5, np.float32(0.5)], ["0.5", True, None, np.zeros(1), 1j]),
    (bool, [True, np.bool_(True)], [1, "no", None]),
    (str, ["a"], [1, None, b"a", Path("a")]),
    (str | Path, ["a", Path("a")], [1, None, ["a"]]),
    (Path, ["a", Path("a")], [1, None]),
    (Literal["a", "b"], ["a"], ["c", None, 1, ["a"], np.zeros(2)]),
    (int | None, [None, 3], ["3", 0.5]),
    (Thing, [Thing()], [Thing, "thing", None, {}]),
    (Named, [Thing()], ["thing", None, {}]),
    (Callable, [len], ["len", None]),
    (Sequence[int], [[1], (1,), range(3), np.array([1, 2]), []],
     [1, "1", ["1"], {1: 2}, None, np.zeros((2, 2)), [0.5]]),
    (Sequence[str], [["a"], ("a", "b")], ["ab", [1], None, {"a"}]),
    (tuple[int, ...], [(1, 2), [1, 2], (n for n in (1, 2))], [1, "12", ("1",), {1: 2}]),
    (tuple[float, float], [(1, 2), [1.0, 2.0], np.zeros(2), torch.zeros(2)],
     [(1,), (1, 2, 3), 1, "ab", np.zeros((2, 2))]),
    (Iterable[str], [["a"], {"a"}, (n for n in "ab")], ["ab", 1, None]),
    (Mapping[str, int], [{"a": 1}, {}], [{"a": "1"}, [("a", 1)], None, "a"]),
    (Float[np.ndarray, "N 3"], [np.zeros((2, 3)), [[0, 0, 0]], torch.zeros(2, 3, requires_grad=True),
                                np.zeros((2, 3), int), np.zeros((2, 3), np.float16)],
     [np.zeros(3), np.zeros((3, 2)), np.zeros((2, 3), np.uint8), [[0, 0], [0]], "x", None, 1.0, np.zeros((2, 3), bool),
      np.full((2, 3), None), np.full((2, 3), "a"), np.zeros((2, 3), complex)]),
    (Int[np.ndarray, " N"], [np.zeros(2, np.int32), [0, 1], [], np.zeros(2, np.uint32)], [np.zeros(2), [0.5], [True]]),
    (UInt8[np.ndarray, " N"], [np.zeros(2, np.uint8), np.array([0, 255]), torch.tensor([7])],
     [np.zeros(2), np.array([-1]), np.array([256]), np.zeros(2, bool)]),
    (Bool[np.ndarray, " N"], [np.zeros(2, bool), np.array([0, 255])], [np.zeros(2), "ab"]),
    (Float[Tensor, "B 3"], [torch.zeros(2, 3)],
     [np.zeros((2, 3)), torch.zeros(3), torch.zeros(2, 3).long(), [[0.0] * 3]]),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "right", "wrong"), VALUES, ids=[str(v[0]) for v in VALUES])
def test_values_are_converted_without_loss_or_refused(annotation, right, wrong):
    function = checked_as(annotation)
    for value in right:
        function(value)
    for value in wrong:
        with pytest.raises(InputError, match="expected value of "):
            function(value)


def test_what_is_converted_has_the_annotated_type():
    assert checked_as(Path)("a") == Path("a")
    assert checked_as(tuple[int, ...])(n for n in (1, 2)) == (1, 2)
    points = checked_as(Float[np.ndarray, "N 3"])([[1, 2, 3]])
    assert points.dtype == np.float64 and points.tolist() == [[1, 2, 3]]
    assert checked_as(Bool[np.ndarray, " N"])([0, 255]).tolist() == [False, True]
    assert type(checked_as(int)(np.int64(3))) is int
    same = np.zeros((2, 3))
    assert checked_as(Float[np.ndarray, "N 3"])(same) is same, "what fits is passed on as it is"


def test_arrays_that_share_a_letter_agree():
    echo(1, np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(InputError) as error:
        echo(1, np.zeros((2, 3)), np.zeros(5))
    assert "weight of echo: Float array of shape (N) or None" in error.value.expected
    assert "shape (5,); points of shape (2, 3)" in error.value.found
    assert error.value.fix == f'see help("{__name__}.echo")'


def test_missing_unknown_and_repeated_arguments_are_told():
    for wrong in (
        lambda: echo(),
        lambda: echo(1, pints=2),
        lambda: echo(1, value=2),
        lambda: echo(1, 2, 3, 4),
    ):
        with pytest.raises(InputError, match=r"expected echo\(value, points, weight\)"):
            wrong()


@checked
@dataclass(frozen=True)
class Data:
    sizes: tuple[int, ...]
    name: str = "a"

    def taken(self, row: int) -> int:
        return self.sizes[row]

    @staticmethod
    def of(name: str) -> Data:
        return Data((), name)


def test_classes_check_their_constructor_and_methods():
    data = Data([1, 2])
    assert data.sizes == (1, 2) and data.taken(1) == 2 and Data.of("b").name == "b"
    for wrong in (
        lambda: Data(1),
        lambda: replace(data, name=3),
        lambda: replace(data, size=3),
        lambda: data.taken("1"),
        lambda: Data.of(None),
    ):
        with pytest.raises(InputError):
            wrong()
