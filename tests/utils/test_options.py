"""Options: words to dataclass fields, and each help text once in the source."""

import ast
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import option, parse_options, within

ROOT = Path(__file__).parents[2]


@dataclass
class Options:
    folder: str = option("", "a folder", "DIR", "Input")
    count: int = option(3, "a number")
    fast: bool = option(False, "a switch")


def test_words_without_a_name_fill_places_in_turn():
    parse = lambda *words: parse_options(Options, words, ("folder",), ("folder", "count"))  # noqa: E731
    assert parse("some/where", "7", "fast=true") == Options("some/where", 7, True)
    assert parse("fast=true", "folder=x") == Options("x", 3, True)
    assert parse("./a=b") == Options("./a=b")  # a path with an equals sign
    for words, message in (
        ((), "folder=..."),
        (("a", "1", "b"), "options as name=value"),
        (("a", "many"), "count as a whole number"),
        (("fodler=a",), "did you mean folder"),
        (("a", "count=1", "count=2"), "count once\n.*count=2"),
        (("a", "folder=b"), "folder once"),
    ):
        with pytest.raises(InputError, match=message):
            parse(*words)


@dataclass
class Person:
    height: float = option(0.0, "a number")
    out: str = option("", "a folder")

    def __post_init__(self):
        within("height", self.height, 0.0, 3.0, "metres")


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("height=1,80", "write height=1.80"),
        ("height=180cm", "write the number alone, as height=180, in the unit that --help states"),
        ("height=1,80 m", "write the number alone, as height=1.80, in"),
        ("height=180", "between 0 and 3 metres\n.*\n.* give it in metres"),
        ("height=tall", "write height=1"),
        ("out=~nosuchuser/x", "write the path in full"),
    ],
)
def test_decimal_commas_units_and_unknown_homes_are_told(word, fix):
    with pytest.raises(InputError, match=fix):
        parse_options(Person, [word])


def test_the_home_folder_stands_for_its_sign(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_options(Person, ["out=~/x"]).out == "/home/me/x"
    assert parse_options(Person, ["out=a~b"]).out == "a~b"


def test_no_help_text_stands_twice():
    """An option of several commands is defined in utils/shared_options.py, and used from there."""
    texts = Counter()
    for path in [p for folder in ("diffproxy", "render_synth") for p in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in ("option", "partial"):  # option(default, text), partial(option, default, text)
                values = node.args[1 if name == "option" else 2 :][:1]
                values += [k.value for k in node.keywords if k.arg == "text"]
                texts.update(v.value for v in values if isinstance(v, ast.Constant))
    assert len(texts) > 100
    assert [text for text, count in texts.items() if count > 1] == []
