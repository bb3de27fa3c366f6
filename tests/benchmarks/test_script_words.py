"""Words of scripts: what a script does not read is told, with the nearest name that it reads."""

import pytest

from diffproxy.utils.errors import InputError


def test_a_misspelt_name_is_no_default(load_benchmark):
    read_words = load_benchmark("script_words").read_words
    assert read_words(["takes=5", "out=a=b"], ("out", "takes")) == {"takes": "5", "out": "a=b"}
    for word, said in (
        ("take=5", "did you mean takes="),
        ("takes", "name among out, takes"),
        ("x=1", "docstring"),
    ):
        with pytest.raises(InputError, match=said):
            read_words([word], ("out", "takes"))
