import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Number, Schema, Size, validated


class Box(Schema):
    corners: list[Number]
    width: Size = 1


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], "instance of Box"),
        ({"corners": 5}, "at corners"),
        ({"corners": [1, "a"]}, r"at corners\[1\]"),
        ({"corners": [float("nan")]}, "finite"),
        ({"corners": [1e300]}, "less than"),
        ({"corners": [True]}, "number"),
        ({"corners": [], "width": 0}, "at width"),
        ({"corners": [], "width": 1e15}, "at width"),
        ({"corners": [], "width": float("inf")}, "at width"),
        ({"corners": [], "other": 1}, "at other"),
    ],
)
def test_the_first_deviation_is_named_with_its_place(value, place):
    with pytest.raises(InputError, match=place):
        validated(Box, value, "boxes in b.json", "correct it")


def test_good_values_pass():
    assert validated(Box, {"corners": [1, 2.5], "width": 640.0}, "", "").width == 640
