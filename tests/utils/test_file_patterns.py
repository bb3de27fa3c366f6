"""Inputs that are one file or a glob pattern."""

from diffproxy.utils.file_patterns import files_named


def test_a_file_comes_before_the_pattern_that_its_name_is(tmp_path):
    one, two, bracketed = (tmp_path / name for name in ("a1.tar", "a2.tar", "a[12].tar"))
    two.touch()
    one.touch()
    assert files_named(tmp_path / "a*.tar") == files_named(bracketed) == [one, two]
    bracketed.touch()
    assert files_named(bracketed) == [bracketed]
    assert files_named(tmp_path / "a**b.tar") == []
