"""A few of many, evenly spread."""

import pytest

from diffproxy.utils.spread import spread


@pytest.mark.parametrize(
    ("length", "count", "chosen"),
    [(5, 9, [0, 1, 2, 3, 4]), (5, 5, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8]), (10, 4, [0, 3, 6, 9]),
     (5, 1, [0]), (5, 0, []), (1, 3, [0]), (0, 3, [])],
)  # fmt: skip
def test_first_and_last_are_among_them(length, count, chosen):
    assert spread(range(length), count) == chosen
