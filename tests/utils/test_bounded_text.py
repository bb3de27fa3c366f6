import numpy as np
import pytest

from diffproxy.utils.bounded_text import parse_json, parse_yaml
from diffproxy.utils.errors import InputError


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[Infinity]", "1e999", "-1e400", "9" * 5000, "[" * 200_000, "[" * 80 + "]" * 80,
     '{"a":' * 70 + "1" + "}" * 70, "\xff"],
)  # fmt: skip
def test_json_that_is_refused(text):
    with pytest.raises(InputError):
        parse_json(text.encode("latin-1"), "JSON in a.json")


def test_json_numbers_stay_exact():
    assert parse_json("[1, 0.1, 12345678901234567890]", "") == [1, 0.1, 12345678901234567890]
    assert np.isnan(parse_json("[NaN]", "", finite=False)[0])


def test_yaml_aliases_are_counted_written_out():
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    with pytest.raises(InputError, match="aliases"):
        parse_yaml(bomb, "YAML")
    assert parse_yaml("a: &k [1, 2]\nb: *k\n", "YAML") == {"a": ["1", "2"], "b": ["1", "2"]}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 5000, "a: &a [*a]", "a: *b", "a: [", "\0", "? [a]\n: b", "x" * (5 << 20)]
)
def test_yaml_that_is_refused(text):
    with pytest.raises(InputError):
        parse_yaml(text, "YAML")


def test_yaml_makes_no_objects():
    assert parse_yaml("a: !!python/object/apply:os.getcwd []", "YAML") == {"a": []}


def test_a_name_that_comes_twice_is_refused():
    """JSON's own reader keeps the last one: a camera would be lost without a word."""
    with pytest.raises(InputError, match="'cam0' twice"):
        parse_json('{"cameras": {"cam0": 1, "cam1": 2, "cam0": 3}}', "a rig")
