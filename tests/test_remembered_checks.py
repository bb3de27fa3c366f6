"""A call like an earlier one is not checked again; every other one is."""

from __future__ import annotations

from functools import wraps
from typing import Literal

import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError

from tests.remembered_checks import lenient, remembering


def checked(fn):
    return remembering(fn, typechecker=lenient)


@checked
def scaled(points: Float[np.ndarray, "n 3"], by: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    return points * by[:, None]


@checked
def positive(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " 2"]:
    return values[values > 0]


@checked
def named(kind: Literal["a", "b"], sizes: list[int], flag: bool = False) -> int:
    return len(kind) * sizes[0]


def test_wrong_shapes_are_found_after_right_ones():
    for _ in range(2):
        assert scaled(np.ones((4, 3)), np.ones(4)).shape == (4, 3)
        for wrong in ((np.ones((4, 2)), np.ones(4)), (np.ones((4, 3)), np.ones(5)),
                      (np.ones((4, 3), int), np.ones(4)), (np.ones((4, 3)), [1.0])):  # fmt: skip
            with pytest.raises(TypeCheckError):
                scaled(*wrong)
        with pytest.raises(TypeCheckError):
            scaled(np.ones((4, 3)), by=np.ones(3))


def test_results_that_the_shapes_of_the_arguments_do_not_tell_are_checked():
    for _ in range(2):
        assert len(positive(np.array([1.0, -1.0, 2.0]))) == 2
        with pytest.raises(TypeCheckError):
            positive(np.array([1.0, 1.0, 2.0]))


def test_texts_and_the_entries_of_containers_count():
    for _ in range(2):
        assert named("a", [2, 3]) == 2 and named("b", [2, 3], flag=True) == 2
        for wrong in (("c", [2, 3]), ("a", [2.0]), ("a", (2, 3)), ("a", [2, 3], 1), ("a", ["2"] * 99)):
            with pytest.raises(TypeCheckError):
                named(*wrong)


def test_nested_functions_share_checks_and_nothing_else():
    def make(offset: float):
        def moved(x: Float[np.ndarray, " n"], by: float = offset) -> Float[np.ndarray, " n"]:
            return x + offset + by

        return checked(moved)

    one, other = make(1.0), make(2.0)
    assert one(np.zeros(2))[0] == 2.0 and other(np.zeros(2))[0] == 4.0 and other(np.zeros(3))[0] == 4.0
    for function in (one, other, make(3.0)):
        with pytest.raises(TypeCheckError):
            function(np.zeros((2, 2)))


def test_a_call_like_an_earlier_one_is_not_checked():
    calls = []

    def counting(fn):
        check = lenient(fn)

        @wraps(fn)
        def counted(*args, **kwargs):
            calls.append(fn.__name__)
            return check(*args, **kwargs)

        return counted

    def doubled(x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return 2 * x

    function = remembering(doubled, typechecker=counting)
    assert not calls
    for size, expected in ((2, 2), (2, 2), (3, 4), (2, 4), (3, 4)):  # arguments, then arguments and result
        assert len(function(np.ones(size))) == size and len(calls) == expected
