"""The language of `frames=`."""

import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames

HAVE = list(range(0, 100, 2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40", [40]),
        ("0:20:10", [0, 10]),
        ("90:", [90, 92, 94, 96, 98]),
        (":5", [0, 2, 4]),
        ("8,4,4", [4, 8]),
        ("4,90:94", [4, 90, 92]),
        ("0:10:3", [0, 6]),  # 3 and 9 are not there: a range takes what exists
        ("", HAVE),
        ("all", HAVE),
    ],
)
def test_selection(text: str, expected: list[int]) -> None:
    assert select_frames(text, HAVE) == expected


@pytest.mark.parametrize("text", ["41", "4,5", "x", "1:2:3:4", "0:10:-1", "1:2", "200:300", "1.5"])
def test_bad_selection_says_what_to_type(text: str) -> None:
    with pytest.raises(InputError, match="fix:"):
        select_frames(text, HAVE)


def test_no_images_at_all() -> None:
    with pytest.raises(InputError, match="no images"):
        select_frames("3", [])


def test_a_range_of_any_length_is_read_at_once():
    assert select_frames("0:999999999999", [3, 5]) == [3, 5]
    assert select_frames("1:99999999999999999999:2", [3, 4]) == [3]
